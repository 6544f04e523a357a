//! Runs a line and kills some of it: at a step that a stage was told, or at a moment.
//!
//! A moment is a size of the query's logs, so that it does not depend on the speed of the machine.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::random::Random;

#[derive(Clone, Copy, Debug)]
enum Who {
    One,
    Several,
    Group,
    /// All stages by SIGTERM: a clean end, if they live long enough to have learned of it.
    Asked,
}

/// A step of a stage, to which it comes for the `count`-th time.
#[derive(Clone, Debug)]
pub struct Step {
    pub stage: usize,
    pub point: String,
    pub count: u64,
    /// What happens there: nothing here is SIGKILL, `:eio` an error of the device.
    pub error: &'static str,
}

/// What is killed, and when.
#[derive(Debug)]
pub struct Plan {
    pub step: Option<Step>,
    who: Who,
    /// Batches recorded and delivered after which the moment has come, and microseconds more.
    after: u64,
    nap: u64,
    /// The next run begins while the killed one is dying.
    overlap: bool,
}

impl Plan {
    /// Chooses for a line that has `left` batches yet to record and to deliver; `may_ask`: an end may be asked for.
    pub fn choose(random: &mut Random, passes: &Passes, left: u64, may_ask: bool) -> Plan {
        let stage = random.below(passes.len() as u64) as usize;
        let points: Vec<_> = passes[stage].iter().collect();
        let point = (!points.is_empty()).then(|| random.one_of(&points));
        let step = point.map(|(point, times)| Step {
            stage: stage + 1,
            point: point.clone(),
            count: 1 + random.below(*times),
            error: "",
        });
        Plan {
            step: step.filter(|_| random.below(2) == 0),
            who: match random.one_of(&[Who::One, Who::One, Who::Several, Who::Group, Who::Asked]) {
                Who::Asked if !may_ask => Who::One,
                who => who,
            },
            after: random.below(left),
            nap: random.below(4000),
            overlap: random.below(4) == 0,
        }
    }

    /// Whether stages are asked to end, each by itself.
    pub fn asks(&self) -> bool {
        matches!(self.who, Who::Asked)
    }

    /// This step, and nothing else.
    pub fn at(step: Step) -> Plan {
        Plan {
            step: Some(step),
            who: Who::Group,
            after: 40,
            nap: 0,
            overlap: false,
        }
    }

    /// A clean end after so many batches.
    pub fn end(after: u64) -> Plan {
        Plan {
            step: None,
            who: Who::Asked,
            after,
            nap: 0,
            overlap: false,
        }
    }
}

/// Which steps each stage comes to, and how often.
pub type Passes = Vec<BTreeMap<String, u64>>;

/// Has the stages write down what they pass.
pub fn watch(command: &mut Command, folder: &Path, stages: usize) {
    for stage in 1..=stages {
        let seen = folder.join(format!("seen.{stage}"));
        command.env(
            format!("S{stage}"),
            format!("env ST_FAIL_SEEN={}", seen.display()),
        );
    }
}

/// What they wrote.
pub fn passes(folder: &Path, stages: usize) -> Passes {
    let read = |stage| {
        let mut passes = BTreeMap::new();
        let seen = std::fs::read_to_string(folder.join(format!("seen.{stage}")));
        for point in seen.unwrap_or_default().lines() {
            *passes.entry(point.to_string()).or_default() += 1;
        }
        passes
    };
    (1..=stages).map(read).collect()
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
            // Before the first has begun, or behind the last: what bash would begin yet is not begun.
            let _ = kill_process_group(self.group, Signal::KILL);
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

/// Batches recorded, and batches delivered by each sink.
pub fn logged(folder: &Path) -> u64 {
    let mut logged = 0;
    for part in ["ck/offsets", "ck/commits"] {
        for entry in std::fs::read_dir(folder.join(part))
            .into_iter()
            .flatten()
            .flatten()
        {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let last = whole.rsplit('\n').next().unwrap_or_default();
            let batch = last
                .strip_prefix("{\"batch\":")
                .and_then(|rest| rest.split(',').next());
            logged += batch
                .and_then(|batch| batch.parse::<u64>().ok())
                .map_or(0, |batch| batch + 1);
        }
    }
    logged
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
    if let Some(Step {
        stage,
        point,
        count,
        error,
    }) = &plan.step
    {
        command.env(
            format!("S{stage}"),
            format!("env ST_FAIL={point}:{count}{error}"),
        );
    }
    // A live line ends by no step if its stage does not pass it; then it gets a moment, and time to reach the step before.
    let begun = logged(folder) + if plan.step.is_some() { 30 } else { 0 };
    let mut running = Running::start(command, messages);
    let end = Instant::now() + Duration::from_secs(60);
    let by_moment = plan.step.is_none() || live;
    loop {
        if let Some(status) = running.child.try_wait().unwrap() {
            let at_point = plan.step.is_some() && !status.success();
            if plan.step.is_none() && !status.success() {
                return Err(format!("it failed with {status} before it was killed"));
            }
            return Ok(Killed {
                kills: at_point.into(),
                at_point,
                rest: None,
            });
        }
        if by_moment && logged(folder) >= begun + plan.after {
            std::thread::sleep(Duration::from_micros(plan.nap));
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
