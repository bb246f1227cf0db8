//! Which combinations of captcha settings are accepted.

use sms_login::config::Config;

use crate::app::settings;

/// All settings that Tencent Captcha needs.
const ALL: [(&str, &str); 5] = [
    ("CAPTCHA", "always"),
    ("TENCENT_CAPTCHA_APP_ID", "190000001"),
    ("TENCENT_CAPTCHA_APP_SECRET_KEY", "hunter2"),
    ("TENCENTCLOUD_SECRET_ID", "id"),
    ("TENCENTCLOUD_SECRET_KEY", "hunter3"),
];

fn read(set: &[(&str, &str)]) -> Result<Config, String> {
    let set = set.iter().copied().chain([("SMS_PROVIDER", "console")]);
    settings(&[], set).and_then(Config::try_from).map_err(|error| error.to_string())
}

/// `ALL` with another value for one setting.
fn all_with(name: &str, value: &'static str) -> [(&'static str, &'static str); 5] {
    ALL.map(|(set, old)| (set, if set == name { value } else { old }))
}

#[test]
fn a_captcha_works_with_printed_sms_and_needs_every_setting() {
    for (mode, guard) in
        [("always", "record"), ("always", "challenge"), ("challenge", "challenge"), ("challenge", "record")]
    {
        let read = |set: &[(&'static str, &'static str)]| read(&[set, &[("GUARD_MODE", guard)]].concat());
        read(&all_with("CAPTCHA", mode)).expect("printed SMS and a real captcha");

        for (missing, _) in &ALL[1..4] {
            let without =
                all_with("CAPTCHA", mode).map(|(name, value)| (name, if name == *missing { "" } else { value }));
            let refusal = read(&without).expect_err(missing);
            // Without the id, the message can also be about the key, which is useless then.
            let named = if *missing == "TENCENTCLOUD_SECRET_ID" { "TENCENTCLOUD_SECRET_" } else { missing };
            assert!(refusal.starts_with(named) && !refusal.contains('\n'), "{refusal}");
        }
    }

    let without_key = read(&ALL[..4]).expect_err("no secret key");
    assert!(without_key.starts_with("TENCENTCLOUD_SECRET_KEY: "), "{without_key}");
    let without_id = read(&ALL[..3]).expect_err("no secret id");
    assert!(without_id.starts_with("TENCENTCLOUD_SECRET_ID: "), "{without_id}");
}

#[test]
fn a_guard_that_challenges_needs_a_captcha() {
    for (set, named) in [
        (&[("GUARD_MODE", "challenge")][..], "GUARD_MODE: "),
        (&[("GUARD_MODE", "challenge"), ("CAPTCHA", "off")], "GUARD_MODE: "),
    ] {
        let refusal = read(set).expect_err(named);
        assert!(refusal.starts_with(named), "{refusal}");
    }
}

#[test]
fn invalid_values_are_refused() {
    for (name, wrong) in [
        ("CAPTCHA", "on"),
        ("TENCENT_CAPTCHA_APP_TYPE", "app"),
        ("GUARD_ALLOWED_PREFIXES", "86"),
        ("GUARD_WRONG_CODES_RATIO", "1.5"),
        ("CAPTCHA_OUTAGE", "maybe"),
        ("TENCENT_CAPTCHA_APP_ID", "x"),
        ("TENCENT_CAPTCHA_ENDPOINT", "nowhere"),
    ] {
        let refusal = read(&[(name, wrong)]).expect_err(name);
        assert!(refusal.starts_with(&format!("{name}: ")) && !refusal.contains('\n'), "{refusal}");
    }
}

/// A server with captcha settings but without `CAPTCHA` would look protected and not be.
#[test]
fn a_captcha_must_be_turned_on_or_off() {
    read(&all_with("CAPTCHA", "off")).expect("a captcha that is turned off for a while");
    for half in [ALL[1], ALL[2]] {
        let refusal = read(&[half]).expect_err("CAPTCHA is not set");
        assert!(refusal.starts_with(&format!("{}: ", half.0)) && refusal.contains("CAPTCHA"), "{refusal}");
    }
}

#[test]
fn debug_output_has_no_secret() {
    let config = read(&ALL).expect("valid settings");
    let printed = format!("{config:?} {config:#?} {:?}", settings(&[], ALL));
    assert!(printed.contains("190000001") && !printed.contains("hunter"), "{printed}");
}
