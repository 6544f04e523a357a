//! sources/SOURCE: folded before records go, torn tail cut, replaced when it has grown.

use std::fs;

use st_checkpoint::{Memory, QueryDir};

use crate::support::{message, query, text};

fn open(dir: &QueryDir) -> anyhow::Result<(Memory, Vec<(i64, String)>)> {
    let mut found = Vec::new();
    let memory = Memory::open(dir, "st-tail", &mut |batch, data| {
        found.push((batch, data.to_string()));
        Ok(())
    })?;
    Ok((memory, found))
}

#[test]
fn entries_come_back_in_order_with_their_batches() {
    let (_folder, dir) = query();
    let (mut memory, found) = open(&dir).unwrap();
    assert_eq!((found, memory.through()), (vec![], None));
    memory
        .append([(0, &vec!["a", "b"]), (4, &vec!["c"])])
        .unwrap();
    memory.append([(5, &vec!["d"])]).unwrap();
    memory.append::<Vec<&str>>([]).unwrap();
    let (memory, found) = open(&dir).unwrap();
    let found: Vec<(i64, &str)> = found.iter().map(|(b, d)| (*b, d.as_str())).collect();
    assert_eq!(
        found,
        [(0, r#"["a","b"]"#), (4, r#"["c"]"#), (5, r#"["d"]"#)]
    );
    assert_eq!((memory.through(), memory.entries()), (Some(5), 3));
}

#[test]
fn replacing_leaves_only_the_new_entries() {
    let (folder, dir) = query();
    let (mut memory, _) = open(&dir).unwrap();
    memory.append((0..50).map(|batch| (batch, &"x"))).unwrap();
    memory.replace([(49, &"fifty")]).unwrap();
    memory.append([(50, &"more")]).unwrap();
    assert_eq!(
        memory.length(),
        fs::metadata(folder.path().join("ck/sources/st-tail"))
            .unwrap()
            .len()
    );
    let (memory, found) = open(&dir).unwrap();
    assert_eq!(
        found,
        [
            (49, r#""fifty""#.to_string()),
            (50, r#""more""#.to_string())
        ]
    );
    assert_eq!((memory.through(), memory.entries()), (Some(50), 2));
}

#[test]
fn a_torn_entry_is_cut_and_a_damaged_one_refused() {
    let (folder, dir) = query();
    let (mut memory, _) = open(&dir).unwrap();
    memory.append([(0, &"one"), (1, &"two")]).unwrap();
    let path = folder.path().join("ck/sources/st-tail");
    let whole = text(&path);
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    assert_eq!(open(&dir).unwrap().1, [(0, r#""one""#.to_string())]);
    fs::write(&path, whole.replace("one", "six")).unwrap();
    let text = message(open(&dir), &folder);
    assert!(
        text.starts_with("ck/sources/st-tail: line 2: damaged"),
        "{text}"
    );
}
