//! The stages of a pipeline take turns where there are fewer processors than stages.

/// Asks the system to let this process's threads wait for their turn (`SCHED_BATCH`). As a rule a process that is woken may interrupt
/// another: each stage would interrupt the one above it as soon as that has written its first bytes, find little, and sleep
/// again. Its share of the time stays the same, an idle processor takes it at once as before, and whoever was started under
/// another policy (`chrt`) keeps that.
pub fn take_turns() {
    let param = libc::sched_param { sched_priority: 0 };
    #[allow(unsafe_code)]
    // A hint: where it is refused all is the same, but slower. `param` outlives the call, which keeps no reference to it.
    unsafe {
        if libc::sched_getscheduler(0) == libc::SCHED_OTHER {
            libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const param);
        }
    }
}
