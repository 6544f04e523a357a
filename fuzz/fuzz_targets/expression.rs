#![no_main]
//! Expressions: the text up to the first newline is a list, the line behind it a row. An answer that is JSON, or a message.

use libfuzzer_sys::fuzz_target;
use st_expr::{
    Columns, Compiler, Env, Schema, Slots, parse_assignments, parse_list, parse_order, write_json,
};
use st_row::Spans;
use st_time::Zone;

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else {
        return;
    };
    let (text, row) = input.split_once('\n').unwrap_or((
        input,
        "{\"a\":1,\"b\":\"x\",\"ts\":\"2025-01-15T10:00:00Z\"}",
    ));
    let _ = parse_assignments(text);
    let _ = parse_order(text);
    answer(text, row.as_bytes());
});

fn answer(text: &str, row: &[u8]) {
    let Ok(items) = parse_list(text) else {
        return;
    };
    if st_row::validate(row).is_err() {
        return;
    }
    for schema in ["", "a INT, b STRING, ts TIMESTAMP"] {
        for item in &items {
            let schema = Schema::parse(schema).expect("a schema");
            let mut compiler = Compiler::new(Columns::new(schema), Zone::UTC);
            let Ok(compiled) = compiler.item(item) else {
                continue;
            };
            let mut spans = Spans::default();
            compiler
                .columns
                .fields()
                .locate(row, &mut spans)
                .expect("a row");
            let value = compiled.eval(&Env::new(Zone::UTC), &Slots::new(row, &spans, &[]));
            let mut out = b"{\"v\":".to_vec();
            write_json(&mut out, &value, Zone::UTC);
            out.push(b'}');
            match st_row::validate(&out) {
                Ok(()) | Err(st_row::BadRow::TooDeep) => {}
                Err(bad) => panic!("{bad}: {}", String::from_utf8_lossy(&out)),
            }
        }
    }
}
