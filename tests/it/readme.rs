//! The README's commands, executed unchanged, and what the documents name: settings and files.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
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
    assert_eq!(lines[0].len(), 43, "the challenge id: {text}");
    assert!(lines[1].starts_with("eyJ"), "the access token: {text}");
    assert!(lines[2].contains(r#""phone":"+8613711112222""#), "me: {text}");
    let mode = |name: &str| std::fs::metadata(data.join(name)).expect("a file").permissions().mode() & 0o777;
    assert_eq!((mode("signing-key.pem"), mode("")), (0o600, 0o700));
}

#[test]
fn the_react_component_signs_a_user_in() {
    let data = TempDir::new().expect("a folder");
    let server = Server::start(&env([
        ("LISTEN_ADDR", "127.0.0.1:0"),
        ("DATA_DIR", data.path().to_str().expect("a path")),
        ("CORS_ORIGINS", "http://localhost:5173"),
    ]));
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clients = project.join("target/clients");
    assert!(clients.join("node_modules/react").exists(), "React is missing: scripts/setup-tests installs it");

    let folder = TempDir::new_in(&clients).expect("a folder");
    for name in ["sign-in.tsx", "tsconfig.json"] {
        std::fs::copy(project.join("tests/clients").join(name), folder.path().join(name)).expect("a copy");
    }
    let component = include_str!("../../docs/clients.md").split("```tsx\n").nth(1).expect("a component");
    let component = component.split("```").next().expect("its end");
    assert!(component.contains("http://localhost:8000/"));
    std::fs::write(folder.path().join("snippet.tsx"), component.replace("http://localhost:8000", &server.base))
        .expect("a file");

    let mut page = Command::new(clients.join("node_modules/.bin/tsx"))
        .args(["sign-in.tsx", "13711112222"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js runs");
    let mut input = page.stdin.take().expect("standard input");
    writeln!(input, "{}", printed_code(&server)).expect("the code is typed");
    let output = page.wait_with_output().expect("an end");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "alert: This is not a mobile phone number.",
            "alert: Something went wrong (REGION_NOT_ALLOWED). Please try again.",
            "sent",
            "alert: Wrong code. Attempts left: 2.",
        ],
        "{text}"
    );
    assert!(lines[4].starts_with("signed in: ") && lines[4].contains(r#""phone":"+8613711112222""#), "{text}");
}

/// The documents, by name: the README, and everything in `docs`.
fn documents() -> Vec<(String, String)> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(project.join("docs")).expect("the documents");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    paths.push(project.join("README.md"));
    paths.push(project.join("CONTRIBUTING.md"));
    paths
        .into_iter()
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("a document")))
        .collect()
}

#[test]
fn every_setting_in_the_documents_exists() {
    let help = crate::process::run(&["--help"], &env([])).out;
    let others = [
        "CALLBACK_SECRET",
        "GRAFANA_PASSWORD",
        "SMS_LOGIN",
        "TEST_DATABASE_URL",
        "TEST_REDIS_URL",
        "PROPTEST_CASES",
        "SSL_CERT_FILE",
        "VERIFY_CA",
        "CHROMIUM_PATH",
        "NAME_FILE",
        "PHONE_CHANGED",
        "GRAPHQL_PARSE_FAILED",
        "PERSISTED_QUERY_NOT_SUPPORTED",
        "PERSISTED_QUERY_NOT_FOUND",
        "DOCUMENT_NOT_TRUSTED",
        "GRAPHQL_VALIDATION_FAILED",
    ];
    let mut count = 0;
    for (path, text) in documents() {
        let words = text.split(|c: char| !(c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()));
        let names = words.map(|word| word.trim_matches('_')).filter(|word| word.contains('_') && word.len() > 4);
        let names = names.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
        // A function of Tencent Cloud has settings with this prefix, which its start script removes.
        for name in names.map(|name| name.trim_start_matches("SMS_LOGIN_")) {
            let setting = name.trim_end_matches("_FILE");
            let flag = format!("--{}", setting.to_lowercase().replace('_', "-"));
            let known = help.contains(&flag) || others.contains(&name);
            let in_schema = include_str!("../../schema.graphql").contains(name);
            let limit = include_str!("../../src/limits.rs").contains(&format!("\"{name}\""));
            assert!(known || in_schema || limit, "{path}: {name}");
            count += 1;
        }
    }
    assert!(count > 100, "{count} names were found");
}

/// Returns the error codes and their numbers, from the descriptions in the schema.
fn error_codes() -> Vec<(&'static str, &'static str)> {
    let schema = include_str!("../../schema.graphql");
    let values = schema.split("enum ErrorCode {").nth(1).and_then(|rest| rest.split('}').next()).expect("the enum");
    let mut number = "";
    let mut codes = Vec::new();
    for line in values.lines().map(str::trim) {
        if let Some((first, _)) = line.split_once(": ").filter(|(first, _)| first.parse::<i32>().is_ok()) {
            number = first;
        } else if !line.is_empty() && line.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
            codes.push((line, number));
        }
    }
    codes
}

#[test]
fn the_errors_document_lists_every_code_with_its_number() {
    let document = include_str!("../../docs/errors.md");
    let listed: Vec<_> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | -"))
        .map(|(code, rest)| (code, rest.split(' ').next().expect("a number")))
        .collect();
    let codes: Vec<_> =
        error_codes().into_iter().map(|(code, number)| (code, number.trim_start_matches('-'))).collect();
    assert!(codes.contains(&("CODE_INCORRECT", "1102")), "{codes:?}");
    assert_eq!(listed, codes);
}

/// Returns the addresses of a document's links and pictures.
fn links(text: &str) -> Vec<&str> {
    let rests = text.split("](").skip(1);
    rests.filter_map(|rest| rest.split([')', '#']).next()).filter(|link| !link.is_empty()).collect()
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    let mut count = 0;
    for (path, text) in documents() {
        let folder = Path::new(&path).parent().expect("a folder");
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            assert!(folder.join(link).exists(), "{path}: {link}");
            count += 1;
        }
    }
    assert!(count > 20, "{count} links were found");
}
