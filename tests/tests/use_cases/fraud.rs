//! Fraud detection: cases in PostgreSQL, alerts by webhook.

use crate::answers::{ask, over, same};
use crate::killed::{committed, kill_when};
use crate::topics::{broker, fill};
use crate::{query, script, succeed, work};

/// The three rules, over the payments that a card made in the ten minutes before each one.
const CASES: &str = "
    with payment as (
      select n, line ->> 'payment' as id, line ->> 'card' as card, line ->> 'amount' as amount, line ->> 'country' as country,
        line ->> 'shop' as shop, unixepoch(line ->> 'timestamp') as t from data),
    judged as (
      select one.*,
        one.amount > 500 and max(before.amount < 1 and before.t >= one.t - 60) as tried,
        count(*) >= 4 as hurried,
        max(before.country <> one.country) as abroad
      from payment one join payment before on before.card = one.card and before.n < one.n and before.t > one.t - 600
      group by one.n),
    cases as (
      select *, rtrim(iif(tried, 'large after a trial, ', '') || iif(hurried, 'five in ten minutes, ', '')
        || iif(abroad, 'in two countries, ', ''), ', ') as reasons
      from judged where tried or hurried or abroad)";

#[test]
#[ignore = "needs Kafka and PostgreSQL: make test-use-cases"]
fn killed_in_the_middle_it_has_the_cases_that_sqlite_finds() {
    let database = std::env::var("ST_TEST_POSTGRES").expect("needs PostgreSQL");
    let work = work("fraud");
    fill(work.path(), "fraud", "payments", "card");
    let server = |what: &str| {
        let line = format!("scripts/servers/webhook {what} '{}'", work.path().display());
        succeed(script(work.path(), &line)).out()
    };
    let alerts = server("start");
    let checkpoint = work.path().join("ck/fraud");
    let query = |pace: &str| {
        let mut command = query(work.path(), "fraud", "", pace);
        command.env("KAFKA", broker());
        command.env("DATABASE_URL", &database);
        command.env("ALERTS_URL", alerts.trim());
        command
    };
    for batches in [4, 9, 14] {
        kill_when(query("--trigger 50ms"), || {
            committed(&checkpoint, "cases.st-sink") >= batches
        });
    }
    assert!(committed(&checkpoint, "cases.st-sink") < 20);
    succeed(query("--available-now"));
    server("stop");

    let data = over(&work.path().join("data/fraud"));
    let cases = ask(
        &data,
        &format!(
            "{CASES} select id, card, printf('%.2f', amount), country, shop, datetime(t, 'unixepoch'), reasons from cases"
        ),
    );
    assert!(cases.len() > 60);
    let sql = "select payment, card, amount, country, shop, to_char(time at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), reasons from fraud";
    let line = format!("psql -X -q -A -t '{database}' -c \"{sql}\"");
    let stored = succeed(script(work.path(), &line)).out();
    let mut stored: Vec<&str> = stored.lines().collect();
    stored.sort_unstable();
    same(&stored, &cases);

    // The receiver keeps one request of each Idempotency-Key.
    let told = ask(
        &data,
        &format!(
            "{CASES} select card || ': ' || printf('%.2f', amount) || ' at ' || shop || ' in ' || country || ': ' || reasons
             from cases where amount > 500"
        ),
    );
    assert!(told.len() > 10);
    let line = format!(
        "jq -r .body.text '{}/requests.ndjson'",
        work.path().display()
    );
    let received = succeed(script(work.path(), &line)).out();
    let mut received: Vec<&str> = received.lines().collect();
    received.sort_unstable();
    same(&received, &told);
}
