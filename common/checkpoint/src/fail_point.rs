//! Named places where a crash test may kill the process.
//!
//! In a build with debug assertions, `ST_FAIL=point:count` makes the `count`-th passage through
//! `point` end the process by SIGKILL, the same end that `kill -9` gives it. In a release build
//! the calls are empty.

/// Kills this process here if `ST_FAIL` asks for it; otherwise does nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn fail_point(_point: &str) {}

/// Kills this process here if `ST_FAIL` asks for it; otherwise does nothing.
#[cfg(debug_assertions)]
pub fn fail_point(point: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("ST_FAIL").ok()?;
        let (name, count) = text.rsplit_once(':')?;
        Some((name.to_string(), count.parse().ok()?))
    });
    if let Some((name, count)) = wanted
        && name == point
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *count
    {
        let own = rustix::process::getpid();
        let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
        // The signal is delivered before any further step of this thread is visible.
        std::process::abort();
    }
}
