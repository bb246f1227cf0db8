//! Attacks from the server's own machine: on its files, its inbox and its stored texts.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use tempfile::TempDir;

use crate::app::{Stores, TestApp};
use crate::process::{Server, env};

const KEY32: &str = "0123456789abcdef0123456789abcdef";
const EXPOSED: &str = "users other than its owner can read or write this file";

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.permissions().mode() & 0o777
}

fn write_with_mode(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Returns the settings of an embedded server, with additional ones.
fn embedded<const N: usize>(settings: [(&str, &str); N]) -> BTreeMap<String, String> {
    let mut all = env([("LISTEN_ADDR", "127.0.0.1:0"), ("LOG", "info")]);
    all.extend(env(settings));
    all
}

/// Stops a server and returns its log.
fn log_of(server: Server) -> String {
    server.terminate();
    server.wait().1
}

/// Another user of the machine wants to read the phone numbers in the database, or the key that signs tokens.
#[test]
fn another_user_cannot_read_the_files_of_the_server() {
    // One umask removes no permissions, and one removes even the owner's permission to write.
    for umask in ["000", "0277"] {
        let folder = TempDir::new().expect("a folder");
        let data = folder.path().join("new/data");
        let server = Server::start_under(&format!("umask {umask}"), &embedded([("DATA_DIR", text(&data))]));
        for file in ["sms-login.db", "sms-login.db-wal", "sms-login.db-shm", "signing-key.pem"] {
            assert_eq!(mode(&data.join(file)), 0o600, "umask {umask}: {file}");
        }
        for made in [&data, &folder.path().join("new")] {
            assert_eq!(mode(made), 0o700, "umask {umask}: {}", made.display());
        }
        assert!(!log_of(server).contains(EXPOSED), "the server does not warn about files that it created");
    }
}

/// Another user wants to read a database that `DATABASE_URL` names by its path, or by a symbolic link to a missing
/// file.
#[test]
fn another_user_cannot_read_a_database_named_by_its_address() {
    let folder = TempDir::new().expect("a folder");
    let (file, link, target) =
        (folder.path().join("named.db"), folder.path().join("link.db"), folder.path().join("target.db"));
    std::os::unix::fs::symlink(&target, &link).expect("a link");
    for (address, made) in [(&file, &file), (&link, &target)] {
        let url = format!("sqlite://{}?mode=rwc", address.display());
        let data = folder.path().join("data");
        let server = Server::start_under("umask 000", &embedded([("DATA_DIR", text(&data)), ("DATABASE_URL", &url)]));
        for ending in ["", "-wal", "-shm"] {
            let part = folder.path().join(format!("{}{ending}", made.display()));
            assert_eq!(mode(&part), 0o600, "{}", part.display());
        }
        drop(server);
    }
}

/// SQLite treats a path that begins with `file:` as a URI, and would create a file other than the private one.
#[test]
fn a_database_address_must_not_contain_a_uri() {
    let folder = TempDir::new().expect("a folder");
    let url = format!("sqlite:file:{}", folder.path().join("uri.db").display());
    let refused =
        crate::process::run(&["serve"], &embedded([("DATA_DIR", text(folder.path())), ("DATABASE_URL", &url)]));
    assert!(!refused.status.success());
    assert!(refused.err.contains("DATABASE_URL: not of the form"), "{}", refused.err);
    assert!(!folder.path().join("uri.db").exists());
}

/// Another user can read files because of their mode. The server warns once for each file, with the name of the setting
/// and the mode, and does not change the mode.
#[test]
fn files_that_others_can_read_are_warned_about() {
    let folder = TempDir::new().expect("a folder");
    let key =
        sms_login::tokens::keys::generate(sms_login::tokens::keys::SigningAlgorithm::EdDsa).expect("a key").private_pem;
    let path = |name: &str| folder.path().join(name);
    write_with_mode(&path("sms-login.db"), "", 0o644);
    write_with_mode(&path("signing-key.pem"), &key, 0o640);
    write_with_mode(&path("code-secret"), KEY32, 0o604);
    write_with_mode(&path("private"), "sqlite:unused.db", 0o600);
    let settings = [("DATA_DIR", text(folder.path())), ("CODE_SECRET_FILE", text(&path("code-secret")))]
        .map(|(name, value)| (name, value.to_owned()));
    let settings: [(&str, &str); 2] = [(settings[0].0, &settings[0].1), (settings[1].0, &settings[1].1)];

    let log = log_of(Server::start(&embedded(settings)));

    let warnings: Vec<&str> = log.lines().filter(|line| line.contains(EXPOSED)).collect();
    for (setting, file, mode) in [
        ("DATA_DIR", "sms-login.db", "0644"),
        ("DATA_DIR", "signing-key.pem", "0640"),
        ("CODE_SECRET_FILE", "code-secret", "0604"),
    ] {
        let named = |line: &&&str| line.contains(setting) && line.contains(file) && line.contains(mode);
        assert_eq!(warnings.iter().filter(named).count(), 1, "{file}: {log}");
    }
    assert_eq!(warnings.len(), 3, "{log}");
    assert!(!log.contains(KEY32) && !log.contains("PRIVATE KEY"), "{log}");
    assert_eq!(mode(&path("sms-login.db")), 0o644, "the mode is the operator's");
    assert_eq!(mode(&path("signing-key.pem")), 0o640, "the mode is the operator's");
}

/// The operator made the database private, but others can still read a write-ahead log that a crash left behind.
#[test]
fn a_write_ahead_log_that_others_can_read_is_warned_about() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("named.db");
    write_with_mode(&database, "", 0o600);
    write_with_mode(&folder.path().join("named.db-wal"), "", 0o644);
    let url = format!("sqlite://{}", database.display());
    let key = folder.path().join("key");
    write_with_mode(
        &key,
        &sms_login::tokens::keys::generate(sms_login::tokens::keys::SigningAlgorithm::EdDsa)
            .expect("a key")
            .private_pem,
        0o440,
    );

    let settings = [("DATABASE_URL", url.as_str()), ("JWT_SIGNING_KEY_FILE", text(&key))];
    let log = log_of(Server::start(&embedded(settings)));

    let warned = |setting: &str, file: &str| {
        log.lines().any(|line| line.contains(EXPOSED) && line.contains(setting) && line.contains(file))
    };
    assert!(warned("DATABASE_URL", "named.db-wal"), "{log}");
    assert!(warned("JWT_SIGNING_KEY_FILE", "0440"), "{log}");
}

/// If every address is a trusted proxy, a client can forge its address in `X-Forwarded-For`.
#[test]
fn trusting_every_address_as_a_proxy_is_warned_about() {
    for (proxies, ranges) in [
        ("0.0.0.0/0", &["0.0.0.0/0"][..]),
        ("10.0.0.0/8,::/0", &["::/0"]),
        ("0.0.0.0/1,10.0.0.0/8,128.0.0.0/1", &["0.0.0.0/0"]),
        ("::ffff:0:0/96,::/1,8000::/1", &["0.0.0.0/0", "::/0"]),
        ("0.0.0.0/1,128.0.0.0/2,10.0.0.0/8,::1", &[]),
    ] {
        let folder = TempDir::new().expect("a folder");
        let settings = [("DATA_DIR", text(folder.path())), ("TRUSTED_PROXIES", proxies)];
        let log = log_of(Server::start(&embedded(settings)));
        let warnings: Vec<&str> = log.lines().filter(|line| line.contains("TRUSTED_PROXIES")).collect();
        assert_eq!(warnings.len(), ranges.len(), "{proxies}: {log}");
        for range in ranges {
            assert!(warnings.iter().any(|line| line.contains(range) && line.contains("WARN")), "{proxies}: {log}");
        }
    }
}

/// The header that a browser sends with a request of the page itself.
const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

/// A page of another origin, a program of another user, or a client behind a tunnel on this machine wants to read the
/// codes in the inbox. Only the page at `/` can.
#[tokio::test]
async fn only_the_page_itself_reads_the_inbox() {
    let app = TestApp::on(Stores::Embedded).set("SMS_PROVIDER", "console").start().await;
    let status = async |headers: &[(&str, &str)]| {
        let mut request = Request::get("/dev/inbox").header("host", "localhost:8000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        app.at("127.0.0.1").send(request.body(Body::empty()).expect("a request")).await.status
    };
    assert_eq!(status(&[SAME_ORIGIN]).await, StatusCode::OK);

    for headers in [
        // The headers of curl, and those of a browser for the address bar, another port, and another site.
        &[][..],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-origin, cross-site")],
        &[("sec-fetch-site", "Same-Origin")],
        &[SAME_ORIGIN, ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "cross-site"), SAME_ORIGIN],
    ] {
        assert_eq!(status(headers).await, StatusCode::FORBIDDEN, "{headers:?}");
    }

    for added in [
        "Via",
        "Forwarded",
        "X-Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Server",
        "X-Original-Forwarded-For",
        "X-Real-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "CF-Connecting-IP",
        "CF-Connecting-IPv6",
        "CF-Ray",
        "CF-Visitor",
        "True-Client-IP",
        "CDN-Loop",
        "Fastly-Client-IP",
        "Fly-Client-IP",
        "X-Envoy-External-Address",
        "X-Amzn-Trace-Id",
        "X-Azure-ClientIP",
        "X-Appengine-User-IP",
    ] {
        assert_eq!(status(&[SAME_ORIGIN, (added, "1")]).await, StatusCode::FORBIDDEN, "{added}");
    }
}
