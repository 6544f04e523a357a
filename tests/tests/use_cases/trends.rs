//! Social media trends: the first hashtags of each window in a topic, all of them in a table.

use serde_json::Value;

use crate::answers::{ask, over, same, table};
use crate::killed::{committed, kill_when};
use crate::topics::{broker, fill, members, messages};
use crate::{query, succeed, work};

/// Windows of hashtags. Posts come up to four minutes late, for which five minutes of patience are enough whatever the batches,
/// or half an hour, for which they are not.
const WINDOWS: &str = "
    with post as (
      select n, unixepoch(line ->> 'timestamp') as t from data),
    placed as (
      select *, max(t) over (order by n rows between unbounded preceding and 1 preceding) as newest from post),
    counted as (
      select t / 120 * 120 as start, tag, count(*) as posts from placed join tag using (n)
      where newest is null or t > newest - 900 group by start, tag),
    ranked as (
      select *, row_number() over (partition by start order by posts desc, tag) as rank from counted
      where start + 120 <= (select max(t) - 300 from post))";

/// The hashtags of a text, each once, in lower case.
fn hashtags(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = text
        .split('#')
        .skip(1)
        .map(|rest| {
            let word = rest.chars().take_while(|c| c.is_alphanumeric());
            word.collect::<String>().to_lowercase()
        })
        .collect();
    tags.sort();
    tags.dedup();
    tags
}

#[test]
#[ignore = "needs Kafka: make test-use-cases"]
fn killed_in_the_middle_it_has_the_trends_that_sqlite_has() {
    let work = work("social-trends");
    fill(work.path(), "social-trends", "posts", "author");
    let checkpoint = work.path().join("ck/social-trends");
    let query = |pace: &str| {
        let mut command = query(work.path(), "social-trends", "", pace);
        command.env("KAFKA", broker());
        command
    };
    for batches in [4, 9, 14] {
        kill_when(query("--trigger 50ms"), || {
            committed(&checkpoint, "trends.st-sink") >= batches
        });
    }
    assert!(committed(&checkpoint, "trends.st-sink") < 20);
    succeed(query("--available-now"));

    let data = over(&work.path().join("data/social-trends"));
    data.execute_batch("create table tag(n integer, tag text)")
        .unwrap();
    let posts = ask(&data, "select n, line from data");
    for post in posts {
        let (n, line) = post.split_once('|').unwrap();
        let post: Value = serde_json::from_str(line).unwrap();
        for tag in hashtags(post["text"].as_str().unwrap()) {
            data.execute("insert into tag values (?, ?)", (n, tag))
                .unwrap();
        }
    }
    let all = ask(
        &data,
        &format!("{WINDOWS} select datetime(start, 'unixepoch'), tag, posts from counted"),
    );
    assert!(all.len() > 200);
    same(
        &table(
            &work.path().join("out/social-trends/trends.db"),
            "select window_start, tag, posts from trends",
        ),
        &all,
    );
    let first = ask(
        &data,
        &format!(
            "{WINDOWS} select datetime(start, 'unixepoch'), rank, tag, posts from ranked where rank <= 3"
        ),
    );
    assert!(first.len() > 40);
    let received = messages(work.path(), "trends");
    same(
        &members(&received, &["window", "rank", "tag", "posts"]),
        &first,
    );
    assert!(received.iter().all(|(key, row)| row["tag"] == **key));
}
