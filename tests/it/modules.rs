//! The rules between modules, checked in the `use` lines and paths of `src`.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path below `src` without the ending, and its text without unit tests.
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
    /// Returns whether the code, without its comments, contains `what`.
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

/// Asserts that only allowed modules name any of `what`.
fn only(allowed: impl Fn(&Module) -> bool, what: &[&str]) {
    let all = modules();
    for module in &all {
        for what in what {
            assert!(allowed(module) || !module.names(what), "src/{}.rs names {what}", module.path);
        }
    }
    let used = all.iter().any(|module| what.iter().any(|what| module.names(what)));
    assert!(used, "no module names {what:?}, so the rule checks nothing");
}

/// The services. Every module of `src/lib.rs` is in one of these lists.
const ENTRY: [&str; 4] = ["main", "lib", "cli", "app"];
const TRANSPORT: [&str; 2] = ["http", "graphql"];
const SERVICES: [&str; 15] = [
    "verification",
    "deliveries",
    "spend",
    "captcha",
    "limits",
    "sessions",
    "accounts",
    "account_store",
    "events",
    "event_log",
    "operators",
    "proofs",
    "users",
    "tokens",
    "sms",
];
/// The modules that stores, senders and the start of a server use.
const FOUNDATIONS: [&str; 7] = ["config", "database", "redis", "outbound", "tencent", "metrics", "telemetry"];
/// The modules that import nothing of the crate.
const LEAVES: [&str; 18] = [
    "code",
    "channel",
    "price",
    "device",
    "purpose",
    "tags",
    "day",
    "phone",
    "text",
    "clock",
    "client",
    "locale",
    "random",
    "mac",
    "standard_webhooks",
    "store",
    "files",
    "cleanup",
];

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
    only(|module| module.is_in("app") || module.is_in("cli"), &["crate::app", "app::App"]);
}

#[test]
fn only_app_and_cli_name_concrete_stores_and_senders() {
    let concrete = [
        "MemoryCodeStore",
        "RedisCodeStore",
        "MemoryDeliveryStore",
        "RedisDeliveryStore",
        "ConsoleSms",
        "TencentSms::",
        "WebhookSms::",
        "TencentCaptcha::",
    ];
    let own = |module: &Module| is_service(module) && module.path != "verification";
    for name in concrete {
        only(
            |module| {
                let exported = is_service(module)
                    && module.text.lines().filter(|line| line.contains(name)).all(|line| line.starts_with("pub use"));
                module.is_in("app") || module.is_in("cli") || own(module) || exported
            },
            &[name],
        );
    }
}

#[test]
fn only_two_stores_run_sql() {
    let outside = ["app", "cli", "http/health", "http/metrics"];
    only(
        |module| {
            module.is_in("account_store")
                || module.path == "spend/table"
                || outside.iter().any(|outside| module.is_in(outside))
        },
        &["crate::database"],
    );
    only(|module| module.is_in("app"), &["AccountStore::new"]);
}

#[test]
fn services_know_no_transport() {
    only(|module| !is_service(module), &["axum", "async_graphql", "crate::http", "crate::graphql"]);
}

#[test]
fn modules_below_graphql_do_not_use_it() {
    only(
        |module| module.is_in("http") || module.is_in("app") || module.is_in("cli") || module.is_in("graphql"),
        &["crate::graphql", "graphql::{"],
    );
    only(|module| module.is_in("http") || module.is_in("app"), &["crate::http"]);
}

#[test]
fn each_library_is_named_in_one_place() {
    only(
        |module| module.is_in("database") || ["account_store/rows", "spend/table"].contains(&module.path.as_str()),
        &["sqlx::", "sqlx("],
    );
    only(
        |module| module.is_in("redis") || ends_in(module, &["redis"]),
        &["::redis::{", "::redis::a", "::redis::c", "::redis::E"],
    );
    only(|module| module.path == "outbound", &["reqwest"]);
    only(|module| module.is_in("tokens"), &["jsonwebtoken"]);
    only(|module| module.path == "config/file", &["toml::"]);
    only(|module| module.path == "telemetry", &["opentelemetry::", "opentelemetry_sdk::", "opentelemetry_otlp::"]);
    only(|module| module.is_in("graphql") || module.is_in("http"), &["async_graphql"]);
    only(|module| module.is_in("http") || module.is_in("app"), &["axum::", "axum("]);
    // The `rand` of the signing keys is a module of aws-lc-rs.
    only(|module| ["random", "code", "tokens/keys/pair"].contains(&module.path.as_str()), &["rand::"]);
    only(|module| module.path == "main" || module.is_in("cli"), &["anyhow"]);
}

#[test]
fn leaves_import_nothing_of_the_crate() {
    for leaf in LEAVES {
        let all = modules();
        assert!(all.iter().any(|module| module.path == leaf), "src/{leaf}.rs is gone");
        for module in all.iter().filter(|module| module.is_in(leaf)) {
            assert!(!module.names("crate::"), "src/{}.rs imports from the crate", module.path);
        }
    }
}

#[test]
fn every_module_is_in_a_list() {
    let parts: Vec<&str> = [&ENTRY[..], &TRANSPORT, &SERVICES, &FOUNDATIONS, &LEAVES].concat();
    for module in modules() {
        let of = parts.iter().filter(|part| module.is_in(part)).count();
        assert_eq!(of, 1, "src/{}.rs has no rules: add it to one of the lists above", module.path);
    }
    for part in parts {
        assert!(modules().iter().any(|module| module.is_in(part)), "{part} does not exist: remove it from the lists");
    }
}

/// The modules of `src/lib.rs` that one of them names.
fn imports(of: &str, all: &[Module], tops: &[&'static str]) -> Vec<&'static str> {
    let named = |top: &str| all.iter().any(|module| module.is_in(of) && module.names(&format!("crate::{top}")));
    tops.iter().copied().filter(|top| *top != of && named(top)).collect()
}

#[test]
fn modules_import_each_other_in_one_direction() {
    let all = modules();
    let tops: Vec<&'static str> = [&TRANSPORT[..], &SERVICES, &FOUNDATIONS, &LEAVES].concat();
    let mut left: Vec<(&str, Vec<&str>)> = tops.iter().map(|top| (*top, imports(top, &all, &tops))).collect();
    assert!(left.iter().any(|(top, names)| *top == "sessions" && names.contains(&"verification")), "{left:?}");

    // A module whose imports are all gone cannot be in a cycle.
    loop {
        let before = left.len();
        let open: Vec<&str> = left.iter().map(|(top, _)| *top).collect();
        left.retain(|(_, names)| names.iter().any(|name| open.contains(name)));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "these modules are in a cycle, or import one: {left:?}");
}

#[test]
fn issuing_and_checking_do_not_know_each_other() {
    for (module, other) in [("verification/issuing", "checking"), ("verification/checking", "issuing")] {
        let all = modules();
        let of = all.iter().filter(|file| file.is_in(module));
        assert!(of.clone().count() > 0, "src/{module}.rs is gone");
        for file in of {
            assert!(!file.names(other), "src/{}.rs names {other}", file.path);
        }
    }
}
