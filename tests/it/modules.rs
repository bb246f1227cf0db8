//! The rules between modules, read off the `use` lines and paths of `src`.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path below `src`, without ending, and its text without tests.
struct Module {
    path: String,
    text: String,
}

fn modules() -> Vec<Module> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("a file");
                let text = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
                let path = path.strip_prefix(&root).expect("below src").with_extension("");
                found.push(Module { path: path.to_str().expect("a name").to_owned(), text });
            }
        }
    }
    assert!(found.len() > 40, "the modules were found");
    found
}

impl Module {
    /// Whether the code, comments aside, names this.
    fn names(&self, what: &str) -> bool {
        let lines = self.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.into_iter().any(|line| {
            line.match_indices(what).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            })
        })
    }

    fn is_in(&self, folder: &str) -> bool {
        self.path == folder || self.path.starts_with(&format!("{folder}/"))
    }
}

/// Asserts that only modules for which `allowed` holds name any of `what`.
fn only(allowed: impl Fn(&Module) -> bool, what: &[&str]) {
    let all = modules();
    for module in &all {
        for what in what {
            assert!(allowed(module) || !module.names(what), "src/{}.rs names {what}", module.path);
        }
    }
    let used = all.iter().any(|module| what.iter().any(|what| module.names(what)));
    assert!(used, "nothing names {what:?}: the rule looks for the wrong thing");
}

/// Every module of `src/lib.rs` is in one of these lists.
const ENTRY: [&str; 4] = ["main", "lib", "cli", "app"];
const TRANSPORT: [&str; 2] = ["http", "graphql"];
const SERVICES: [&str; 9] =
    ["verification", "captcha", "limits", "sessions", "accounts", "proofs", "users", "tokens", "sms"];
/// What stores, senders and the start of a server are built on.
const FOUNDATIONS: [&str; 7] = ["config", "database", "redis", "outbound", "tencent", "metrics", "telemetry"];
/// They import nothing of the crate.
const LEAVES: [&str; 7] = ["phone", "text", "clock", "client", "random", "store", "files"];

fn is_service(module: &Module) -> bool {
    SERVICES.iter().any(|service| module.is_in(service))
}

fn ends_in(module: &Module, names: &[&str]) -> bool {
    let last = module.path.rsplit('/').next().unwrap_or_default();
    names.contains(&last)
}

#[test]
fn main_calls_cli_and_cli_calls_app() {
    only(|module| module.path == "main", &["sms_login::cli"]);
    only(|module| module.path == "app" || module.is_in("cli"), &["crate::app", "app::App"]);
}

#[test]
fn only_app_and_cli_name_concrete_stores_and_senders() {
    let concrete = [
        "MemoryCodeStore",
        "RedisCodeStore",
        "MySqlUserStore",
        "SqliteUserStore",
        "MySqlSessionStore",
        "SqliteSessionStore",
        "ConsoleSms",
        "TencentSms::",
        "TencentCaptcha::",
    ];
    let own =
        |module: &Module| is_service(module) && !["verification", "sessions", "users"].contains(&module.path.as_str());
    for name in concrete {
        only(
            |module| {
                let exported = is_service(module)
                    && module.text.lines().filter(|line| line.contains(name)).all(|line| line.starts_with("pub use"));
                module.path == "app" || module.is_in("cli") || own(module) || exported
            },
            &[name],
        );
    }
}

#[test]
fn services_know_no_transport() {
    only(|module| !is_service(module), &["axum", "async_graphql", "crate::http", "crate::graphql"]);
}

#[test]
fn nothing_below_graphql_calls_up() {
    only(
        |module| module.is_in("http") || module.path == "app" || module.is_in("cli") || module.is_in("graphql"),
        &["crate::graphql", "graphql::{"],
    );
    only(|module| module.is_in("http") || module.path == "app", &["crate::http"]);
}

#[test]
fn each_library_has_its_place() {
    only(|module| module.path == "database" || ends_in(module, &["mysql", "sqlite", "sql"]), &["sqlx::", "sqlx("]);
    only(|module| ends_in(module, &["redis"]), &["::redis::{", "::redis::a", "::redis::c", "::redis::E"]);
    only(|module| module.path == "outbound", &["reqwest"]);
    only(|module| module.is_in("tokens"), &["jsonwebtoken"]);
    only(|module| module.is_in("graphql") || module.is_in("http"), &["async_graphql"]);
    only(|module| module.is_in("http") || module.path == "app", &["axum::", "axum("]);
    only(
        |module| module.path == "random" || module.path == "verification/code" || module.path == "sessions",
        &["rand::"],
    );
    only(|module| module.path == "main" || module.is_in("cli"), &["anyhow"]);
}

#[test]
fn leaves_import_nothing_of_the_crate() {
    for leaf in LEAVES {
        let all = modules();
        let module = all.iter().find(|module| module.path == leaf).expect("the leaf is there");
        assert!(!module.names("crate::"), "src/{leaf}.rs imports from the crate");
    }
}

#[test]
fn every_module_has_its_part() {
    let parts: Vec<&str> = [&ENTRY[..], &TRANSPORT, &SERVICES, &FOUNDATIONS, &LEAVES].concat();
    for module in modules() {
        let of = parts.iter().filter(|part| module.is_in(part)).count();
        assert_eq!(of, 1, "src/{}.rs has no rules: add it to one of the lists above", module.path);
    }
    for part in parts {
        assert!(modules().iter().any(|module| module.is_in(part)), "{part} is gone: take it out of the lists");
    }
}
