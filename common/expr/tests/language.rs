//! The language as a tool uses it: what is accepted, what is refused and how, what is counted.
#![allow(clippy::unwrap_used, missing_docs)]

use st_expr::{
    Columns, Compiled, Compiler, Env, Schema, Slots, Value, parse_assignments, parse_expr,
    parse_list, parse_names, parse_order,
};
use st_row::Spans;
use st_time::Zone;

fn compiler(ddl: &str) -> Compiler {
    Compiler::new(Columns::new(Schema::parse(ddl).unwrap()), Zone::UTC)
}

/// The message an expression is refused with.
fn refusal(ddl: &str, expression: &str) -> String {
    match compiler(ddl).expression(expression) {
        Ok(_) => panic!("{expression} is accepted"),
        Err(error) => error.to_string(),
    }
}

/// The text of an expression's value on a row, and how many parts of it could not be computed.
fn eval(ddl: &str, expression: &str, row: &str) -> (String, u64) {
    let mut compiler = compiler(ddl);
    let compiled = compiler.expression(expression).unwrap();
    let mut spans = Spans::default();
    compiler
        .columns
        .fields()
        .locate(row.as_bytes(), &mut spans)
        .unwrap();
    let env = Env::new(Zone::UTC);
    let value = compiled.eval(&env, &Slots::new(row.as_bytes(), &spans, &[]));
    (
        value.into_text(Zone::UTC).into_owned(),
        env.failures.count(),
    )
}

#[test]
fn a_wrong_name_is_refused_with_the_right_one() {
    assert_eq!(
        refusal("", "a + uper(b)"),
        "no function uper: did you mean upper?\n  a + uper(b)\n      ^^^^"
    );
    assert_eq!(
        refusal("", "sum(x)"),
        "sum is an aggregate, which needs groups: use it in `st-agg --agg`\n  sum(x)\n  ^^^"
    );
    assert_eq!(
        refusal("", "1 + explode(a)"),
        "explode makes rows, so it stands alone: `explode(…) as name` in --select or --set\n  1 + explode(a)\n      ^^^^^^^"
    );
    assert_eq!(
        refusal("st STRUCT<left: INT, right: INT>", "st.rigth"),
        "no member `rigth` here: did you mean right?\n  st.rigth\n  ^^^^^^^^"
    );
    assert_eq!(
        refusal("", "cast(a as strng)"),
        "`strng` is no type: did you mean STRING?\n  cast(a as strng)\n            ^^^^^"
    );
}

#[test]
fn a_wrong_count_is_refused_with_the_usage() {
    assert_eq!(
        refusal("", "replace(a)"),
        "it takes 2 to 3 arguments, not 1: replace(text, search[, replacement])\n  replace(a)\n  ^^^^^^^"
    );
    assert_eq!(
        refusal("", "if(a, 1)"),
        "it takes 3 arguments, not 2: if(condition, then, else)\n  if(a, 1)\n  ^^"
    );
}

#[test]
fn a_syntax_error_has_a_caret_under_its_place() {
    for (expression, message) in [
        (
            "a +",
            "expected an expression, found the end\n  a +\n     ^",
        ),
        (
            "a b",
            "expected an operator, `,` or the end, found `b`\n  a b\n    ^",
        ),
        ("(a", "expected `)`, found the end\n  (a\n    ^"),
        (
            "a = 'x",
            "this string has no closing quote\n  a = 'x\n      ^",
        ),
        ("a in 1", "expected `(`, found `1`\n  a in 1\n       ^"),
        (
            "größe + *",
            "`*` stands in `count(*)` only: name the columns\n  größe + *\n          ^",
        ),
        (
            "case when a then b",
            "expected `end`, found the end\n  case when a then b\n                    ^",
        ),
        (
            "a is 5",
            "expected `null`, `true`, `false` or `distinct from` after `is`, found `5`\n  a is 5\n       ^",
        ),
        (
            "a; drop",
            "an expression ends without `;`: leave it out\n  a; drop\n   ^",
        ),
        (
            "a +\n  b c",
            "expected an operator, `,` or the end, found `c`\n    b c\n      ^",
        ),
        (
            "2x",
            "`2x` is no number: suffixes are Y, S, L, F, D and BD; a name that begins with a digit stands in backticks\n  2x\n  ^^",
        ),
        ("", "expected an expression, found the end\n  \n  ^"),
    ] {
        let error = match parse_expr(expression) {
            Ok(ast) => compiler("").compile(&ast, expression).err().unwrap(),
            Err(error) => error,
        };
        assert_eq!(error.to_string(), message, "{expression}");
    }
}

#[test]
fn types_that_cannot_work_are_refused() {
    let ddl = "a ARRAY<INT>, s STRING, i INT, d DATE, b BOOLEAN";
    for (expression, message) in [
        (
            "a + 1",
            "`+` does not work on ARRAY<INT> and INT\n  a + 1\n  ^^^^^",
        ),
        (
            "i and b",
            "`and` wants true or false, not INT: compare it with something\n  i and b\n  ^",
        ),
        (
            "a = 1",
            "`=` does not work on ARRAY<INT> and INT: cast one of them\n  a = 1\n  ^^^^^",
        ),
        (
            "d * 2",
            "`*` does not work on DATE and INT\n  d * 2\n  ^^^^^",
        ),
        (
            "cast(a as int)",
            "ARRAY<INT> cannot be cast to INT\n  cast(a as int)\n  ^^^^^^^^^^^^^^",
        ),
        (
            "case when b then a else 1 end",
            "INT here, but ARRAY<INT> before: cast one of them\n  case when b then a else 1 end\n                          ^",
        ),
        (
            "upper(a)",
            "STRING is wanted here, not ARRAY<INT>: upper(text)\n  upper(a)\n        ^",
        ),
        ("a.x", "INT has no members\n  a.x\n  ^^^"),
    ] {
        assert_eq!(refusal(ddl, expression), message, "{expression}");
    }
}

#[test]
fn what_cannot_be_computed_is_null_and_counted() {
    let row = r#"{"n": 9223372036854775807, "z": 0, "s": "abc", "i": 2147483647}"#;
    for (expression, answer, count) in [
        ("n + 1", "null", 1),
        ("n * n", "null", 1),
        ("-n - 2", "null", 1),
        ("1 / z", "null", 1),
        ("1 % z", "null", 1),
        ("cast(s as int)", "null", 1),
        ("try_cast(s as int)", "null", 0),
        ("s > 5", "null", 1),
        ("s + 1", "null", 1),
        ("missing + 1", "null", 0),
        ("missing / 0", "null", 0),
        ("coalesce(1 / z, 7)", "7", 1),
        ("cast(n as int)", "null", 1),
    ] {
        assert_eq!(
            eval("", expression, row),
            (answer.to_owned(), count),
            "{expression}"
        );
    }
    // A declared INT has 32 bits, and never wraps.
    assert_eq!(eval("i INT", "i + 1", row), ("null".to_owned(), 1));
    assert_eq!(eval("i INT", "i + 1L", row), ("2147483648".to_owned(), 0));
    let env = Env::new(Zone::UTC);
    let compiled = compiler("").expression("cast('x' as int)").unwrap();
    compiled.eval(&env, &Slots::of_values(&[]));
    assert_eq!(env.failures.take_first().unwrap(), "'x' is no INT");
}

#[test]
fn what_is_not_needed_is_not_computed() {
    let row = r#"{"z": 0}"#;
    for expression in [
        "z = 1 and 1 / z > 1",
        "z = 0 or 1 / z > 1",
        "if(z = 0, 1, 1 / z)",
        "case when z = 0 then 1 else 1 / z end",
        "coalesce(z, 1 / z)",
        "nvl2(z, 1, 1 / z)",
    ] {
        assert_eq!(eval("", expression, row).1, 0, "{expression}");
    }
}

#[test]
fn an_undeclared_column_is_what_its_value_is() {
    let ours = |expression: &str, row: &str| eval("", expression, row).0;
    assert_eq!(ours("x + 1", r#"{"x": 1}"#), "2");
    assert_eq!(ours("x + 1", r#"{"x": 1.5}"#), "2.5");
    assert_eq!(ours("x + 1", r#"{"x": "1.5"}"#), "2.5");
    assert_eq!(
        ours("x + 1", r#"{"x": 12345678901234567890123}"#),
        "12345678901234567890124"
    );
    assert_eq!(
        ours("x", r#"{"x": 123456789012345678901234567890123456789}"#),
        "1.2345678901234568E38"
    );
    assert_eq!(ours("x = 'a\\\\b'", r#"{"x": "a\\b"}"#), "true");
    assert_eq!(ours("x = 'é'", r#"{"x": "\u00e9"}"#), "true");
    assert_eq!(ours("x = '7'", r#"{"x": 7}"#), "true");
    assert_eq!(ours("x <> 'a'", r#"{"x": null}"#), "null");
    assert_eq!(ours("x <> 'a'", r#"{}"#), "null");
    assert_eq!(
        ours("x.y[1].z", r#"{"x": {"y": [0, {"z": "deep"}]}}"#),
        "deep"
    );
    assert_eq!(ours("x['y']", r#"{"x": {"y": 1}}"#), "1");
    assert_eq!(ours("x.y", r#"{"x": 5}"#), "null");
    assert_eq!(
        ours("`odd name` + `a``b`", r#"{"odd name": 1, "a`b": 2}"#),
        "3"
    );
    assert_eq!(
        ours(
            "x > timestamp '2025-01-15 10:00:00'",
            r#"{"x": "2025-01-15T12:00:00+01:00"}"#
        ),
        "true"
    );
}

#[test]
fn brackets_belong_to_the_source() {
    let text = "f = (a > 1), (a + b) * (c), (s).x, not (f) and (g), (a), -(1) in (2)";
    let items = parse_list(text).unwrap();
    let sources: Vec<&str> = items.iter().map(|item| item.source()).collect();
    let whole = [
        "f = (a > 1)",
        "(a + b) * (c)",
        "(s).x",
        "not (f) and (g)",
        "a",
        "-(1) in (2)",
    ];
    assert_eq!(sources, whole);
}

#[test]
fn lists_keep_names_calls_and_source() {
    let items = parse_list(
        "window(ts, \"5 minutes\") as w, category, sum(price) total, count(*) filter (where x > 1)",
    )
    .unwrap();
    let names: Vec<String> = items.iter().map(|item| item.name()).collect();
    assert_eq!(
        names,
        ["w", "category", "total", "count(1) FILTER (WHERE (x > 1))"]
    );
    let window = items[0].expr.call().unwrap();
    assert_eq!(
        (
            window.name.as_str(),
            window.args[0].column(),
            window.args[1].text()
        ),
        ("window", Some("ts"), Some("5 minutes"))
    );
    assert_eq!(items[1].expr.column(), Some("category"));
    assert_eq!(items[2].source(), "sum(price)");
    assert!(items[3].expr.call().unwrap().filter.is_some());
    assert_eq!(
        parse_list("window(ts, '1 minute')").unwrap()[0].name(),
        "window"
    );
    assert_eq!(
        parse_list("posexplode(a) as (i, x)").unwrap()[0].aliases,
        ["i", "x"]
    );

    let set = parse_assignments("a = b + 1, `c d` = 'x, y'").unwrap();
    assert_eq!(
        set.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(),
        ["a", "c d"]
    );
    assert_eq!(
        parse_assignments("a").unwrap_err().to_string(),
        "expected `=` after `a`, as in `a = price * qty`, found the end\n  a\n   ^"
    );

    let order = parse_order("count desc, name, x desc nulls first, y nulls last").unwrap();
    let keys: Vec<_> = order
        .iter()
        .map(|key| (key.descending, key.nulls_first))
        .collect();
    assert_eq!(
        keys,
        [(true, false), (false, true), (true, true), (false, false)]
    );
    assert_eq!(parse_names("a, `b c`").unwrap(), ["a", "b c"]);

    let call = parse_list("listagg(distinct x, ',') within group (order by y desc)").unwrap();
    let call = call[0].expr.call().unwrap();
    assert!(call.distinct && call.order[0].descending && call.args.len() == 2);
    assert_eq!(
        parse_list("first(x) ignore nulls").unwrap()[0]
            .expr
            .call()
            .unwrap()
            .ignore_nulls,
        Some(true)
    );
    assert_eq!(
        parse_list("first(x ignore nulls)").unwrap()[0]
            .expr
            .call()
            .unwrap()
            .ignore_nulls,
        Some(true)
    );
}

#[test]
fn computed_columns_follow_each_other() {
    let mut compiler = compiler("qty INT");
    let row = br#"{"price": 2.5, "qty": 4, "old": 1}"#;
    let total = compiler.expression("price * qty").unwrap();
    let slot = compiler.columns.bind("total", total.kind().clone());
    let test = compiler.expression("total > 9 and old = 1").unwrap();
    compiler.columns.rename("old", "new").unwrap();
    let renamed = compiler.expression("new + 1").unwrap();
    assert_eq!(
        compiler.expression("old").err().unwrap().to_string(),
        "column `old` is gone by now\n  old\n  ^^^"
    );
    assert_eq!((slot, compiler.columns.computed()), (0, 1));
    assert_eq!(compiler.columns.fields().names(), ["price", "qty", "old"]);

    let mut spans = Spans::default();
    compiler.columns.fields().locate(row, &mut spans).unwrap();
    let env = Env::new(Zone::UTC);
    let mut values: Vec<Value<'_>> = Vec::new();
    let value = total.eval(&env, &Slots::new(row, &spans, &values));
    values.push(value);
    assert!(test.test(&env, &Slots::new(row, &spans, &values)));
    assert_eq!(
        renamed
            .eval(&env, &Slots::new(row, &spans, &values))
            .into_text(Zone::UTC),
        "2"
    );

    // After a select only what it names is there.
    compiler.columns.close();
    compiler.columns.bind("total", total.kind().clone());
    assert_eq!(
        compiler.expression("totl").err().unwrap().to_string(),
        "no column `totl`: did you mean `total`?\n  totl\n  ^^^^"
    );
}

#[test]
fn undeclared_paths_are_copied_as_they_stand() {
    let mut compiler = compiler("t TIMESTAMP");
    let row = br#"{"x": {"y": 1.50}, "t": "2025-01-01"}"#;
    let compiled: Vec<Compiled> = ["x", "x.y", "t", "x.y + 1"]
        .iter()
        .map(|text| compiler.expression(text).unwrap())
        .collect();
    let mut spans = Spans::default();
    compiler.columns.fields().locate(row, &mut spans).unwrap();
    let slots = Slots::new(row, &spans, &[]);
    let raw: Vec<_> = compiled
        .iter()
        .map(|c| c.raw(&slots).map(|raw| std::str::from_utf8(raw).unwrap()))
        .collect();
    assert_eq!(raw, [Some(r#"{"y": 1.50}"#), Some("1.50"), None, None]);
}

#[test]
fn generators_make_rows() {
    let rows = |ddl: &str, list: &str, row: &str| {
        let mut compiler = compiler(ddl);
        let item = &parse_list(list).unwrap()[0];
        let generator = compiler.generator(item).unwrap().unwrap();
        let mut spans = Spans::default();
        compiler
            .columns
            .fields()
            .locate(row.as_bytes(), &mut spans)
            .unwrap();
        let env = Env::new(Zone::UTC);
        let mut made = generator.made(&env, &Slots::new(row.as_bytes(), &spans, &[]));
        let rows = std::iter::from_fn(|| {
            let mut row = Vec::new();
            made.next_into(&mut row).then_some(row)
        });
        let names: Vec<_> = generator
            .columns()
            .iter()
            .map(|field| field.name.clone())
            .collect();
        let rows = rows.into_iter().map(|row| {
            row.into_iter()
                .map(|x| x.into_text(Zone::UTC).into_owned())
                .collect::<Vec<_>>()
                .join(" ")
        });
        format!(
            "{}: {}",
            names.join(","),
            rows.collect::<Vec<_>>().join(" | ")
        )
    };
    assert_eq!(
        rows("", "explode(a)", r#"{"a": [1, "x", null]}"#),
        "col: 1 | x | null"
    );
    assert_eq!(rows("", "explode(a) as n", r#"{"a": []}"#), "n: ");
    assert_eq!(rows("", "explode_outer(a)", r#"{}"#), "col: null");
    assert_eq!(
        rows("", "posexplode(a) as (i, x)", r#"{"a": ["p", "q"]}"#),
        "i,x: 0 p | 1 q"
    );
    assert_eq!(
        rows(
            "m MAP<STRING, INT>",
            "explode(m)",
            r#"{"m": {"k": 1, "l": 2}}"#
        ),
        "key,value: k 1 | l 2"
    );
    assert_eq!(
        rows("", "explode(m) as (k, v)", r#"{"m": {"k": 1}}"#),
        "k,v: k 1"
    );
    assert_eq!(
        rows(
            "a ARRAY<STRUCT<x: INT, y: STRING>>",
            "inline(a)",
            r#"{"a": [{"y": "q", "x": 1}, null]}"#
        ),
        "x,y: 1 q | null null"
    );
    assert_eq!(
        rows("", "stack(2, 1, 'a', 2, 'b')", "{}"),
        "col0,col1: 1 a | 2 b"
    );
    assert_eq!(
        rows(
            "",
            "explode(split(value, ' ')) as word",
            r#"{"value": "to be"}"#
        ),
        "word: to | be"
    );
    let item = &parse_list("explode(s)").unwrap()[0];
    let error = compiler("s STRING").generator(item).err().unwrap();
    assert_eq!(
        error.to_string(),
        "an array or a map is wanted here, not STRING: explode(array or map)\n  explode(s)\n          ^"
    );
}

#[test]
fn chance_and_the_clock_are_the_batchs() {
    let mut compiler = compiler("");
    let [rand, again, seeded, uuid, now] = [
        "rand()",
        "rand()",
        "rand(42)",
        "uuid()",
        "current_timestamp()",
    ]
    .map(|text| compiler.expression(text).unwrap());
    let value = |compiled: &Compiled, seed: u64, row: u64| {
        let env = Env {
            now: 1_736_937_000_000_000,
            seed,
            row,
            ..Env::new(Zone::UTC)
        };
        compiled
            .eval(&env, &Slots::of_values(&[]))
            .into_text(Zone::UTC)
            .into_owned()
    };
    assert_eq!(value(&rand, 1, 1), value(&rand, 1, 1));
    assert_ne!(value(&rand, 1, 1), value(&rand, 1, 2));
    assert_ne!(value(&rand, 1, 1), value(&rand, 2, 1));
    assert_ne!(value(&rand, 1, 1), value(&again, 1, 1));
    assert_ne!(value(&rand, 1, 1), value(&seeded, 1, 1));
    let id = value(&uuid, 1, 1);
    assert_eq!((id.len(), &id[14..15]), (36, "4"));
    assert_eq!(value(&now, 1, 1), "2025-01-15 10:30:00");
}

#[test]
fn a_schema_prints_as_it_is_read() {
    let ddl = "ts TIMESTAMP, price DECIMAL(10,2), tags ARRAY<STRING>, a STRUCT<b: INT, `c d`: MAP<STRING, DOUBLE>>, `x-y` BIGINT";
    assert_eq!(Schema::parse(ddl).unwrap().to_string(), ddl);
    let loose = "ts timestamp not null, price numeric(10, 2), tags array<varchar(20)>, a struct<b integer, `c d`: map<string,double>>, `x-y`: long comment 'n'";
    assert_eq!(Schema::parse(loose).unwrap().to_string(), ddl);
    assert_eq!(Schema::parse("").unwrap(), Schema::default());
    assert_eq!(
        Schema::parse("a INT, a STRING").unwrap_err().to_string(),
        "column `a` is declared twice"
    );
    assert_eq!(
        Schema::parse("a DECIMAL(40,2)").unwrap_err().to_string(),
        "DECIMAL(40,2) does not exist: at most 38 digits, the scale within them\n  a DECIMAL(40,2)\n    ^^^^^^^^^^^^^"
    );
    assert!(Schema::parse("a ARRAY<ARRAY<INT>>").is_ok());
}

#[test]
fn deep_nesting_is_refused_not_overflowed() {
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(parse_expr(&deep).unwrap_err().message.contains("nested"));
    let long = |terms: usize| vec!["1"; terms].join(" + ");
    assert!(
        parse_expr(&long(100_000))
            .unwrap_err()
            .message
            .contains("operators")
    );
    assert_eq!(
        eval("", &format!("x + {}", long(200)), r#"{"x": 1}"#).0,
        "201"
    );
    let brackets = format!("{}x{}", "(1 + ".repeat(60), ")".repeat(60));
    assert_eq!(eval("", &brackets, r#"{"x": 1}"#).0, "61");
}
