//! The files that packages are made of: the service unit, the settings of the Debian package, the Dockerfile, compose.yaml,
//! the start script of a function, and the workflows. `make test-packages` builds and starts the packages themselves.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::{env, run};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(project(path)).expect("a file of the project")
}

/// Panics if `name` is not a setting, with or without `_FILE`.
fn assert_setting(name: &str) {
    let help = run(&["--help"], &env([])).out;
    let flag = format!("--{}", name.trim_end_matches("_FILE").to_lowercase().replace('_', "-"));
    // A flag is followed by its value, or by `[=VALUE]`.
    assert!(help.split([' ', '\n', '[']).any(|word| word == flag), "{name} is not a setting");
}

#[test]
fn the_service_is_confined() {
    let unit = project("deploy/sms-login.service");
    let analysis =
        Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager"]).arg(unit).output();
    let Ok(analysis) = analysis else {
        writeln!(std::io::stderr(), "skipped: systemd-analyze is missing, so nothing rates the service")
            .expect("a line");
        return;
    };
    let report = String::from_utf8(analysis.stdout).expect("UTF-8");
    let line = report.lines().find(|line| line.contains("Overall exposure level")).expect("a rating");
    let rating = line.split_once(": ").and_then(|(_, rest)| rest.split(' ').next()).expect("a number");
    assert!(rating.parse::<f64>().expect("a number") < 2.0, "{report}");
}

#[test]
fn the_settings_of_the_debian_package_are_settings() {
    let path = project("deploy/sms-login.toml");
    let data = TempDir::new().expect("a folder");
    let config = run(
        &["config", "--config", path.to_str().expect("a path")],
        &env([("DATA_DIR", data.path().to_str().expect("a path"))]),
    );
    assert!(config.status.success(), "{}", config.err);

    // The settings in comments, too: an operator removes the `#`.
    let text = text("deploy/sms-login.toml");
    let mut count = 0;
    for line in text.lines().filter_map(|line| line.trim_start_matches("# ").split_once(" = ")) {
        assert_setting(&line.0.to_uppercase());
        count += 1;
    }
    assert!(count >= 10, "{count} settings were found");
}

#[test]
fn the_image_runs_as_an_ordinary_user_and_is_checked() {
    let dockerfile = text("Dockerfile");
    let image = dockerfile.rsplit("\nFROM ").next().expect("the last stage");
    let line = |name: &str| {
        let found = image.lines().filter_map(|line| line.strip_prefix(name)).next_back();
        found.unwrap_or_else(|| panic!("the image has no {name}"))
    };
    let user = line("USER ").split(':').next().expect("a user");
    assert!(user.parse::<u32>().expect("a number, which orchestrators can compare with 0") > 0);
    assert!(line("HEALTHCHECK ").ends_with(r#"CMD ["sms-login", "healthcheck"]"#));
    assert_eq!(line("ENTRYPOINT "), r#"["sms-login"]"#);
    for setting in line("ENV ").split(' ') {
        assert_setting(setting.split('=').next().expect("a name"));
    }
    // Nothing of the checkout reaches the image unless it is named: not a key, not a data folder.
    assert_eq!(text(".dockerignore").lines().find(|line| !line.starts_with('#')), Some("*"));
}

/// Returns the variables in the output of `scripts/make-compose-env`.
fn compose_env() -> BTreeMap<String, String> {
    let output = Command::new(project("scripts/make-compose-env")).output().expect("the script runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let pairs = printed.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

#[test]
fn compose_finds_every_secret_and_knows_every_setting() {
    let compose = text("compose.yaml");
    let secrets = compose_env();
    // `$$NAME` is a variable of the container, `${NAME}` one of the file.
    for name in compose.split("${").skip(1).filter_map(|rest| rest.split(['}', ':']).next()) {
        assert!(secrets.get(name).is_some_and(|value| value.len() >= 32), "{name} is not a secret of the file");
    }
    let server = compose.split("\n  mysql:\n").next().and_then(|rest| rest.split("environment:\n").nth(1));
    let server = server.and_then(|rest| rest.split("    ports:").next()).expect("the settings of the server");
    for line in server.lines() {
        assert_setting(line.trim().split(':').next().expect("a name"));
    }

    let containers = ["MYSQL_PASSWORD", "REDIS_PASSWORD", "GRAFANA_PASSWORD"];
    let mut settings = secrets;
    settings.retain(|name, _| !containers.contains(&name.as_str()));
    for name in settings.keys() {
        assert_setting(name);
    }
    settings.insert("DATABASE_URL".to_owned(), "mysql://sms_login:x@mysql:3306/sms_login".to_owned());
    let config = run(&["config"], &settings);
    assert!(config.status.success(), "{}", config.err);
}

/// Starts the bootstrap of a function beside a program that prints its environment, and returns what that prints.
fn bootstrap(folder: &Path, env: &[(&str, &str)]) -> Vec<String> {
    std::fs::copy(project("deploy/scf_bootstrap"), folder.join("scf_bootstrap")).expect("a copy");
    let program = folder.join("sms-login");
    std::fs::write(&program, "#!/bin/sh\nenv\n").expect("a file");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let output = Command::new(folder.join("scf_bootstrap"))
        .env_clear()
        .envs(env.iter().copied())
        .current_dir("/")
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[test]
fn a_function_gets_its_settings_past_the_reserved_names() {
    let script = text("deploy/scf_bootstrap");
    let mode = std::fs::metadata(project("deploy/scf_bootstrap")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    assert!(script.starts_with("#!/bin/bash\n") && script.ends_with('\n') && !script.contains('\r'));

    let folder = TempDir::new().expect("a folder");
    let printed = bootstrap(
        folder.path(),
        &[
            ("TENCENTCLOUD_REGION", "ap-of-the-function"),
            ("SMS_LOGIN_TENCENTCLOUD_SECRET_ID", "an id"),
            ("SMS_LOGIN_DATABASE_URL", "mysql://a:b%25@c/d?e=f"),
        ],
    );
    let has = |line: &str| printed.iter().any(|printed| printed == line);
    assert!(has("TENCENTCLOUD_SECRET_ID=an id"), "{printed:?}");
    assert!(has("DATABASE_URL=mysql://a:b%25@c/d?e=f"), "{printed:?}");
    assert!(has("LISTEN_ADDR=0.0.0.0:9000") && has("DATA_DIR=/tmp/sms-login"), "{printed:?}");
    assert!(!printed.iter().any(|line| line.contains("ap-of-the-function") || line.starts_with("CONFIG=")));
}

#[test]
fn a_function_reads_a_file_of_settings_in_its_package() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("sms-login.toml"), "").expect("a file");
    let printed = bootstrap(folder.path(), &[("SMS_LOGIN_TENCENTCLOUD_REGION", "ap-guangzhou")]);
    let has = |line: &str| printed.iter().any(|printed| printed == line);
    // The program starts in the folder of the package.
    assert!(has("CONFIG=sms-login.toml") && has("TENCENTCLOUD_REGION=ap-guangzhou"), "{printed:?}");
    let folder = folder.path().canonicalize().expect("a path");
    assert!(has(&format!("PWD={}", folder.display())), "{printed:?}");
}

#[test]
fn workflows_run_the_commands_of_the_makefile_and_pin_their_actions() {
    let makefile = text("Makefile");
    let (ci, release) = (text(".github/workflows/ci.yml"), text(".github/workflows/release.yml"));
    assert!(ci.contains("- run: .ci/run\n"));
    for target in ["packages", "test-packages", "sbom"] {
        assert!(release.contains(&format!("- run: make {target}\n")), "{target} is missing in the release");
        assert!(makefile.contains(&format!("\n{target}: ")), "{target} is not in the Makefile");
    }
    for line in ci.lines().chain(release.lines()) {
        // A tag of an action can be moved to other code. A commit cannot.
        if let Some((_, action)) = line.split_once("uses: ") {
            let commit = action.split_once('@').and_then(|(_, rest)| rest.split(' ').next()).expect("a version");
            assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{action}");
        }
    }
}
