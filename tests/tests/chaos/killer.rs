//! Runs a line and kills some of it: at a step that a stage was told, or at a moment.
//!
//! A moment is a size of the query's logs, so that it does not depend on the speed of the machine.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::random::Random;

const STAGE: &[&str] = &["stage.row", "stage.before_batch", "stage.after_batch"];
const SOURCE: &[&str] = &[
    "source.before_record",
    "source.after_record",
    "offsets.before_write",
    "offsets.mid_write",
    "offsets.before_sync",
    "offsets.after_sync",
    "side.before_sync",
    "side.after_sync",
    "create.before_link",
];
const STATE: &[&str] = &[
    "state.before_write",
    "state.mid_write",
    "state.before_sync",
    "state.after_sync",
    "side.before_sync",
    "side.after_sync",
    "create.before_link",
];
const SINK: &[&str] = &[
    "commits.before_write",
    "commits.mid_write",
    "commits.before_sync",
    "commits.after_sync",
    "sink.before_output",
    "sink.mid_output",
    "sink.after_output",
    "sink.before_commit",
    "sink.after_commit",
    "sink.mid_rename",
    "create.before_link",
    "replace.before_rename",
    "replace.after_rename",
];

/// Steps that a stage of this tool can pass.
fn points(tool: &str) -> &'static [&'static [&'static str]] {
    match tool {
        "st-tail" => &[SOURCE],
        "st-listen" => &[SOURCE, &["spool.before_sync"]],
        "st-agg" | "st-watermark" => &[STAGE, STATE],
        "st-sink" => &[STAGE, SINK, SINK],
        "st-tee" => &[&["create.before_link"]],
        _ => &[STAGE],
    }
}

#[derive(Clone, Copy, Debug)]
enum Who {
    One,
    Several,
    Group,
    /// All stages by SIGTERM: a clean end, if they live long enough to have learned of it.
    Asked,
}

/// What is killed, and when.
#[derive(Debug)]
pub struct Plan {
    point: Option<(usize, &'static str, u64)>,
    who: Who,
    /// Bytes of logs written after which the moment has come.
    after: u64,
    /// The next run begins while the killed one is dying.
    overlap: bool,
}

impl Plan {
    /// Chooses for a line whose logs have `left` bytes yet to come.
    pub fn choose(random: &mut Random, line: &str, stages: usize, left: u64) -> Plan {
        let stage = 1 + random.below(stages as u64) as usize;
        let tool = line
            .split_once(&format!("$S{stage} "))
            .and_then(|(_, rest)| rest.split_whitespace().next());
        let of = random.one_of(points(tool.unwrap_or_default()));
        let point = (stage, random.one_of(of), 1 + random.below(9));
        Plan {
            point: (random.below(2) == 0).then_some(point),
            who: random.one_of(&[Who::One, Who::One, Who::Several, Who::Group, Who::Asked]),
            after: random.below(left),
            overlap: random.below(4) == 0,
        }
    }
}

/// A line that runs, in a process group of its own.
pub struct Running {
    child: Child,
    group: Pid,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Running {
    pub fn start(mut command: Command, messages: &Path) -> Running {
        let child = command
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(File::create(messages).unwrap())
            .spawn()
            .unwrap();
        let group = Pid::from_child(&child);
        Running { child, group }
    }

    /// The status when bash has ended, or none after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() > end {
                return None;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// The stages that run.
    fn stages(&self) -> Vec<Pid> {
        let group = self.group.as_raw_nonzero().get();
        let mut stages = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            let Some((name, rest)) = stat
                .split_once('(')
                .and_then(|(_, rest)| rest.rsplit_once(") "))
            else {
                continue;
            };
            let mut fields = rest.split(' ');
            let alive = fields.next() != Some("Z");
            let of = fields.nth(1).and_then(|of| of.parse().ok());
            if alive && name.starts_with("st-") && of == Some(group) {
                stages.extend(Pid::from_raw(pid));
            }
        }
        stages.sort_by_key(|pid| pid.as_raw_nonzero());
        stages
    }

    fn kill(&self, who: Who, random: &mut Random) -> bool {
        let stages = self.stages();
        if stages.is_empty() {
            return false;
        }
        let first = random.one_of(&stages);
        match who {
            Who::One => kill_process(first, Signal::KILL).is_ok(),
            Who::Several => {
                for stage in &stages {
                    if *stage != first && random.below(2) == 0 {
                        let _ = kill_process(*stage, Signal::KILL);
                    }
                }
                kill_process(first, Signal::KILL).is_ok()
            }
            Who::Group => kill_process_group(self.group, Signal::KILL).is_ok(),
            Who::Asked => {
                for stage in stages {
                    let _ = kill_process(stage, Signal::TERM);
                }
                false
            }
        }
    }
}

/// Bytes in the logs of offsets and commits.
pub fn logged(folder: &Path) -> u64 {
    let sizes = ["ck/offsets", "ck/commits"].map(|part| {
        let Ok(entries) = std::fs::read_dir(folder.join(part)) else {
            return 0;
        };
        let sizes = entries
            .flatten()
            .map(|entry| entry.metadata().map_or(0, |file| file.len()));
        sizes.sum()
    });
    sizes.iter().sum()
}

/// What a run that was to be killed came to.
pub struct Killed {
    pub kills: u64,
    pub at_point: bool,
    /// It may still be dying.
    pub rest: Option<Running>,
}

/// Starts the command and kills as planned. A live line that does not reach its step is killed at the moment instead.
pub fn run(
    mut command: Command,
    folder: &Path,
    messages: &Path,
    plan: &Plan,
    live: bool,
    random: &mut Random,
) -> Result<Killed, String> {
    if let Some((stage, point, count)) = plan.point {
        command.env(format!("S{stage}"), format!("env ST_FAIL={point}:{count}"));
    }
    // A live line ends by no step if its stage does not pass it; then it gets a moment, and time to reach the step before.
    let begun = logged(folder) + if plan.point.is_some() { 2000 } else { 0 };
    let mut running = Running::start(command, messages);
    let end = Instant::now() + Duration::from_secs(60);
    let by_moment = plan.point.is_none() || live;
    loop {
        if let Some(status) = running.child.try_wait().unwrap() {
            let at_point = plan.point.is_some() && !status.success();
            if plan.point.is_none() && !status.success() {
                return Err(format!("it failed with {status} before it was killed"));
            }
            return Ok(Killed {
                kills: at_point.into(),
                at_point,
                rest: None,
            });
        }
        if by_moment && logged(folder) >= begun + plan.after {
            break;
        }
        if Instant::now() > end {
            return Err("it hangs, or is too slow to be killed at its moment".to_string());
        }
        std::thread::sleep(Duration::from_micros(300));
    }
    let killed = running.kill(plan.who, random);
    if live && matches!(plan.who, Who::One | Who::Several) && !killed {
        let _ = kill_process_group(running.group, Signal::KILL);
    }
    let mut rest = None;
    if plan.overlap && !live {
        rest = Some(running);
    } else if running.wait(Duration::from_secs(30)).is_none() {
        return Err("it does not end although a stage was killed".to_string());
    }
    Ok(Killed {
        kills: killed.into(),
        at_point: false,
        rest,
    })
}
