//! Counts the instructions of each subject by callgrind. A count is steady on a noisy machine.
//!
//! Each subject runs twice under callgrind, with few and with many repetitions. The difference has no start-up in it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use sms_login_micro::{NAMES, subject};

const FEW: u64 = 20;
const MANY: u64 = 220;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, times] = arguments.as_slice() {
        return repeat(name, times.parse()?);
    }

    println!("| function | instructions |\n| --- | ---: |");
    for name in NAMES {
        let instructions = (count(name, MANY)? - count(name, FEW)?) / (MANY - FEW);
        println!("| {name} | {instructions} |");
    }
    Ok(())
}

fn repeat(name: &str, times: u64) -> Result<()> {
    let name = NAMES.into_iter().find(|known| *known == name).context("an unknown subject")?;
    let subject = subject(name)?;
    for _ in 0..times {
        (subject.run)();
    }
    Ok(())
}

/// Returns the instructions of a whole process that runs a subject so many times.
fn count(name: &str, times: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([name, &times.to_string()])
        .stdout(Stdio::null())
        .output()
        .context("valgrind is not installed: apt-get install valgrind")?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{log}");
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    Ok(collected.with_context(|| log.clone())?.1.trim().parse()?)
}
