//! A hundred kills of a pipeline from topic to topic, and restarts of the broker: each row once, for a reader that is not ours.

use crate::harness::{Broker, Dir};

/// Kills of the long form.
const KILLS: usize = 100;
/// Rows that each run finds beside those that the ones before it have left: four batches.
const ROWS: usize = 40;

#[test]
fn each_row_once_through_a_hundred_kills_and_restarts_of_the_broker() {
    let kills: usize = std::env::var("ST_KAFKA_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let Some(mut broker) = Broker::start() else {
        return;
    };
    let dir = Dir::on(&broker.address);
    let line = "st-kafka in --bootstrap-servers $B --starting-offsets earliest --value row --max-rows-per-trigger 10 --available-now --checkpoint ck -q | st-map --where 'n > 0' -q | st-sink kafka out --bootstrap-servers $B --key n -q";
    let steps = [
        "source.before_record",
        "source.after_record",
        "sink.before_output",
        "sink.mid_output",
        "sink.after_output",
        "sink.before_commit",
        "sink.after_commit",
    ];
    let mut died = 0;
    for kill in 0..kills {
        let (first, last) = (kill * ROWS + 1, (kill + 1) * ROWS);
        dir.lines(&format!(
            "seq {first} {last} | sed 's/.*/{{\"n\":&}}/' >rows; kcat -P -b $B -t in <rows"
        ));
        let status = if kill % 3 == 2 {
            // All of them, wherever they are.
            let after = format!("0.{:02}", 10 + (kill * 37) % 60);
            dir.bash(&format!("timeout -s KILL {after} bash -c '{line}'"))
                .status
        } else {
            let step = format!("{}:{}", steps[kill % steps.len()], 1 + kill % 4);
            // Every other time as if all batches were large.
            let early = [("ST_FAIL", step.as_str()), ("ST_FAIL_EARLY", "1")];
            dir.bash_with(line, &early[..1 + kill / 7 % 2]).status
        };
        died += usize::from(status != 0);
        if kill % 25 == 24 {
            broker.kill();
            broker.again();
        }
    }
    dir.lines(line);
    let mut seen: Vec<usize> = dir
        .committed("out")
        .iter()
        .map(|row| row[5..row.len() - 1].parse().unwrap())
        .collect();
    seen.sort_unstable();
    let expected: Vec<usize> = (1..=kills * ROWS).collect();
    assert_eq!(seen.len(), expected.len(), "after {died} deaths");
    assert_eq!(seen, expected);
    assert!(died * 2 > kills, "only {died} of {kills} runs died");
}
