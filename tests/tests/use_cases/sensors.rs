//! IoT sensors: windows as Parquet files, alerts in a topic.

use crate::answers::{ask, over, parquet, same};
use crate::killed::{committed, kill_when};
use crate::topics::{broker, fill, members, messages};
use crate::{query, succeed, work};

/// Closed windows. Readings come up to eight minutes late, for which ten minutes of patience are enough whatever the batches, or
/// an hour, for which they are not.
const WINDOWS: &str = "
    with reading as (
      select n, line ->> 'device' as device, unixepoch(line ->> 'timestamp') as t, line ->> 'temperature' as temperature,
        line ->> 'battery' as battery from data),
    placed as (
      select *, max(t) over (order by n rows between unbounded preceding and 1 preceding) as newest from reading),
    closed as (
      select datetime(t / 300 * 300, 'unixepoch') as start, datetime(t / 300 * 300 + 300, 'unixepoch') as end, device,
        count(*) as readings, printf('%.6f', avg(temperature)) as average, max(temperature) as highest,
        min(battery) as battery
      from placed
      where (newest is null or t > newest - 1800) and t / 300 * 300 + 300 <= (select max(t) - 600 from reading)
      group by t / 300, device)";

#[test]
#[ignore = "needs Kafka: make test-use-cases"]
fn killed_in_the_middle_it_has_the_windows_that_sqlite_has() {
    let work = work("iot-sensors");
    fill(work.path(), "iot-sensors", "sensor-readings", "device");
    let checkpoint = work.path().join("ck/iot-sensors");
    let query = |pace: &str| {
        let mut command = query(work.path(), "iot-sensors", "", pace);
        command.env("KAFKA", broker());
        command
    };
    for batches in [4, 9, 14] {
        kill_when(query("--trigger 50ms"), || {
            committed(&checkpoint, "alerts.st-sink") >= batches
        });
    }
    assert!(committed(&checkpoint, "alerts.st-sink") < 20);
    succeed(query("--available-now"));

    let data = over(&work.path().join("data/iot-sensors"));
    let windows = ask(
        &data,
        &format!(
            "{WINDOWS} select start, end, device, readings, average, printf('%.6f', highest), battery from closed"
        ),
    );
    assert!(windows.len() > 150);
    let out = work.path().join("out/iot-sensors");
    same(&parquet(&out.join("readings")), &windows);
    let alerts = ask(
        &data,
        &format!(
            "{WINDOWS} select start, device, readings, iif(highest > 80, 'too hot', 'readings are missing')
             from closed where highest > 80 or readings < 5"
        ),
    );
    assert!(alerts.len() > 3);
    let received = messages(work.path(), "sensor-alerts");
    same(
        &members(&received, &["window", "device", "readings", "alert"]),
        &alerts,
    );
    assert!(received.iter().all(|(key, row)| row["device"] == **key));
    let late = std::fs::read_to_string(out.join("late.ndjson")).unwrap();
    assert_eq!(late.lines().count(), 4);
}
