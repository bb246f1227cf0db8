//! The README's commands, executed unchanged.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{Server, env};

/// Returns the README's blocks of shell commands, in order.
fn shell_blocks() -> Vec<String> {
    let readme = include_str!("../../README.md");
    readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

/// Returns the code in the last SMS that a server printed.
fn printed_code(server: &Server) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let printed = server.printed();
        let line = printed.lines().rev().find_map(|line| line.split_once(" is your code"));
        if let Some((before, _)) = line {
            return before.trim_start_matches('│').trim().to_owned();
        }
        assert!(Instant::now() < deadline, "{printed}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_three_calls_work_unchanged() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&env([("LISTEN_ADDR", "127.0.0.1:0"), ("DATA_DIR", data.to_str().expect("a path"))]));
    let blocks = shell_blocks();
    assert_eq!(blocks[0], "make run\n");
    let script = blocks[1..4].concat().replace("localhost:8000", server.base.trim_start_matches("http://"));
    let mut shell = Command::new("bash")
        .args(["-euc", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash");
    let mut input = shell.stdin.take().expect("standard input");
    writeln!(input, "{}", printed_code(&server)).expect("the code is typed");
    let output = shell.wait_with_output().expect("an end");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].len(), 43, "the session id: {text}");
    assert!(lines[1].starts_with("eyJ"), "the access token: {text}");
    assert!(lines[2].contains(r#""phone":"+8613711112222""#), "me: {text}");
    let mode = |name: &str| std::fs::metadata(data.join(name)).expect("a file").permissions().mode() & 0o777;
    assert_eq!((mode("signing-key.pem"), mode("")), (0o600, 0o700));
}

#[test]
fn every_setting_in_the_readme_exists() {
    let help = crate::process::run(&["--help"], &env([])).out;
    let words =
        include_str!("../../README.md").split(|c: char| !(c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()));
    let named: Vec<&str> =
        words.filter(|word| word.contains('_') && word.len() > 4 && !word.starts_with('_')).collect();
    assert!(named.len() > 20);
    for name in named {
        let setting = name.trim_end_matches("_FILE");
        let flag = format!("--{}", setting.to_lowercase().replace('_', "-"));
        let known = help.contains(&flag)
            || ["TEST_DATABASE_URL", "TEST_REDIS_URL", "SSL_CERT_FILE", "VERIFY_CA", "CHROMIUM_PATH"].contains(&name)
            || name == "NAME_FILE";
        let error_code = include_str!("../../schema.graphql").contains(name);
        let limit = include_str!("../../src/limits.rs").contains(&format!("\"{name}\""));
        assert!(known || error_code || limit, "{name}");
    }
}
