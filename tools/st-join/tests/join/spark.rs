//! Every case of `tests/spark/answers.json`, which `answers.py` beside it had real Spark answer.

use serde_json::{Value, json};

use crate::harness::{Ran, Stream, join, sorted, streams};

fn answers() -> Value {
    serde_json::from_str(include_str!("../spark/answers.json")).unwrap()
}

fn batches(rows: &Value) -> Vec<Vec<Value>> {
    let batches = rows.as_array().unwrap().iter();
    batches
        .map(|rows| rows.as_array().unwrap().clone())
        .collect()
}

fn compare(case: &Value, ran: &Ran, wrong: &mut Vec<String>) {
    let mut rows: Vec<String> = ran
        .rows()
        .iter()
        .map(|row| sorted(&serde_json::from_str(row).unwrap()))
        .collect();
    rows.sort();
    let answer = case["answer"].as_array().unwrap().iter();
    let mut answer: Vec<String> = answer
        .map(|row| sorted(&serde_json::from_str(row.as_str().unwrap()).unwrap()))
        .collect();
    answer.sort();
    if rows != answer || ran.status != 0 {
        wrong.push(format!(
            "{}: status {}\n{}\nours:\n  {}\nSpark's:\n  {}",
            case["name"],
            ran.status,
            ran.err,
            rows.join("\n  "),
            answer.join("\n  ")
        ));
    }
}

#[test]
fn two_streams_give_what_spark_gives() {
    let mut wrong = Vec::new();
    let answers = answers();
    for case in answers["streams"].as_array().unwrap() {
        let inputs = &answers["inputs"][case["inputs"].as_str().unwrap()];
        let side = |columns: &str, time: &str, number: usize| {
            let mut stream = Stream::new(columns, batches(&inputs[number]));
            if let Some(delay) = case["delays"][number].as_str() {
                let minutes = delay.split(' ').next().unwrap().parse().unwrap();
                stream = stream.watermark(time, minutes);
            }
            stream
        };
        let l = side("k STRING, lt TIMESTAMP, a INT", "lt", 0);
        let r = side("k STRING, rt TIMESTAMP, b INT", "rt", 1);
        let how = case["how"].as_str().unwrap();
        let mut arguments = vec!["--how", how, "--on", case["on"].as_str().unwrap()];
        if how != "semi" {
            arguments.extend(["--select", "l.k as lk, l.lt, l.a, r.k as rk, r.rt, r.b"]);
        }
        compare(case, &streams(&l, &r, &arguments), &mut wrong);
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn a_stream_and_a_table_give_what_spark_gives() {
    let mut wrong = Vec::new();
    let answers = answers();
    for case in answers["tables"].as_array().unwrap() {
        let folder = tempfile::tempdir().unwrap();
        let types = [0, 1].map(|at| case["types"][at].as_str().unwrap());
        let l = Stream::new(
            &format!("id {}, n INT", types[0]),
            batches(&answers["orders"]),
        );
        std::fs::write(folder.path().join("left"), l.text("l")).unwrap();
        let rows = answers["rows"][case["rows"].as_str().unwrap()]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| format!("{row}\n"));
        std::fs::write(folder.path().join("table.json"), rows.collect::<String>()).unwrap();
        let schema = format!("id {}, name STRING", types[1]);
        let how = case["how"].as_str().unwrap();
        let mut arguments = vec!["--how", how, "--right-schema", &schema];
        match case["using"].as_str() {
            Some(using) => arguments.extend(["--using", using]),
            None => arguments.extend(["--on", case["on"].as_str().unwrap()]),
        }
        if case["using"] == json!(null) && how != "semi" && how != "anti" {
            arguments.extend(["--select", "l.id as lid, l.n, r.name"]);
        }
        compare(
            case,
            &join(folder.path(), "table.json", &arguments),
            &mut wrong,
        );
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}
