//! Lines at the limit and beyond it. Made when the test runs.

use crate::ran::Folder;

const LIMIT: usize = 64 * 1024 * 1024;

/// A row of that many bytes between two short ones.
fn long(folder: &Folder, length: usize) {
    let mut bytes = b"{\"k\":1}\n{\"k\":\"".to_vec();
    bytes.resize(8 + length - 2, b'x');
    bytes.extend_from_slice(b"\"}\n{\"k\":2}\n");
    folder.write("long.json", bytes);
}

#[test]
fn a_row_at_the_limit_passes_and_one_byte_more_is_rejected_by_every_tool() {
    let folder = Folder::new();
    long(&folder, LIMIT);
    folder.done("st-map --where true -q --rejects bad < long.json | cmp - long.json");
    assert_eq!(folder.rows("bad").len(), 0);

    long(&folder, LIMIT + 1);
    for tool in [
        "st-map --where true",
        "st-map --set 'x = 1'",
        "st-watermark ts 1s",
        "st-agg --by k --agg 'count(*) as n'",
        "st-sink json",
        "st-sink null",
        "st-tee 'st-map --where true -q --rejects bad'",
        "st-tail - --max-line 67108864",
        "st-tail long.json",
        "st-tail long.json --format csv --header false",
        "st-tail long.json --format text",
    ] {
        folder.done("rm -f bad");
        let rejects = if tool.starts_with("st-tee") {
            ""
        } else {
            "--rejects bad"
        };
        folder.done(&format!("{tool} -q {rejects} < long.json > rows"));
        let reasons = folder.reasons("bad");
        assert_eq!(reasons.len(), 1, "{tool}: {reasons:?}");
        assert!(reasons[0].contains("67108865 bytes"), "{tool}: {reasons:?}");
        assert!(
            folder.read("bad").len() < 8192,
            "{tool}: only the beginning is kept"
        );
        if !tool.ends_with("null") {
            assert_eq!(folder.wire_rows("rows").len(), 2, "{tool}");
        }
    }
}

/// Many elements that are no rows cost no more than themselves.
#[test]
fn a_long_array_of_bad_elements_is_kept_once() {
    let folder = Folder::new();
    let elements = 20_000;
    folder.write(
        "long.json",
        format!("[{}]\n", vec!["7"; elements].join(",")),
    );
    folder.done("st-tail long.json -q --rejects bad > wire");
    assert_eq!(folder.wire("wire")["st-tail"].bad, elements as u64);
    assert_eq!(folder.reasons("bad").len(), elements);
    assert!(
        folder.read("bad").len() < 300 * elements,
        "{} bytes",
        folder.read("bad").len()
    );
}
