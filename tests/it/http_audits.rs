//! Conformance with the GraphQL-over-HTTP draft: runs the audits of the npm package `graphql-http` on a live server.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Server, env};

#[test]
fn the_server_passes_the_audits_of_graphql_over_http() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = root.join("target/http-audits");
    assert!(installed.join("node_modules").exists(), "the audits are not installed: scripts/setup-tests");

    let script = installed.join("audit.mjs");
    std::fs::copy(root.join("tests/http-audits/audit.mjs"), &script).expect("a copy next to the modules");
    let data = TempDir::new().expect("a folder");
    let data = data.path().to_str().expect("a path");
    let server = Server::start(&env([("LISTEN_ADDR", "127.0.0.1:0"), ("DATA_DIR", data)]));
    let url = format!("{}/graphql", server.base);

    let output = Command::new("node").arg(script).arg(url).output().expect("node runs");
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{errors}");
    assert!(printed.ends_with(" audits, 0 not met\n"), "{printed}");
}
