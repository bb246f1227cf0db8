//! What Linux says of processes, and which core each of them may use.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPU time of a process, thread by thread. Threads that have ended are not in it.
#[derive(Clone, Default)]
pub(crate) struct CpuTime(HashMap<String, u64>);

/// Returns the cores that this process may use, at its start.
fn cores() -> Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
}

/// Returns the core of the program that is measured: the last one. `None` if the machine has only one.
pub(crate) fn measured_core() -> Option<usize> {
    let online = fs::read_to_string("/sys/devices/system/cpu/online").ok()?;
    let last: usize = online.trim().rsplit([',', '-']).next()?.parse().ok()?;
    (last > 0).then_some(last)
}

/// Keeps this process, and the stores that it starts, on the first core.
pub(crate) fn stay_on_the_stores_core() -> Result<()> {
    let cores = cores()?;
    if let ([first, .., _], Some(_)) = (cores.as_slice(), measured_core()) {
        let mut set = CpuSet::new();
        set.set(*first);
        sched_setaffinity(None, &set)?;
    }
    Ok(())
}

/// Returns the beginning of a command, whose program ends together with this process even if this is killed. The program
/// and its arguments follow.
pub(crate) fn command(core: Option<usize>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(core) = core {
        command.args(["taskset", "-c", &core.to_string()]);
    }
    command
}

impl CpuTime {
    /// Reads the CPU time that each thread of a process has used, in nanoseconds.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let mut threads = HashMap::new();
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let name = task?.file_name().to_string_lossy().into_owned();
            // A thread may end while the list is read.
            let Ok(text) = fs::read_to_string(format!("/proc/{pid}/task/{name}/schedstat")) else { continue };
            let on_cpu = text.split_whitespace().next().and_then(|number| number.parse().ok());
            threads.insert(name, on_cpu.context("schedstat")?);
        }
        Ok(Self(threads))
    }

    /// Returns the CPU time since `before`.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let used = |(name, now): (&String, &u64)| now.saturating_sub(before.0.get(name).copied().unwrap_or(0));
        Duration::from_nanos(self.0.iter().map(used).sum())
    }
}

/// Returns a figure of `/proc/PID/status` in MiB, such as `VmHWM`, the peak of resident memory.
pub(crate) fn memory_mib(pid: u32, name: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib: f64 = line.and_then(|line| line.split_whitespace().next()).context("memory")?.parse()?;
    Ok(kib / 1024.0)
}

/// Returns the processor's name and the number of cores.
pub(crate) fn description() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    format!("{}, {cores} cores", name.map_or("unknown processor", |(_, name)| name))
}
