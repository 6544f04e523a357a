//! Named places where a test may kill the process, or let its input or output fail.
//!
//! In a build with debug assertions, `ST_FAIL=point:count` makes the `count`-th passage through `point` end the process by
//! SIGKILL, the same end that `kill -9` gives it; `point:count:eio` and `point:count:enospc` make the operation there fail
//! as a broken device or a full disk would, at points that guard one ([`fail_io`]). `ST_FAIL_SEEN=FILE` appends the name of each point passed
//! to FILE, so that a test learns which there are. `ST_FAIL_EARLY=1` makes logs due for their rewriting after a few records
//! ([`threshold`]). In a release build all of it is empty.

use std::io;

/// Kills this process here if `ST_FAIL` asks for it; otherwise does nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn fail_point(_point: &str) {}

/// As [`fail_point`], before an operation on a file or a stream.
///
/// # Errors
/// The one `ST_FAIL` asks for, in the place of the operation.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn fail_io(_point: &str) -> io::Result<()> {
    Ok(())
}

/// `usual`; in tests that ask for it, `early`.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn threshold<T>(usual: T, _early: T) -> T {
    usual
}

/// Kills this process here if `ST_FAIL` asks for it; otherwise does nothing.
#[cfg(debug_assertions)]
pub fn fail_point(point: &str) {
    // Where no operation is guarded there is none to fail.
    let _ = wanted::pass(point);
}

/// As [`fail_point`], before an operation on a file or a stream.
///
/// # Errors
/// The one `ST_FAIL` asks for, in the place of the operation.
#[cfg(debug_assertions)]
pub fn fail_io(point: &str) -> io::Result<()> {
    wanted::pass(point)
}

/// `usual`; in tests that ask for it, `early`.
#[cfg(debug_assertions)]
pub fn threshold<T>(usual: T, early: T) -> T {
    static EARLY: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    match EARLY.get_or_init(|| std::env::var_os("ST_FAIL_EARLY").is_some()) {
        true => early,
        false => usual,
    }
}

#[cfg(debug_assertions)]
mod wanted {
    use std::fs::File;
    use std::io::{self, Write};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::io::Errno;
    use rustix::process::{Signal, getpid, kill_process};

    /// What the environment asks for.
    struct Wanted {
        point: Option<(String, u64, Option<Errno>)>,
        seen: Option<File>,
    }

    fn read() -> Wanted {
        let point = std::env::var("ST_FAIL").ok().and_then(|text| {
            let (rest, error) = match text.rsplit_once(':')? {
                (rest, "eio") => (rest, Some(Errno::IO)),
                (rest, "enospc") => (rest, Some(Errno::NOSPC)),
                _ => (text.as_str(), None),
            };
            let (name, count) = rest.rsplit_once(':')?;
            Some((name.to_string(), count.parse().ok()?, error))
        });
        let seen = std::env::var_os("ST_FAIL_SEEN").and_then(|path| {
            let mut options = File::options();
            options.append(true).create(true).open(path).ok()
        });
        Wanted { point, seen }
    }

    pub fn pass(point: &str) -> io::Result<()> {
        static WANTED: OnceLock<Wanted> = OnceLock::new();
        static PASSED: AtomicU64 = AtomicU64::new(0);

        let wanted = WANTED.get_or_init(read);
        if let Some(mut seen) = wanted.seen.as_ref() {
            let _ = seen.write_all(format!("{point}\n").as_bytes());
        }
        let Some((name, count, error)) = &wanted.point else {
            return Ok(());
        };
        if name != point || PASSED.fetch_add(1, Ordering::SeqCst) + 1 != *count {
            return Ok(());
        }
        if let Some(error) = error {
            return Err((*error).into());
        }
        let _ = kill_process(getpid(), Signal::KILL);
        // The signal is delivered before any further step of this thread is visible.
        std::process::abort();
    }
}
