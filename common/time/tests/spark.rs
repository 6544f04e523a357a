//! Every line of spark.tsv is a question put to Spark and what it answered; we answer the same.
#![allow(clippy::unwrap_used)]

use st_time::{
    Duration, ReadPattern, WritePattern, Zone, parse_date, parse_timestamp, parse_zone, write_date,
    write_spark,
};

fn spark(micros: Option<i64>) -> String {
    micros.map_or("null".to_string(), |micros| {
        let mut out = Vec::new();
        write_spark(&mut out, micros, Zone::UTC);
        String::from_utf8(out).unwrap()
    })
}

fn date(days: Option<i32>) -> String {
    days.map_or("null".to_string(), |days| {
        let mut out = Vec::new();
        write_date(&mut out, days);
        String::from_utf8(out).unwrap()
    })
}

fn ours(what: &str, input: &str, pattern: &str, answer: &str) -> String {
    let (what, zone) = what
        .split_once('@')
        .map_or((what, Zone::UTC), |(what, zone)| {
            (what, parse_zone(zone).unwrap())
        });
    match what {
        "timestamp" => spark(parse_timestamp(input.as_bytes(), zone)),
        "date" => date(parse_date(input.as_bytes())),
        // Spark writes other words for the same length: compare lengths.
        "interval" => match (input.parse::<Duration>(), answer.parse::<Duration>()) {
            (Ok(a), Ok(b)) if a == b => answer.to_string(),
            (Ok(a), _) => a.to_string(),
            (Err(_), _) => "null".to_string(),
        },
        "read" => match pattern.parse::<ReadPattern>() {
            Ok(compiled) => spark(compiled.read(input, zone)),
            Err(e) => format!("refused: {e}"),
        },
        "write" => match pattern.parse::<WritePattern>() {
            Ok(compiled) => {
                let mut out = Vec::new();
                compiled.write(
                    &mut out,
                    parse_timestamp(input.as_bytes(), zone).unwrap(),
                    zone,
                );
                String::from_utf8(out).unwrap()
            }
            Err(e) => format!("refused: {e}"),
        },
        "refuse-read" => {
            if pattern.parse::<ReadPattern>().is_err() {
                String::new()
            } else {
                "accepted".to_string()
            }
        }
        "refuse-write" => {
            if pattern.parse::<WritePattern>().is_err() {
                String::new()
            } else {
                "accepted".to_string()
            }
        }
        _ => panic!("{what}: no such question"),
    }
}

#[test]
fn answers_are_spark_s() {
    let mut wrong = Vec::new();
    for line in include_str!("spark.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let [what, input, pattern, answer] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line:?}: four columns")
        };
        let input = input.replace("\\t", "\t");
        let ours = ours(what, &input, pattern, answer);
        if ours != answer {
            wrong.push(format!(
                "{what} {input:?} {pattern:?}: Spark says {answer:?}, we say {ours:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
