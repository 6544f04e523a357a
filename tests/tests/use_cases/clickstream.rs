//! Clickstream: sliding hours as Parquet files and as a table.

use crate::answers::{ask, over, parquet, same, table};
use crate::killed::{committed, kill_when};
use crate::{query, succeed, work};

/// A row for each view and each of the six hours it is in. A batch is a file; what an hour gets that has ended half an
/// hour before the newest view of earlier batches is late.
const HOURS: &str = "
    with recursive shift(s) as (select 0 union all select s + 600 from shift where s < 3000),
    view as (
      select file as batch, unixepoch(line ->> 'timestamp') as t, line ->> 'page' as page,
        line ->> 'visitor' as visitor, line ->> 'seconds' as seconds
      from data),
    mark as (
      select batch, max(max(t)) over (order by batch rows between unbounded preceding and 1 preceding) - 1800 as mark
      from view group by batch),
    hour as (
      select t / 600 * 600 - s as start, page, visitor, seconds from view join mark using (batch), shift
      where mark is null or t / 600 * 600 - s + 3600 > mark)";

#[test]
fn killed_in_the_middle_it_has_the_hours_that_sqlite_has() {
    let work = work("clickstream");
    let checkpoint = work.path().join("ck/clickstream");
    for batches in [4, 9, 15] {
        kill_when(
            query(work.path(), "clickstream", "", "--trigger 50ms"),
            || committed(&checkpoint, "archive.st-sink") >= batches,
        );
    }
    assert!(committed(&checkpoint, "archive.st-sink") < 24);
    succeed(query(work.path(), "clickstream", "", "--available-now"));

    let data = over(&work.path().join("data/clickstream"));
    let all = ask(
        &data,
        &format!(
            "{HOURS} select datetime(start, 'unixepoch'), datetime(start + 3600, 'unixepoch'), page, count(*), count(distinct visitor)
             from hour group by start, page"
        ),
    );
    let closed = ask(
        &data,
        &format!(
            "{HOURS} select datetime(start, 'unixepoch'), datetime(start + 3600, 'unixepoch'), page, count(*), count(distinct visitor),
               printf('%.6f', round(avg(seconds), 1))
             from hour where start + 3600 <= (select max(t) - 1800 from view) group by start, page"
        ),
    );
    assert!(closed.len() > 150 && all.len() > closed.len());
    let out = work.path().join("out/clickstream");
    same(&parquet(&out.join("pages")), &closed);
    let sql = "select window_start, window_end, page, views, visitors from pages";
    same(&table(&out.join("site.db"), sql), &all);
    let late = std::fs::read_to_string(out.join("late.ndjson")).unwrap();
    assert_eq!(late.lines().count(), 6);
}
