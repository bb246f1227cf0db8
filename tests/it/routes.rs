//! Message routes of the settings file: which one sends a message, what is refused at start, and what is printed.

use std::fs;

use serde_json::json;
use sms_login::config::Config;
use tempfile::TempDir;

use crate::app::{ASK, Stores, TestApp, phone, settings};
use crate::process::{self, Server, env};
use crate::tencent_stub::{self as stub, TencentStub};
use crate::webhook::{self, Gateway};

pub(crate) const KEY: [(&str, &str); 2] =
    [("TENCENTCLOUD_SECRET_ID", stub::SECRET_ID), ("TENCENTCLOUD_SECRET_KEY", stub::SECRET_KEY)];

/// A valid route, of the stand-in's account.
pub(crate) fn route(name: &str, more: &str) -> String {
    let (id, sign, template) = (stub::SDK_APP_ID, stub::SIGN_NAME, stub::LOGIN_TEMPLATE);
    let common = format!("sdk_app_id = '{id}'\nsign_name = '{sign}'\n{more}\ntemplates.default = '{template}'");
    format!("[[route]]\nname = '{name}'\nprovider = 'tencent'\n{common}\n")
}

const SECRET: &str = "whsec_c3RhbmQtaW4tc2VjcmV0LW5ldmVyLXNob3du";

fn webhook(url: &str, secret: &str) -> String {
    format!("[[route]]\nname = 'own'\nprovider = 'webhook'\nurl = '{url}'\nsecret = '{secret}'\n")
}

/// Writes a settings file.
fn file(toml: &str) -> (TempDir, String) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("sms-login.toml");
    fs::write(&path, toml).expect("a file");
    let path = path.to_str().expect("a path").to_owned();
    (folder, path)
}

pub(crate) fn refusal(toml: &str, set: &[(&str, &str)]) -> String {
    let (_folder, path) = file(toml);
    let set = set.iter().copied().chain([("CONFIG", path.as_str())]);
    match settings(&[], set).and_then(Config::try_from) {
        Ok(_) => panic!("{toml} is accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_refusal_names_the_route_and_the_key_in_one_line() {
    let good = route("cn", "");
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    let sign = format!("sign_name = '{}'", stub::SIGN_NAME);
    for (toml, reason) in [
        (changed("name = 'cn'", ""), "route 1: name: needed"),
        (changed("'cn'", "'C N'"), "route 1: name: must have 1 to 32 characters of a-z, 0-9 and -"),
        (good.repeat(2), "route \"cn\": name: another route has it"),
        (changed("provider = 'tencent'", ""), "route \"cn\": provider: needed"),
        (changed("'tencent'", "'pigeon'"), "route \"cn\": provider: not one of "),
        (changed("'tencent'", "'console'"), "route \"cn\": sdk_app_id: not a key of a route with provider console"),
        (changed(&sign, ""), "route \"cn\": sign_name: needed for numbers in mainland China"),
        (changed(&sign, "sign_name = 5"), "route \"cn\": sign_name: must be a string"),
        (changed("sdk_app_id = '1400000001'", ""), "route \"cn\": sdk_app_id: needed"),
        (route("cn", "regions = []"), "route \"cn\": regions: must be a list"),
        (route("cn", "regions = ['China']"), "route \"cn\": regions: not a list of region codes"),
        (route("cn", "purposes = ['login']"), "route \"cn\": purposes: not a list of LOGIN, "),
        (route("cn", "price = -1"), "route \"cn\": price: must be a number"),
        (route("cn", "price = '1'"), "route \"cn\": price: must be a number"),
        (route("cn", "template_params = ['hours']"), "route \"cn\": template_params: not a list of "),
        (
            route("a", "group = 'x'") + &route("b", "") + &route("c", "group = 'x'"),
            "route \"c\": group: the routes of a group must stand one after another",
        ),
        (route("cn", "group = ''"), "route \"cn\": group: must be a string"),
        (route("cn", "colour = 'red'"), "route \"cn\": colour: not a key of a route"),
        (webhook("http://example.com", SECRET), "route \"own\": url: not an https URL"),
        (webhook("https://user@example.com", SECRET), "route \"own\": url: not an https URL"),
        (webhook("nowhere", SECRET), "route \"own\": url: not an https URL"),
        (webhook("https://example.com", "hunter2"), "route \"own\": secret: not whsec_"),
        (webhook("https://example.com", "whsec_aHVudGVyMg=="), "route \"own\": secret: not whsec_"),
        (webhook("https://example.com", SECRET) + "secret_file = 'x'", "route \"own\": secret_file: set secret or "),
        (changed("templates.default", "templates.LOGIN"), "route \"cn\": templates.default: needed"),
        (changed("templates.default", "templates"), "route \"cn\": templates: must be a table"),
        (route("cn", "templates.Login = '1'"), "route \"cn\": templates.Login: not default or one of "),
        (route("cn", "templates.LOGIN = 1"), "route \"cn\": templates.LOGIN: must be an id"),
        (route("cn", "templates.LOGIN = { zh = 1 }"), "route \"cn\": templates.LOGIN.zh: must be an id"),
        (route("cn", "templates.LOGIN = { zh_CN = '1' }"), "route \"cn\": templates.LOGIN.zh_CN: not default or a "),
    ] {
        let refused = refusal(&toml, &KEY);
        assert!(refused.starts_with(reason) && !refused.contains('\n'), "{toml}\n{refused}");
        assert!(!refused.contains("hunter2") && !refused.contains(SECRET), "{refused}");
    }
    assert!(refusal(&good, &[]).starts_with("route \"cn\": provider: tencent needs TENCENTCLOUD_SECRET_ID"));
    assert!(refusal("route = 5", &[]).starts_with("route in "), "{}", refusal("route = 5", &[]));
}

#[test]
fn routes_and_the_settings_of_the_only_route_exclude_each_other() {
    for (name, value) in [("SMS_PROVIDER", "tencent"), ("TENCENT_SMS_TEMPLATE_ID", "1")] {
        let refused = refusal(&route("cn", ""), &[KEY[0], KEY[1], (name, value)]);
        assert!(refused.starts_with(&format!("{name}: set, but the settings file has routes")), "{refused}");
    }
}

#[test]
fn a_route_that_prints_codes_is_for_loopback_only() {
    let console = format!("{}[[route]]\nname = 'screen'\nprovider = 'console'\n", route("cn", ""));
    let refused = refusal(&console, &[KEY[0], KEY[1], ("LISTEN_ADDR", "0.0.0.0:8000")]);
    assert!(refused.starts_with("LISTEN_ADDR: "), "{refused}");
}

#[tokio::test]
async fn the_first_route_that_serves_region_and_purpose_sends() {
    let templates = |default, login| format!("templates = {{ default = '{default}', LOGIN = '{login}' }}");
    let own = |name: &str, more: &str, templates: String| {
        let default = format!("templates.default = '{}'", stub::LOGIN_TEMPLATE);
        route(name, more).replace(&default, &templates)
    };
    let toml = own(
        "login",
        "regions = ['CN']\npurposes = ['LOGIN']",
        templates(stub::VERIFY_TEMPLATE, stub::CHANGE_PHONE_TEMPLATE),
    ) + &own("other", "regions = ['CN']", templates(stub::DELETE_ACCOUNT_TEMPLATE, stub::VERIFY_TEMPLATE));
    let app = TestApp::on(Stores::Embedded).set("ALLOWED_REGIONS", "CN,HK").routes(toml).start().await;

    let client = app.anonymous();
    for (purpose, template) in [("LOGIN", stub::CHANGE_PHONE_TEMPLATE), ("VERIFY", stub::DELETE_ACCOUNT_TEMPLATE)] {
        let phone = phone();
        let asked = client.run(ASK, json!({ "input": { "phone": phone, "purpose": purpose } })).await;
        assert!(asked.data("requestCode")["challengeId"].is_string());
        assert_eq!(app.sms.messages().last().expect("a message").template, template, "{purpose}");
    }

    let elsewhere = client.run(ASK, json!({ "input": { "phone": "+85251234567" } })).await;
    assert_eq!(elsewhere.code(), "REGION_NOT_ALLOWED");
    assert_eq!(app.sms.requests(), 2);
}

#[test]
fn config_prints_the_routes() {
    let toml = route("cn", "regions = ['CN', 'HK']\nprice = 0.045") + &webhook("https://example.com/sms", SECRET);
    let (_folder, path) = file(&toml);
    let printed = process::run(&["config"], &env([KEY[0], KEY[1], ("CONFIG", &path)]));
    for line in [
        "file         route \"cn\": provider=tencent",
        "file         route \"cn\": regions=CN,HK",
        "file         route \"cn\": price=0.045",
        "file         route \"cn\": templates={default=100001}",
        "file         route \"own\": url=https://example.com/sms",
        "file         route \"own\": secret=(set)",
    ] {
        assert!(printed.out.lines().any(|printed| printed == line), "{line}\n{}{}", printed.out, printed.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tries_every_route() {
    let sms: TencentStub = process::stub().await;
    let console = "[[route]]\nname = 'screen'\nprovider = 'console'\n";
    let (folder, path) = file(&format!("{}{}{console}", route("cn", ""), route("other", "regions = ['HK']")));
    let data = folder.path().to_str().expect("a path");
    let endpoint = sms.endpoint();
    let set = [KEY[0], KEY[1], ("TENCENT_SMS_ENDPOINT", &endpoint), ("CONFIG", &path), ("DATA_DIR", data)];
    let checked = process::run(&["check"], &env(set));
    for line in [
        "ok      sms: route \"cn\": tencent accepts the key",
        "ok      sms: route \"other\": tencent accepts the key",
        "ok      sms: route \"screen\": printed to the terminal",
    ] {
        assert!(checked.out.lines().any(|printed| printed == line), "{line}\n{}{}", checked.out, checked.err);
    }
    assert!(checked.status.success() && sms.messages().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_which_routes_the_running_server_skips() {
    let gateway = Gateway::start().await;
    let screen = "[[route]]\nname = 'screen'\nprovider = 'console'\n";
    let (folder, path) = file(&format!("{}{screen}", webhook(&gateway.url, webhook::SECRET)));
    let data = folder.path().to_str().expect("a path");
    let set = |metrics| {
        let listen = ("LISTEN_ADDR", "127.0.0.1:0");
        env([listen, ("CONFIG", &path), ("DATA_DIR", data), ("METRICS_ADDR", metrics)])
    };
    let server = Server::start(&set("127.0.0.1:0"));
    let url = server.printed_line("metrics on ").await;
    let (_, addr) = url.split_once("http://").expect("an address");
    let addr = addr.trim_end_matches("/metrics").trim();

    let check = || process::run(&["check"], &set(addr)).out;
    assert!(check().contains("ok      sms: route \"own\": the webhook accepts the signature"), "{}", check());
    gateway.set(503, "");
    for _ in 0..5 {
        let asked = server.run(None, ASK, json!({ "input": { "phone": phone() } })).await;
        assert!(asked["errors"].is_null(), "{asked}");
    }
    gateway.set(200, "");
    let skipped = "failed  sms: route \"own\": works, but the running server skips it after failures";
    assert!(check().contains(skipped), "{}", check());
    assert!(check().contains("ok      sms: route \"screen\": printed to the terminal"));
}

#[tokio::test]
async fn the_locale_chooses_the_template() {
    let (zh, en, other) = (stub::LOGIN_TEMPLATE, stub::VERIFY_TEMPLATE, stub::CHANGE_PHONE_TEMPLATE);
    let default = format!("templates.default = '{zh}'");
    let localized = format!("templates.default = {{ zh = '{zh}', en = '{en}', default = '{other}' }}");
    let app = TestApp::on(Stores::Embedded).routes(route("cn", "").replace(&default, &localized)).start().await;
    for (locale, template) in
        [(json!("zh-Hans-CN"), zh), (json!("en-GB"), en), (json!("fr"), other), (json!(null), other)]
    {
        app.anonymous().run(ASK, json!({ "input": { "phone": phone(), "locale": locale } })).await;
        assert_eq!(app.sms.messages().last().expect("a message").template, template, "{locale}");
    }
    for (field, value) in [("locale", "zh_CN"), ("locale", ""), ("appHash", "FA+9qCX9VS"), ("appHash", "FA+9qCX9VS u")]
    {
        let refused = app.anonymous().run(ASK, json!({ "input": { "phone": phone(), field: value } })).await;
        assert_eq!(refused.code(), "BAD_INPUT", "{field}: {value}");
    }
    assert_eq!(app.sms.requests(), 4);
}
