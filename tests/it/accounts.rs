//! Profile, change of phone and deletion of an account, and proofs for other services.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::app::{ASK, LOGIN, ME, SignedIn, Stores, TestApp, phone, wrong};

const UPDATE: &str = "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { ... on UpdateProfilePayload { user { name avatar } } ...P } }";
pub(crate) const CHANGE_PHONE: &str = "mutation($input: ChangePhoneInput!) { changePhone(input: $input) { ... on ChangePhonePayload { user { id phone } } ...P } }";
const DELETE: &str = "mutation($input: DeleteAccountInput!) { deleteAccount(input: $input) { ... on DeleteAccountPayload { deletedUserId } ...P } }";
const VERIFY: &str = "mutation($input: VerifyCodeInput!) { verifyCode(input: $input) { ... on VerifyCodePayload { proof proofExpiresAt } ...P } }";

fn shown(phone: &str, code: &str, challenge_id: &str) -> Value {
    json!({ "input": { "phone": phone, "code": code, "challengeId": challenge_id } })
}

#[tokio::test]
async fn name_and_avatar_change_independently() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        let avatar = "https://example.com/a.png?size=200";
        let update = async |input: Value| {
            user.run(UPDATE, json!({ "input": input })).await.data("updateProfile")["user"].clone()
        };
        let named = update(json!({ "name": "  Zoë 王小明 👩‍👩‍👧‍👦 " })).await;
        assert_eq!(named["name"], "Zoë 王小明 👩‍👩‍👧‍👦");
        let pictured = update(json!({ "avatar": avatar, "name": null })).await;
        assert_eq!(pictured, json!({ "name": "Zoë 王小明 👩‍👩‍👧‍👦", "avatar": avatar }));
        assert_eq!(update(json!({})).await, pictured);
        assert_eq!(update(json!({ "name": "e\u{301}".repeat(32) })).await["name"], "é".repeat(32), "NFC");
        assert_eq!(update(json!({ "name": "👩‍👩‍👧‍👦".repeat(32) })).await["name"], "👩‍👩‍👧‍👦".repeat(32));
        let me = user.run(ME, json!({})).await;
        assert_eq!(me.data("me")["avatar"], avatar);
        let cleared = update(json!({ "name": "", "avatar": "" })).await;
        assert_eq!(cleared["name"], "");
        let picture = cleared["avatar"].as_str().expect("a URL");
        assert!(picture.contains("/avatars/"), "one of those of new users: {picture}");
        assert_eq!(user.run(ME, json!({})).await.data("me")["avatar"], picture);
        update(json!({ "avatar": avatar })).await;
        let next = user.refreshed().await;
        let claims = next.access_token.split('.').nth(1).expect("claims");
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON");
        assert_eq!(claims["picture"], avatar, "the next token has the new avatar");
    }
}

#[tokio::test]
async fn a_token_with_the_default_settings_is_shorter_than_600_bytes() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    assert!(user.access_token.len() < 600, "{} bytes: {}", user.access_token.len(), user.access_token);
}

#[tokio::test]
async fn the_server_serves_its_default_avatars() {
    let app = TestApp::on(Stores::Embedded).set("PUBLIC_URL", "https://login.example.com/").start().await;
    for _ in 0..3 {
        let user = app.signed_in().await;
        let avatar = user.run(ME, json!({})).await.data("me")["avatar"].as_str().expect("a URL").to_owned();
        let path = avatar.strip_prefix("https://login.example.com").expect("on the server");
        let get = |path: &str| Request::get(path).body(Body::empty()).expect("a request");
        let answer = app.anonymous().send(get(path)).await;
        let header = |name: &str| answer.headers[name].to_str().expect("text").to_owned();
        assert_eq!((answer.status, header("content-type")), (StatusCode::OK, "image/svg+xml".to_owned()));
        assert_eq!(header("cache-control"), "public, max-age=604800");
        assert_eq!(header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'; sandbox");
        assert_eq!(header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(answer.text.starts_with("<svg xmlns="), "{}", answer.text);
        for absent in ["/avatars/0.svg", "/avatars/5.svg", "/avatars/1.png", "/avatars/", "/avatars/..%2f1.svg"] {
            assert_eq!(app.anonymous().send(get(absent)).await.status, StatusCode::NOT_FOUND, "{absent}");
        }
    }
}

#[tokio::test]
async fn the_largest_profile_still_fits_into_a_token() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let avatar = format!("https://a.b/{}", "x".repeat(500));
    let input = json!({ "name": "👩‍👩‍👧‍👦".repeat(32), "avatar": avatar });
    user.run(UPDATE, json!({ "input": input })).await.data("updateProfile");
    assert_eq!(user.refreshed().await.run(ME, json!({})).await.data("me")["avatar"], avatar);
}

#[tokio::test]
async fn avatars_are_stored_as_normalized_urls() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        for (given, stored) in [
            ("HTTPS://Example.COM/A.png", "https://example.com/A.png"),
            ("https://例え.jp/头像.png", "https://xn--r8jz45g.jp/%E5%A4%B4%E5%83%8F.png"),
            ("https://example.com/\"<b>\\c", "https://example.com/%22%3Cb%3E/c"),
            ("https://example.com:443/a/../b?'\"<>#\"<>", "https://example.com/b?%27%22%3C%3E#%22%3C%3E"),
            ("https://example.com\\@evil.example/", "https://example.com/@evil.example/"),
        ] {
            let answer = user.run(UPDATE, json!({ "input": { "avatar": given } })).await;
            assert_eq!(answer.data("updateProfile")["user"]["avatar"], stored);
            assert_eq!(user.run(ME, json!({})).await.data("me")["avatar"], stored, "{given}");
        }
    }
}

#[tokio::test]
async fn the_maximum_length_applies_to_the_normalized_avatar() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    // Normalized, "é" has six characters, and "a/../" disappears.
    let longest = format!("https://example.com/{}", "é".repeat(82));
    let shortened = format!("https://example.com/{}b", "a/../".repeat(120));
    for avatar in [&longest, &shortened] {
        user.run(UPDATE, json!({ "input": { "avatar": avatar } })).await.data("updateProfile");
    }
    let too_long = format!("https://example.com/{}", "é".repeat(83));
    let answer = user.run(UPDATE, json!({ "input": { "avatar": too_long } })).await;
    assert_eq!((answer.code(), &answer.extensions()["field"]), ("BAD_INPUT", &json!("input.avatar")));
}

#[tokio::test]
async fn invalid_names_and_avatars_are_rejected() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let zalgo = format!("a{}", "\u{301}".repeat(300));
    let names = [
        "   ",
        "\u{200b}\u{200b}",
        "\u{3164}",
        "a\u{0}b",
        "a\nb",
        "a\u{202e}b",
        "a\u{2066}b",
        "a\u{2028}b",
        &"x".repeat(33),
        &"👍🏽".repeat(33),
        &zalgo,
        &"x".repeat(200_000),
    ];
    for name in names {
        let answer = user.run(UPDATE, json!({ "input": { "name": name } })).await;
        assert_eq!((answer.code(), &answer.extensions()["field"]), ("BAD_INPUT", &json!("input.name")), "{name:.40?}");
    }
    let long = format!("https://example.com/{}", "x".repeat(493));
    let avatars = [
        " ",
        "http://example.com/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,x",
        "//example.com/a",
        "https://",
        "https://user:pw@example.com/a",
        "https://user@example.com/",
        "https://exa mple.com/",
        "https://example.com/\n",
        &long,
    ];
    for avatar in avatars {
        let answer = user.run(UPDATE, json!({ "input": { "avatar": avatar, "name": "kept out" } })).await;
        assert_eq!(
            (answer.code(), &answer.extensions()["field"]),
            ("BAD_INPUT", &json!("input.avatar")),
            "{avatar:.40}"
        );
    }
    assert_eq!(user.run(ME, json!({})).await.data("me")["name"], "", "nothing was stored");
    assert_eq!(app.anonymous().run(UPDATE, json!({ "input": {} })).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn changing_the_phone_requires_its_code_and_ends_other_sessions() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        app.advance(Duration::from_secs(30));
        let elsewhere = app.sign_in(&user.phone).await;
        let new = phone();
        let challenge_id = user.ask_for("CHANGE_PHONE", &new).await;
        let missed = user.run(CHANGE_PHONE, shown(&new, &wrong(&app.code(&new)), &challenge_id)).await;
        assert_eq!(missed.code(), "CODE_INCORRECT");
        let other_phone = user.run(CHANGE_PHONE, shown(&user.phone, &app.code(&new), &challenge_id)).await;
        assert_eq!(other_phone.code(), "CHALLENGE_MISMATCH");
        let answer = user.run(CHANGE_PHONE, shown(&new, &app.code(&new), &challenge_id)).await;
        assert_eq!(answer.data("changePhone")["user"], json!({ "id": user.id, "phone": new }));
        assert_eq!(user.run(ME, json!({})).await.data("me")["phone"], new);
        assert_eq!(elsewhere.run(ME, json!({})).await.code(), "TOKEN_INVALID");
        assert_eq!(elsewhere.refresh().await.code(), "TOKEN_INVALID");
        user.refreshed().await;
        app.advance(Duration::from_secs(30));
        assert_eq!(app.sign_in(&new).await.id, user.id);
        assert_ne!(app.sign_in(&user.phone).await.id, user.id, "the old phone signs up a new user");
    }
}

#[tokio::test]
async fn only_the_user_who_requested_it_can_use_a_code_for_a_change() {
    let app = TestApp::start(Stores::Embedded).await;
    let (user, thief) = (app.signed_in().await, app.signed_in().await);
    let new = phone();
    let challenge_id = user.ask_for("CHANGE_PHONE", &new).await;
    let stolen = thief.run(CHANGE_PHONE, shown(&new, &app.code(&new), &challenge_id)).await;
    assert_eq!(stolen.code(), "CHALLENGE_MISMATCH");
    let unsigned = app.anonymous().run(CHANGE_PHONE, shown(&new, &app.code(&new), &challenge_id)).await;
    assert_eq!(unsigned.code(), "UNAUTHENTICATED");
    let login = app.anonymous().login(&new, &app.code(&new), &challenge_id).await;
    assert_eq!(login.code(), "CHALLENGE_MISMATCH");
    user.run(CHANGE_PHONE, shown(&new, &app.code(&new), &challenge_id)).await.data("changePhone");
}

#[tokio::test]
async fn a_taken_phone_is_reported_only_after_a_correct_code_and_consumes_it() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (user, owner) = (app.signed_in().await, app.signed_in().await);
        app.advance(Duration::from_secs(30));
        let challenge_id = user.ask_for("CHANGE_PHONE", &owner.phone).await;
        let code = app.code(&owner.phone);
        let missed = user.run(CHANGE_PHONE, shown(&owner.phone, &wrong(&code), &challenge_id)).await;
        assert_eq!(missed.code(), "CODE_INCORRECT", "a wrong code does not reveal that the phone is taken");
        let taken = user.run(CHANGE_PHONE, shown(&owner.phone, &code, &challenge_id)).await;
        assert_eq!((taken.code(), &taken.extensions()["errorCode"]), ("PHONE_TAKEN", &json!(-1203)));
        let again = user.run(CHANGE_PHONE, shown(&owner.phone, &code, &challenge_id)).await;
        assert_eq!(again.code(), "CODE_EXPIRED");
        assert_eq!(user.run(ME, json!({})).await.data("me")["phone"], user.phone);
        owner.run(ME, json!({})).await.data("me");
    }
}

async fn ask_to_delete(app: &TestApp, user: &SignedIn<'_>) -> String {
    app.advance(Duration::from_secs(30));
    user.ask_for("DELETE_ACCOUNT", &user.phone).await
}

#[tokio::test]
async fn the_phone_of_a_deleted_account_can_sign_up_again() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (user, witness) = (app.signed_in().await, app.signed_in().await);
        let challenge_id = ask_to_delete(&app, &user).await;
        let code = app.code(&user.phone);
        let input = |code: &str| json!({ "input": { "code": code, "challengeId": challenge_id } });
        assert_eq!(witness.run(DELETE, input(&code)).await.code(), "CHALLENGE_MISMATCH", "the code of another user");
        assert_eq!(user.run(DELETE, input(&wrong(&code))).await.code(), "CODE_INCORRECT");
        let answer = user.run(DELETE, input(&code)).await;
        assert_eq!(answer.data("deleteAccount")["deletedUserId"], user.id);
        assert_eq!(user.run(ME, json!({})).await.code(), "TOKEN_INVALID");
        assert_eq!(user.refresh().await.code(), "TOKEN_INVALID");
        let seen = witness.run("query($id: ID!) { user(id: $id) { id } }", json!({ "id": user.id })).await;
        assert!(seen.data("user").is_null());
        app.advance(Duration::from_secs(30));
        let login = app.anonymous().ask(&user.phone).await;
        let again = app.anonymous().login(&user.phone, &app.code(&user.phone), &login).await;
        assert_eq!(again.data("login")["isNewUser"], true);
        assert_ne!(again.data("login")["user"]["id"], user.id);
    }
}

#[tokio::test]
async fn a_login_code_does_not_delete_the_account() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    app.advance(Duration::from_secs(30));
    let challenge_id = app.anonymous().ask(&user.phone).await;
    let input = json!({ "input": { "code": app.code(&user.phone), "challengeId": challenge_id } });
    assert_eq!(user.run(DELETE, input).await.code(), "CHALLENGE_MISMATCH");
}

#[tokio::test]
async fn a_proof_contains_the_phone_and_the_reference() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        for reference in [Some("transfer:9981"), None] {
            let (phone, someone) = (phone(), app.anonymous());
            let input = json!({ "phone": phone, "purpose": "VERIFY", "reference": reference });
            let asked = someone.run(ASK, json!({ "input": input })).await;
            let challenge_id = asked.data("requestCode")["challengeId"].as_str().expect("an id").to_owned();
            let answer = someone.run(VERIFY, shown(&phone, &app.code(&phone), &challenge_id)).await;
            let data = answer.data("verifyCode");
            assert_eq!(data["proofExpiresAt"], "2026-03-01T04:05:00Z");
            let proof = data["proof"].as_str().expect("a proof");
            let claims = proof.split('.').nth(1).expect("claims");
            let claims: Value =
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON");
            assert_eq!((&claims["iss"], &claims["aud"]), (&json!("sms-login"), &json!("sms-login-proof")));
            assert_eq!(
                (&claims["sub"], claims["exp"].as_i64()),
                (&json!(phone), claims["iat"].as_i64().map(|iat| iat + 300))
            );
            assert_eq!(claims.get("reference").and_then(Value::as_str), reference);
            assert_eq!(claims["jti"].as_str().map(str::len), Some(36));
            let as_access = app.anonymous().with_token(proof).run(ME, json!({})).await;
            assert_eq!(as_access.code(), "TOKEN_INVALID", "a proof is not an access token");
            let again = someone.run(VERIFY, shown(&phone, &app.code(&phone), &challenge_id)).await;
            assert_eq!(again.code(), "CODE_EXPIRED");
            let login = json!({ "input": { "phone": phone, "code": app.code(&phone), "challengeId": challenge_id } });
            assert_eq!(app.anonymous().run(LOGIN, login).await.code(), "CHALLENGE_MISMATCH");
        }
    }
}
