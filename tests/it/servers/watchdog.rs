//! A server process and its folder, watched by a shell. The shell ends the server and removes the folder as soon as the
//! test process ends, even if it is killed.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How often the log of a starting server is read, and how many times: 60 s in total.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS: u32 = 3000;

/// Folders to search besides `PATH`, which often lacks the `sbin` folders for ordinary users.
const MORE_PATHS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];

/// A server's folder and the shell that watches over it. Both end when this is dropped or the test process ends.
pub(crate) struct Watchdog {
    folder: PathBuf,
    ready_line: &'static str,
    shell: Mutex<(Child, BufReader<ChildStdout>)>,
}

impl Watchdog {
    /// Creates a watchdog for `folder` and for the server that `command` starts. Does not start the server yet. The
    /// server is ready when its output contains `ready_line`.
    pub(crate) fn new(folder: PathBuf, command: &[OsString], ready_line: &'static str) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", include_str!("watchdog.sh"), "watchdog"])
            .arg(&folder)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // In another process group, so that Ctrl-C on the test run does not end the shell before it has cleaned up.
            .process_group(0)
            .spawn()
            .expect("sh runs");
        let answers = BufReader::new(shell.stdout.take().expect("stdout is a pipe"));
        Self { folder, ready_line, shell: Mutex::new((shell, answers)) }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the server and waits until it is ready. Returns false if it ended instead: its port may be in use.
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

    /// Shuts the server down and waits until it has ended. The folder stays.
    pub(crate) fn stop(&self) {
        assert!(self.tell("alive"), "the server is not running:\n{}", self.log());
        self.tell("stop");
    }

    /// Kills the server with SIGKILL.
    pub(crate) fn kill(&self) {
        assert!(self.tell("kill"), "the server is not running");
    }

    /// Pauses the server: connections stay open, but nothing is answered.
    pub(crate) fn pause(&self) {
        assert!(self.tell("pause"), "the server is not running");
    }

    /// Resumes a paused server.
    pub(crate) fn resume(&self) {
        assert!(self.tell("resume"), "the server is not running");
    }

    /// Returns the server's output since its last start.
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
        // `wait` first closes the pipe, which makes the shell clean up.
        let _ = shell.0.wait();
    }
}

/// Creates a folder for one server.
pub(crate) fn new_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("sms-login-test-").tempdir().expect("a temporary folder");
    // The watchdog removes the folder, because this process may be killed.
    folder.keep()
}

/// Returns a port of 127.0.0.1 that is free now. Another process may take it before the server does, so callers try
/// again with another port. The port 10000 above is free too: Redis Cluster listens on both.
pub(crate) fn free_port() -> u16 {
    (0..1000)
        .filter_map(|_| TcpListener::bind(("127.0.0.1", 0)).ok()?.local_addr().ok())
        .map(|address| address.port())
        .find(|port| port.checked_add(10_000).is_some_and(|bus| TcpListener::bind(("127.0.0.1", bus)).is_ok()))
        .expect("a free port")
}

/// Returns the path of a program.
///
/// # Panics
/// If it is not installed. The message names the command that installs it.
pub(crate) fn program(name: &str, install: &str) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE_PATHS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: {install}"))
        .into_os_string()
}

/// Runs a command to its end and returns its output.
///
/// # Panics
/// If it fails. The message contains its output.
pub(crate) fn run(program: impl AsRef<OsStr>, args: &[OsString]) -> String {
    let program = program.as_ref();
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed:\n{text}{errors}", program.display());
    text
}
