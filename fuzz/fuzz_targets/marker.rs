#![no_main]
//! The marker parser: whatever the line, a marker or a message; and a marker that was read is written as the same.

use libfuzzer_sys::fuzz_target;
use st_stream::marker::{Marker, is_marker};

fuzz_target!(|line: &[u8]| {
    for line in [line.to_vec(), [b"{\"$st\":", line].concat()] {
        if line.contains(&b'\n') {
            continue;
        }
        let Ok(marker) = Marker::parse(&line) else {
            continue;
        };
        let mut written = Vec::new();
        if marker.write(&mut written).is_err() {
            continue;
        }
        let written = written.strip_suffix(b"\n").expect("a line");
        assert!(is_marker(written) && !written.contains(&b'\n'));
        let mut again = Vec::new();
        Marker::parse(written)
            .expect("its own text")
            .write(&mut again)
            .expect("written before");
        assert_eq!(again.strip_suffix(b"\n"), Some(written));
    }
});
