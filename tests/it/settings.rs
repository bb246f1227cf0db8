//! Settings from flags, the environment and the settings file: which one applies, what is refused, and that no secret is
//! ever printed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use crate::process::{self, Output, Server, env};

const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";

/// A folder with a settings file.
struct Folder(TempDir);

impl Folder {
    fn with(toml: &str) -> Self {
        let folder = Self(TempDir::new().expect("a folder"));
        folder.write("sms-login.toml", toml);
        folder
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("a file");
        self.path(name)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("a path").to_owned()
    }

    /// Runs `config` with the settings file.
    fn config(&self, flags: &[&str], set: &[(&str, &str)]) -> Output {
        let file = self.path("sms-login.toml");
        let args = [&["config", "--config", &file], flags].concat();
        let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        process::run(&args, &set.collect())
    }

    /// Returns the error of `config` without the path of the folder.
    fn refusal(&self) -> String {
        let refused = self.config(&[], &[]);
        assert_eq!((refused.status.code(), refused.out.as_str()), (Some(1), ""), "{}", refused.err);
        assert_eq!(refused.err.lines().count(), 1, "{}", refused.err);
        refused.err.replace(&self.path(""), "").trim_end().replacen("sms-login: ", "", 1)
    }
}

/// Asserts that `config` prints this line.
fn assert_line(printed: &Output, line: &str) {
    assert!(printed.status.success(), "{}", printed.err);
    assert!(printed.out.lines().any(|printed| printed == line), "{line} is not in\n{}", printed.out);
}

#[test]
fn a_flag_overrides_the_environment_and_the_environment_overrides_the_file() {
    let folder = Folder::with("code_ttl = '1m'\nsend_cooldown = '1s'\nsend_daily_limit = 1");
    let printed = folder.config(&["--code-ttl=3m"], &[("CODE_TTL", "2m"), ("SEND_COOLDOWN", "2s")]);
    assert_line(&printed, "flag         CODE_TTL=3m");
    assert_line(&printed, "environment  SEND_COOLDOWN=2s");
    assert_line(&printed, "file         SEND_DAILY_LIMIT=1");
    assert_line(&printed, "default      CODE_MAX_ATTEMPTS=3");
    assert_line(&printed, "default      METRICS_ADDR=(no metrics)");
    assert_line(&printed, "default      JWT_SECRET=(not set)");
}

#[test]
fn a_refused_value_does_not_matter_if_it_is_overridden() {
    let folder = Folder::with("code_ttl = 'soon'");
    let printed = folder.config(&["--code-ttl", "3m"], &[("CODE_TTL", "never")]);
    assert_line(&printed, "flag         CODE_TTL=3m");
}

#[test]
fn flags_can_stand_before_and_after_the_command() {
    let printed = process::run(&["--code-ttl=3m", "config", "--playground", "--send-cooldown", "1s"], &BTreeMap::new());
    assert_line(&printed, "flag         CODE_TTL=3m");
    assert_line(&printed, "flag         PLAYGROUND=true");
    assert_line(&printed, "flag         SEND_COOLDOWN=1s");
}

#[test]
fn the_environment_can_name_the_file_and_a_flag_can_name_another() {
    let folder = Folder::with("code_ttl = '1m'");
    let other = folder.write("other.toml", "code_ttl = '2m'");
    let set = env([("CONFIG", &other)]);
    assert_line(&process::run(&["config"], &set), "file         CODE_TTL=2m");
    assert_line(&process::run(&["config"], &set), &format!("environment  CONFIG={other}"));
    assert_line(&folder.config(&[], &[("CONFIG", &other)]), "file         CODE_TTL=1m");
    assert_line(&process::run(&["config"], &env([("CONFIG", "")])), "default      CONFIG=(no file)");
}

#[test]
fn empty_values_are_unset() {
    let folder = Folder::with("code_ttl = '1m'\njwt_issuer = ''");
    let printed = folder.config(&[], &[("CODE_TTL", "")]);
    assert_line(&printed, "file         CODE_TTL=1m");
    assert_line(&printed, "default      JWT_ISSUER=(PUBLIC_URL if it is set, else sms-login)");
}

#[test]
fn values_can_have_the_types_of_toml() {
    let folder = Folder::with(
        "auto_migrate = true
        send_daily_limit = 0x10
        send_cooldown = 0
        session_max_age = '1h30m'
        guard_daily_ratio = 0.5
        guard_hourly_ratio = 1
        max_connections = 1_000
        tencent_captcha_app_id = 190000000
        captcha = 'off'
        allowed_regions = ['CN', 'HK']
        trusted_proxies = '10.0.0.0/8,192.0.2.1'
        avatars = ['https://a.b/1', 'data:image/png;base64,iVBORw0KGgo=']
        test_numbers = ['+8613800000000=123456']
        test_numbers_until = 2026-12-31
        playground = 'false'",
    );
    let printed = folder.config(&[], &[]);
    for line in [
        "AUTO_MIGRATE=true",
        "SEND_DAILY_LIMIT=16",
        "SEND_COOLDOWN=0",
        "SESSION_MAX_AGE=1h30m",
        "GUARD_DAILY_RATIO=0.5",
        "GUARD_HOURLY_RATIO=1",
        "MAX_CONNECTIONS=1000",
        "TENCENT_CAPTCHA_APP_ID=190000000",
        "ALLOWED_REGIONS=CN,HK",
        "TRUSTED_PROXIES=10.0.0.0/8,192.0.2.1",
        "AVATARS=https://a.b/1,data:image/png;base64,iVBORw0KGgo=",
        "TEST_NUMBERS=(set)",
        "TEST_NUMBERS_UNTIL=2026-12-31",
        "PLAYGROUND=false",
    ] {
        assert_line(&printed, &format!("file         {line}"));
    }
    let folder = Folder::with("test_numbers_until = 2026-12-31T18:00:00+08:00");
    assert_line(&folder.config(&[], &[]), "file         TEST_NUMBERS_UNTIL=2026-12-31T18:00:00+08:00");
}

#[test]
fn a_refusal_names_the_file_the_key_and_the_reason() {
    for (toml, refusal) in [
        // Keys that are not settings.
        ("colour = 'red'", "colour in sms-login.toml: not a setting"),
        ("LISTEN_ADDR = '127.0.0.1:1'", "LISTEN_ADDR in sms-login.toml: not a setting: write listen_addr"),
        ("listen-addr = '127.0.0.1:1'", "listen-addr in sms-login.toml: not a setting: write listen_addr"),
        ("config = 'other.toml'", "config in sms-login.toml: not a setting"),
        ("help = true", "help in sms-login.toml: not a setting"),
        ("listen_addr_file = 'x'", "listen_addr_file in sms-login.toml: not a setting"),
        ("\"a\\nb\" = 1", "a\\nb in sms-login.toml: not a setting"),
        ("route = 'a'", "route in sms-login.toml: must be tables, each under a line [[route]]"),
        ("[[route]]\nname = 'a'", "route \"a\": provider: needed"),
        ("[server]\nlisten_addr = '127.0.0.1:1'", "server in sms-login.toml: not a setting"),
        // Types.
        ("listen_addr = 8000", "listen_addr in sms-login.toml: must be a string, in quotes"),
        ("jwt_issuer = true", "jwt_issuer in sms-login.toml: must be a string, in quotes"),
        ("jwt_issuer = ['a']", "jwt_issuer in sms-login.toml: must be a string, in quotes"),
        ("jwt_issuer.a = 'b'", "jwt_issuer in sms-login.toml: must be a string, in quotes"),
        ("code_secret_file = 1", "code_secret_file in sms-login.toml: must be a string, in quotes"),
        ("auto_migrate = 1", "auto_migrate in sms-login.toml: must be true or false"),
        ("send_daily_limit = 1.5", "send_daily_limit in sms-login.toml: must be a whole number"),
        ("guard_daily_ratio = true", "guard_daily_ratio in sms-login.toml: must be a number"),
        ("allowed_regions = [1]", "allowed_regions in sms-login.toml: must be a string or a list of strings"),
        ("allowed_regions = 1", "allowed_regions in sms-login.toml: must be a string or a list of strings"),
        ("allowed_regions = []", "allowed_regions in sms-login.toml: must not be empty: leave it out for the default"),
        // Values.
        ("code_ttl = 'soon'", "code_ttl in sms-login.toml: not a duration such as 30s, 5m, 1h30m or 30d"),
        ("code_ttl = 30", "code_ttl in sms-login.toml: not a duration such as 30s, 5m, 1h30m or 30d"),
        ("code_ttl = 0", "code_ttl in sms-login.toml: must be longer than zero"),
        ("code_ttl = '11m'", "code_ttl in sms-login.toml: longer than 10m (NIST SP 800-63B)"),
        ("auto_migrate = 'maybe'", "auto_migrate in sms-login.toml: value was not a boolean"),
        ("log_format = 'xml'", "log_format in sms-login.toml: not one of text, json"),
        ("send_daily_limit = -1", "send_daily_limit in sms-login.toml: -1 is not in 0..=4294967295"),
        ("max_connections_per_address = '-1'", "max_connections_per_address in sms-login.toml: not a whole number"),
        ("guard_daily_ratio = nan", "guard_daily_ratio in sms-login.toml: not a ratio such as 0.3"),
        (
            "allowed_regions = ['CN', 'China']",
            "allowed_regions in sms-login.toml: not region codes such as CN,HK, or *",
        ),
        ("code_secret = 'short'", "code_secret in sms-login.toml: shorter than 32 bytes"),
        // TOML.
        ("code_ttl = '1m'\ncode_ttl = '2m'", "line 2 of sms-login.toml: duplicate key"),
        ("\ncode_ttl = 1m", "line 2 of sms-login.toml: "),
        ("code_ttl", "line 1 of sms-login.toml: "),
        ("code_ttl = '1m", "line 1 of sms-login.toml: "),
    ] {
        let said = Folder::with(toml).refusal();
        let expected = if refusal.ends_with(": ") { said.starts_with(refusal) } else { said == refusal };
        assert!(expected, "{toml}: {said}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused_by_its_name() {
    let refused = process::run(&["config"], &env([("CONFIG", "/nonexistent/sms-login.toml")]));
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.err.starts_with("sms-login: CONFIG: /nonexistent/sms-login.toml: No such file"), "{}", refused.err);

    let folder = Folder::with("");
    fs::write(folder.path("sms-login.toml"), [0xff, 0xfe]).expect("a file");
    assert!(folder.refusal().starts_with("CONFIG: sms-login.toml: "), "{}", folder.refusal());
}

#[test]
fn every_source_can_name_the_file_of_a_secret() {
    let folder = Folder::with("");
    let path = folder.write("secret", &format!("{SECRET}\n"));
    let quoted = format!("code_secret_file = '{path}'");
    for (toml, flags, set, source) in [
        ("", vec![format!("--code-secret-file={path}")], vec![], "flag       "),
        ("", vec![], vec![("CODE_SECRET_FILE", path.as_str())], "environment"),
        (quoted.as_str(), vec![], vec![], "file       "),
        // A source overrides a value of the sources after it by a file, and a file by a value.
        ("", vec![format!("--code-secret-file={path}")], vec![("CODE_SECRET", "short")], "flag       "),
        ("code_secret = 'short'", vec![], vec![("CODE_SECRET_FILE", path.as_str())], "environment"),
        ("code_secret_file = '/nonexistent/secret'", vec![], vec![("CODE_SECRET", SECRET)], "environment"),
    ] {
        folder.write("sms-login.toml", toml);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        assert_line(&folder.config(&flags, &set), &format!("{source}  CODE_SECRET=(set)"));
    }
}

#[test]
fn a_source_cannot_set_a_secret_twice() {
    let both = format!("code_secret = '{SECRET}'\ncode_secret_file = '/nonexistent/secret'");
    let refusal = "code_secret_file in sms-login.toml: set CODE_SECRET or CODE_SECRET_FILE, not both";
    assert_eq!(Folder::with(&both).refusal(), refusal);
    let missing = Folder::with("code_secret_file = '/nonexistent/secret'").refusal();
    assert!(missing.starts_with("code_secret_file in sms-login.toml: No such file"), "{missing}");
}

/// The settings whose values are secrets. A new one belongs here, and its type must be `Secret`.
const SECRETS: [&str; 13] = [
    "DATABASE_URL",
    "DATABASE_READ_URL",
    "EVENTS_WEBHOOK_SECRET",
    "REDIS_URL",
    "TENCENTCLOUD_SECRET_ID",
    "TENCENTCLOUD_SECRET_KEY",
    "CALLBACK_SECRET",
    "TENCENT_CAPTCHA_APP_SECRET_KEY",
    "JWT_SIGNING_KEY",
    "JWT_SECRET",
    "JWT_VERIFYING_KEYS",
    "CODE_SECRET",
    "TEST_NUMBERS",
];

#[test]
fn no_secret_is_printed() {
    let secrets = [
        ("DATABASE_URL", format!("mysql://root:{SECRET}@127.0.0.1/x")),
        ("DATABASE_READ_URL", format!("mysql://root:{SECRET}@127.0.0.1/x")),
        ("REDIS_URL", format!("redis://:{SECRET}@127.0.0.1/")),
        ("TENCENTCLOUD_SECRET_ID", SECRET.to_owned()),
        ("TENCENTCLOUD_SECRET_KEY", SECRET.to_owned()),
        ("TENCENT_CAPTCHA_APP_SECRET_KEY", SECRET.to_owned()),
        ("JWT_SECRET", SECRET.to_owned()),
        ("JWT_VERIFYING_KEYS", SECRET.to_owned()),
        ("CODE_SECRET", SECRET.to_owned()),
        ("TEST_NUMBERS", "+8613912345678=246813".to_owned()),
        ("TEST_NUMBERS_UNTIL", "2099-12-31".to_owned()),
        ("TENCENT_SMS_SDK_APP_ID", "1400000000".to_owned()),
        ("TENCENT_SMS_SIGN_NAME", "sign".to_owned()),
        ("TENCENT_SMS_TEMPLATE_ID", "1".to_owned()),
        ("TENCENT_SMS_ENDPOINT", format!("https://user:{SECRET}@127.0.0.1/")),
        ("CAPTCHA", "off".to_owned()),
    ];
    let toml: Vec<_> = secrets.iter().map(|(name, value)| format!("{} = '{value}'\n", name.to_lowercase())).collect();
    let flags: Vec<_> =
        secrets.iter().map(|(name, value)| format!("--{}={value}", name.to_lowercase().replace('_', "-"))).collect();
    let set: Vec<_> = secrets.iter().map(|(name, value)| (*name, value.as_str())).collect();

    let is_clean = |output: &Output| {
        let text = [output.out.as_str(), &output.err].concat();
        assert!(!text.contains("hunter2") && !text.contains("246813") && !text.contains("13912345678"), "{text}");
    };
    let file = Folder::with(&toml.concat());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    for printed in [file.config(&[], &[]), Folder::with("").config(&[], &set), Folder::with("").config(&flags, &[])] {
        is_clean(&printed);
        for (name, _) in secrets.iter().filter(|(name, _)| SECRETS.contains(name)) {
            assert!(printed.out.contains(&format!("  {name}=(set)\n")), "{name}: {}{}", printed.out, printed.err);
        }
    }
    let set: BTreeMap<_, _> = secrets.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    is_clean(&process::run(&["--help"], &set));
    is_clean(&process::run(&["config", "--markdown"], &set));
}

#[test]
fn no_error_repeats_a_secret() {
    for toml in [
        "database_url = 'hunter2'",
        "redis_url = ['hunter2', 'hunter2']",
        "code_secret = 'hunter2'",
        "jwt_secret = ['hunter2']",
        "jwt_secret = { value = 'hunter2' }",
        "test_numbers = '+8613800000000=hunter2'",
        "code_secret = hunter2",
        "code_secret = 'hunter2",
        "code_secret = \"hunter2\\q\"",
        "code_secret = 'hunter2' 'hunter2'",
        "code_secret = 'hunter2'\ncode_secret = 'hunter2'",
        "code_secret 'hunter2'",
        "code_secret = \"\"\"hunter2",
        "code_secret = ['hunter2'",
        "code_secret = {hunter2 = 'hunter2'",
        "code_secret = 0hunter2",
    ] {
        let refusal = Folder::with(toml).refusal();
        assert!(!refusal.contains("hunter2"), "{toml}: {refusal}");
    }
}

#[test]
fn secrets_and_only_secrets_can_come_from_files() {
    let reference = process::run(&["config", "--markdown"], &BTreeMap::new()).out;
    let secrets: Vec<_> = reference.lines().filter(|line| line.contains(" | yes | ")).collect();
    let secrets: Vec<_> = secrets.iter().filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(secrets, SECRETS);
    let help = process::run(&["--help"], &BTreeMap::new()).out;
    let named: Vec<_> = help.split([' ', ',', '.', '\n']).filter(|word| word.ends_with("_FILE")).collect();
    assert_eq!(named, SECRETS.map(|name| format!("{name}_FILE")));
}

#[test]
fn config_prints_every_setting_in_the_order_of_the_help() {
    let printed = process::run(&["config"], &BTreeMap::new()).out;
    let names: Vec<_> = printed.lines().filter_map(|line| line.split("  ").last()?.trim().split_once('=')).collect();
    let names: Vec<_> = names.into_iter().map(|(name, _)| name.to_owned()).collect();
    let help = process::run(&["--help"], &BTreeMap::new()).out;
    let list = help.split("\n\nEvery setting is").next().expect("the list");
    let flags = list.lines().filter_map(|line| line.trim_start().strip_prefix("--")?.split([' ', '[']).next());
    let flags: Vec<_> = flags.map(|flag| flag.replace('-', "_").to_uppercase()).collect();
    assert!(names.len() > 60 && names == flags, "{names:?}\n{flags:?}");
}

#[test]
fn config_ends_with_1_if_settings_are_refused() {
    for set in [env([("CODE_TTL", "soon")]), env([("LISTEN_ADDR", "0.0.0.0:8000")])] {
        let refused = process::run(&["config"], &set);
        assert_eq!((refused.status.code(), refused.out.as_str()), (Some(1), ""));
        assert_eq!(refused.err.lines().count(), 1, "{}", refused.err);
    }
    let several_lines = process::run(&["config"], &env([("JWT_ISSUER", "a\nb")]));
    assert_line(&several_lines, "environment  JWT_ISSUER=a\\nb");
}

#[test]
fn the_committed_reference_is_the_printed_one() {
    let printed = process::run(&["config", "--markdown"], &BTreeMap::new()).out;
    let committed = include_str!("../../docs/settings.md");
    assert_eq!(committed, printed, "run `cargo run -- config --markdown > docs/settings.md`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settings_file_with_a_secret_that_others_can_read_is_warned_about() {
    let folder = Folder::with("");
    let file = folder.path("sms-login.toml");
    let data = format!("listen_addr = '127.0.0.1:0'\ndata_dir = '{}'\n", folder.path("data"));
    for (secret, mode, warned) in [
        (format!("code_secret = '{SECRET}'"), 0o644, true),
        (format!("code_secret = '{SECRET}'"), 0o600, false),
        (String::new(), 0o644, false),
    ] {
        folder.write("sms-login.toml", &format!("{data}{secret}"));
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
        let server = Server::start(&env([("CONFIG", &file)]));
        let log = server.printed();
        assert_eq!(log.lines().any(|line| line.contains("\"CONFIG\"") && line.contains(&file)), warned, "{log}");
        assert!(!log.contains("hunter2"), "{log}");
    }
}

/// A webhook's URL can have a token in its query.
#[test]
fn the_query_of_a_url_is_masked() {
    let route =
        "[[route]]\nname = 'gateway'\nprovider = 'webhook'\nurl = 'https://sms.example.com/send?token=hunter2'\n";
    let key = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let secret = format!("secret = '{key}'\n");
    let set = [
        ("EVENTS_WEBHOOK_URL", "https://example.com/hook?token=hunter2&a=b"),
        ("EVENTS_WEBHOOK_SECRET", key),
        ("PUBLIC_URL", "https://login.example.com"),
    ];
    let printed = Folder::with(&[route, &secret].concat()).config(&[], &set);
    assert!(!printed.out.contains("hunter2"), "{}{}", printed.out, printed.err);
    assert_line(&printed, "environment  EVENTS_WEBHOOK_URL=https://example.com/hook?(set)");
    assert_line(&printed, "environment  PUBLIC_URL=https://login.example.com");
    assert!(printed.out.contains("https://sms.example.com/send?(set)"), "{}", printed.out);
}
