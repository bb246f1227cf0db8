//! One server process in a folder of its own, under a shell that ends both when this process is gone, however it went.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How often a log is looked at while a server starts, and how many times: 60 s in all.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS: u32 = 3000;

/// Where servers are besides `PATH`: an ordinary user's often lacks the `sbin` folders.
const MORE_PATHS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];

/// A server's folder and the shell that watches over it. Dropped, or its process ended, both are gone.
pub(crate) struct Watchdog {
    folder: PathBuf,
    ready_line: &'static str,
    shell: Mutex<(Child, BufReader<ChildStdout>)>,
}

impl Watchdog {
    /// Watches over `folder` and over the server that `command` starts, which has not been started yet. The server is
    /// ready when its output has `ready_line`.
    pub(crate) fn new(folder: PathBuf, command: &[OsString], ready_line: &'static str) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", include_str!("watchdog.sh"), "watchdog"])
            .arg(&folder)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C on the test run must not reach the shell before it has cleaned up.
            .process_group(0)
            .spawn()
            .expect("sh runs");
        let answers = BufReader::new(shell.stdout.take().expect("stdout is a pipe"));
        Self { folder, ready_line, shell: Mutex::new((shell, answers)) }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the server and waits until it is ready. `false` where it ended instead: its port may be taken.
    pub(crate) fn start(&self) -> bool {
        self.tell("start");
        for _ in 0..LOOKS {
            if self.log().contains(self.ready_line) {
                return true;
            }
            if !self.tell("alive") {
                return false;
            }
            thread::sleep(LOOK_EVERY);
        }
        panic!("the server did not get ready:\n{}", self.log());
    }

    /// Stops the server in its own orderly way and waits for its end. The folder stays.
    pub(crate) fn stop(&self) {
        assert!(self.tell("alive"), "the server is not running:\n{}", self.log());
        self.tell("stop");
    }

    /// Halts the server: connections stay open, nothing is answered.
    pub(crate) fn pause(&self) {
        assert!(self.tell("pause"), "the server is not running");
    }

    /// Lets a halted server go on.
    pub(crate) fn resume(&self) {
        assert!(self.tell("resume"), "the server is not running");
    }

    /// What the server has written since its last start.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn tell(&self, word: &str) -> bool {
        let mut shell = self.shell.lock().unwrap_or_else(PoisonError::into_inner);
        let (child, answers) = &mut *shell;
        writeln!(child.stdin.as_mut().expect("stdin is a pipe"), "{word}").expect("the watchdog runs");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("the watchdog answers");
        answer == "yes\n"
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let shell = self.shell.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Waiting closes the pipe first, which is the sign to clean up.
        let _ = shell.0.wait();
    }
}

/// A new folder for one server.
pub(crate) fn new_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("sms-login-test-").tempdir().expect("a temporary folder");
    // The watchdog removes it: this process may be killed.
    folder.keep()
}

/// A port of 127.0.0.1 that is free now. Another process may take it before the server does, so starting is tried
/// again with another. Redis Cluster also listens on the port 10000 above.
pub(crate) fn free_port() -> u16 {
    (0..1000)
        .filter_map(|_| TcpListener::bind(("127.0.0.1", 0)).ok()?.local_addr().ok())
        .map(|address| address.port())
        .find(|port| port.checked_add(10_000).is_some_and(|bus| TcpListener::bind(("127.0.0.1", bus)).is_ok()))
        .expect("a free port")
}

/// The path of a program.
///
/// # Panics
/// If it is not installed, with the line that installs it.
pub(crate) fn program(name: &str, install: &str) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE_PATHS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: {install}"))
        .into_os_string()
}

/// Runs a command to its end and gives its output.
///
/// # Panics
/// If it fails, with what it wrote.
pub(crate) fn run(program: impl AsRef<OsStr>, args: &[OsString]) -> String {
    let program = program.as_ref();
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed:\n{text}{errors}", program.display());
    text
}
