//! locks: one process per name, waited for, named; a source waits for earlier runs.

use std::fs;
use std::time::Duration;

use anyhow::bail;
use st_checkpoint::{Holder, Lock, Patience, QueryDir};

use crate::support::{message, query, text};

fn holder(tool: &str) -> Holder {
    Holder::this(tool, "2026-01-01T00:00:00.000Z")
}

/// Ten seconds, spent without sleeping; what was slept is added up in `slept`.
fn patience(slept: &mut Duration) -> Patience<'_> {
    Patience::new(Duration::from_secs(10), |pause| {
        *slept += pause;
        Ok(())
    })
}

fn lock(dir: &QueryDir, name: &str) -> anyhow::Result<Lock> {
    let mut slept = Duration::ZERO;
    dir.lock(
        name,
        &holder("st-second"),
        &mut patience(&mut slept),
        &mut |_| {},
    )
}

#[test]
fn the_lock_names_its_holder() {
    let (folder, dir) = query();
    let held = lock(&dir, "st-agg").unwrap();
    assert_eq!(held.name(), "st-agg");
    assert_eq!(
        text(folder.path().join("ck/locks/st-agg")),
        format!(
            "{{\"pid\":{},\"tool\":\"st-second\",\"started\":\"2026-01-01T00:00:00.000Z\"}}\n",
            std::process::id()
        )
    );
}

#[test]
fn a_held_lock_is_waited_for_ten_seconds_said_once_then_refused() {
    let (folder, dir) = query();
    let _held = dir
        .lock(
            "st-agg",
            &holder("st-agg"),
            &mut Patience::default(),
            &mut |_| {},
        )
        .unwrap();
    let mut slept = Duration::ZERO;
    let mut said = Vec::new();
    let refused = dir.lock(
        "st-agg",
        &holder("st-agg"),
        &mut patience(&mut slept),
        &mut |text| {
            said.push(text.to_string());
        },
    );
    let who = format!(
        "st-agg (process {}, since 2026-01-01T00:00:00.000Z)",
        std::process::id()
    );
    assert_eq!(
        message(refused, &folder),
        format!(
            "ck/locks/st-agg: held by {who}: stop it first, or give this one another --name or --checkpoint"
        )
    );
    assert_eq!(said.len(), 1);
    assert!(
        said[0].ends_with(&format!("ck/locks/st-agg: waiting for {who} to end")),
        "{said:?}"
    );
    assert_eq!(slept, Duration::from_secs(10));
}

#[test]
fn a_lock_let_go_of_while_waiting_is_taken() {
    let (_folder, dir) = query();
    let mut held = Some(lock(&dir, "st-agg").unwrap());
    let mut pauses = 0;
    let mut waiting = Patience::new(Duration::from_secs(10), |_| {
        pauses += 1;
        if pauses == 3 {
            held.take();
        }
        Ok(())
    });
    let taken = dir.lock("st-agg", &holder("st-agg"), &mut waiting, &mut |_| {});
    assert!(taken.is_ok());
    drop(waiting);
    assert_eq!(pauses, 3);
}

#[test]
fn an_interrupt_ends_the_waiting() {
    let (folder, dir) = query();
    let _held = lock(&dir, "st-agg").unwrap();
    let mut interrupted = Patience::new(Duration::from_secs(10), |_| bail!("interrupted"));
    let refused = dir.lock("st-agg", &holder("st-agg"), &mut interrupted, &mut |_| {});
    assert_eq!(message(refused, &folder), "interrupted");
}

#[test]
fn other_names_do_not_meet() {
    let (_folder, dir) = query();
    let _one = lock(&dir, "st-agg").unwrap();
    assert!(lock(&dir, "st-agg-2").is_ok());
}

#[test]
fn a_lock_file_stays_and_is_taken_again() {
    let (folder, dir) = query();
    drop(lock(&dir, "st-agg").unwrap());
    assert!(folder.path().join("ck/locks/st-agg").exists());
    assert!(lock(&dir, "st-agg").is_ok());
}

#[test]
fn a_name_that_leaves_the_folder_is_refused() {
    let (_folder, dir) = query();
    assert!(lock(&dir, "../st-agg").is_err());
}

#[test]
fn a_source_waits_for_stages_of_an_earlier_run() {
    let (folder, dir) = query();
    let own = lock(&dir, "st-tail").unwrap();
    let mut earlier = Some(lock(&dir, "st-agg").unwrap());
    let mut slept = Duration::ZERO;
    let refused = dir.await_other_locks(&["st-tail"], "", &mut patience(&mut slept), &mut |_| {});
    assert_eq!(
        message(refused, &folder),
        format!(
            "ck/locks/st-agg: still held by st-second (process {}, since 2026-01-01T00:00:00.000Z) \
             of an earlier run: stop it first",
            std::process::id()
        )
    );
    assert_eq!(slept, Duration::from_secs(10));

    let mut said = 0;
    let mut dying = Patience::new(Duration::from_secs(10), |_| {
        earlier.take();
        Ok(())
    });
    dir.await_other_locks(&["st-tail"], "", &mut dying, &mut |_| said += 1)
        .unwrap();
    assert_eq!(said, 1);
    drop(own);
}

#[test]
fn looking_at_free_locks_keeps_nobody_from_them() {
    let (_folder, dir) = query();
    drop(lock(&dir, "st-agg").unwrap());
    let _own = lock(&dir, "st-tail").unwrap();
    let mut said = 0;
    let mut slept = Duration::ZERO;
    dir.await_other_locks(&["st-tail"], "", &mut patience(&mut slept), &mut |_| {
        said += 1
    })
    .unwrap();
    assert_eq!((said, slept), (0, Duration::ZERO));
    assert!(lock(&dir, "st-agg").is_ok());
}

#[test]
fn a_lock_file_replaced_by_hand_gives_no_second_lock_on_the_old_one() {
    let (folder, dir) = query();
    let _held = lock(&dir, "st-agg").unwrap();
    // Against the rule; the new file is then the one that counts.
    fs::remove_file(folder.path().join("ck/locks/st-agg")).unwrap();
    let _new = lock(&dir, "st-agg").unwrap();
    assert!(lock(&dir, "st-agg").is_err());
}
