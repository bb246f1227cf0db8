//! Attacks through the real router, against the default settings, and how far each of them gets.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;

use crate::app::{ASK, Answer, LOGIN, ME, Stores, TestApp, phone, wrong};
use crate::problems::with_fragment;

mod connections;
mod documents;
mod limits;
mod local;
mod quota;

#[track_caller]
fn limited_by(answer: &Answer, limit: &str) {
    let extensions = answer.extensions();
    assert_eq!((answer.code(), &extensions["limit"]), ("RATE_LIMITED", &json!(limit)), "{}", answer.body);
    assert!(extensions["retryAfterSeconds"].is_u64() && extensions["retryAt"].is_string());
}

/// The attacker wants a victim's phone to ring all day.
#[tokio::test]
async fn number_bombing_gets_ten_messages_a_day() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        for minute in 0..60_u8 {
            app.at(&format!("198.51.100.{minute}")).try_ask(&phone).await;
            app.advance(Duration::from_mins(1));
        }
        assert_eq!(app.sms.messages().len(), 10);
        limited_by(&app.at("198.51.100.99").try_ask(&phone).await, "PHONE_DAILY");
    }
}

/// The attacker sends the same request many times at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_for_one_phone_gets_one_message() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        let someone = app.anonymous();
        let burst = futures_join((0..30).map(|_| someone.try_ask(&phone))).await;
        let sent = burst.iter().filter(|answer| answer.body["errors"].is_null()).count();
        assert_eq!((sent, app.sms.messages().len()), (1, 1));
    }
}

/// One machine requests codes for many numbers whose operator earns money with each SMS (SMS pumping).
#[tokio::test]
async fn pumping_from_one_address_gets_twenty_messages_an_hour() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let pump = app.at("198.51.100.66");
        for _ in 0..40 {
            pump.try_ask(&phone()).await;
        }
        assert_eq!(app.sms.messages().len(), 20);
        limited_by(&pump.try_ask(&phone()).await, "IP_HOURLY");
        for _ in 0..30 {
            app.advance(Duration::from_hours(1));
            for _ in 0..25 {
                pump.try_ask(&phone()).await;
            }
        }
        assert!(app.sms.messages().len() <= 200, "a hundred a day");
        app.anonymous().ask(&phone()).await;
    }
}

/// An IPv6 customer has 2^64 addresses, and IPv4 addresses have a second spelling.
#[tokio::test]
async fn other_spellings_of_an_address_are_the_same_address() {
    let app = TestApp::start(Stores::Embedded).await;
    for number in 0..40 {
        app.at(&format!("2001:db8:0:7::{number:x}")).try_ask(&phone()).await;
    }
    assert_eq!(app.sms.messages().len(), 20);
    limited_by(&app.at("2001:db8:0:7:ffff::1").try_ask(&phone()).await, "IP_HOURLY");
    app.at("2001:db8:0:8::1").ask(&phone()).await;
    for _ in 0..20 {
        app.at("198.51.100.1").try_ask(&phone()).await;
    }
    limited_by(&app.at("::ffff:198.51.100.1").try_ask(&phone()).await, "IP_HOURLY");
}

/// The attacker invents the header that names a client's address.
#[tokio::test]
async fn a_forged_forwarded_for_changes_nothing() {
    let app = TestApp::start(Stores::Embedded).await;
    for number in 0..30 {
        let request = axum::http::Request::post("/graphql")
            .header("content-type", "application/json")
            .header("x-forwarded-for", format!("192.0.2.{number}"))
            .header("x-real-ip", format!("192.0.2.{number}"))
            .header("forwarded", format!("for=192.0.2.{number}"));
        let body = json!({ "query": with_fragment(ASK), "variables": { "input": { "phone": phone() } } }).to_string();
        app.anonymous().send(request.body(body.into()).expect("a request")).await;
    }
    assert_eq!(app.sms.messages().len(), 20);
}

/// The attacker tries code after code, from many addresses, with as many challenge ids as possible.
#[tokio::test]
async fn guessing_a_code_is_slow_even_from_everywhere() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (victim, mut wrongs) = (phone(), 0);
        for hour in 0..24_u8 {
            let stranger = app.at(&format!("198.51.100.{hour}"));
            let asked = stranger.try_ask(&victim).await;
            if let Some(challenge_id) = asked.body["data"]["requestCode"]["challengeId"].as_str() {
                for _ in 0..5 {
                    let answer = stranger.login(&victim, &wrong(&app.code(&victim)), challenge_id).await;
                    wrongs += u32::from(answer.code() == "CODE_INCORRECT");
                }
            }
            app.advance(Duration::from_mins(30));
        }
        assert_eq!(wrongs, 30, "three guesses for each of a day's ten sends: 3 in 100,000");
    }
}

/// One address guesses the codes of many phones.
#[tokio::test]
async fn one_address_has_sixty_wrong_codes_an_hour() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("SEND_IP_HOURLY_LIMIT", "0").start().await;
        let stranger = app.at("198.51.100.66");
        let mut wrongs = 0;
        for _ in 0..25 {
            let phone = phone();
            let challenge_id = stranger.ask(&phone).await;
            for _ in 0..3 {
                let answer = stranger.login(&phone, &wrong(&app.code(&phone)), &challenge_id).await;
                wrongs += u32::from(answer.code() == "CODE_INCORRECT");
            }
        }
        assert_eq!(wrongs, 60 + 5, "sixty, and then the first guess for each of five messages");
        let phone = phone();
        let challenge_id = stranger.ask(&phone).await;
        let code = app.code(&phone);
        assert_eq!(stranger.login(&phone, &wrong(&code), &challenge_id).await.code(), "CODE_INCORRECT");
        for _ in 0..5 {
            limited_by(&stranger.login(&phone, &wrong(&code), &challenge_id).await, "IP_ATTEMPTS");
        }
        limited_by(&stranger.login(&phone, &code, &challenge_id).await, "IP_ATTEMPTS");
        app.anonymous().login(&phone, &code, &challenge_id).await.data("login");
    }
}

/// Not an attack: successful sign-ins do not count as wrong codes or as unverified sends.
#[tokio::test]
async fn a_mobile_network_behind_one_address_is_not_locked_out() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        for _ in 0..70 {
            app.signed_in().await;
        }
    }
}

/// The attacker submits wrong codes to lock the owner out.
#[tokio::test]
async fn an_attacker_who_guesses_locks_out_only_himself() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let victim = phone();
        let stranger = app.at("198.51.100.66");
        for _ in 0..2 {
            let challenge_id = stranger.ask(&victim).await;
            for _ in 0..3 {
                stranger.login(&victim, &wrong(&app.code(&victim)), &challenge_id).await;
            }
            app.advance(Duration::from_secs(30));
        }
        limited_by(&stranger.try_ask(&victim).await, "FAILED_ATTEMPTS");
        app.sign_in(&victim).await;
    }
}

/// The attacker uses the challenge id and code of his own phone to sign in with another phone.
#[tokio::test]
async fn a_session_id_is_valid_for_one_phone_and_one_purpose() {
    let app = TestApp::start(Stores::Embedded).await;
    let (own, victim) = (phone(), phone());
    let challenge_id = app.anonymous().ask(&own).await;
    let code = app.code(&own);
    app.anonymous().ask(&victim).await;
    assert_eq!(app.anonymous().login(&victim, &code, &challenge_id).await.code(), "CHALLENGE_MISMATCH");
}

/// The attacker wants to know whether a phone has an account.
#[tokio::test]
async fn responses_do_not_reveal_whether_a_phone_has_an_account() {
    let app = TestApp::start(Stores::Embedded).await;
    let (known, unknown) = (app.signed_in().await.phone, phone());
    app.advance(Duration::from_secs(30));
    let shape = |answer: &Answer| -> HashSet<String> {
        let payload = answer.data("requestCode").as_object().expect("an object");
        payload.iter().map(|(name, value)| format!("{name}:{}", value.to_string().len())).collect()
    };
    let (one, other) = (app.anonymous().try_ask(&known).await, app.anonymous().try_ask(&unknown).await);
    let without_count = |answer: &Answer| {
        let mut shape = shape(answer);
        shape.retain(|field| !field.starts_with("sendsRemaining"));
        shape
    };
    assert_eq!(without_count(&one), without_count(&other));
    for (phone, answer) in [(&known, one), (&unknown, other)] {
        let challenge_id = answer.data("requestCode")["challengeId"].as_str().expect("an id");
        let missed = app.anonymous().login(phone, &wrong(&app.code(phone)), challenge_id).await;
        assert_eq!((missed.code(), &missed.extensions()["attemptsRemaining"]), ("CODE_INCORRECT", &json!(2)));
    }
}

/// The attacker uses a token of one kind as a token of another kind.
#[tokio::test]
async fn no_token_is_accepted_as_another_kind() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let as_access = app.anonymous().with_token(&user.refresh_token).run(ME, json!({})).await;
    assert_eq!(as_access.code(), "TOKEN_INVALID");
    let query = "mutation($t: String!) { refreshSession(input: { refreshToken: $t }) { ... on RefreshSessionPayload { accessToken } ...P } }";
    let as_refresh = app.anonymous().run(query, json!({ "t": user.access_token })).await;
    assert_eq!(as_refresh.code(), "TOKEN_INVALID");
}

/// The attacker injects SQL, Lua and line breaks for the log into every text.
#[tokio::test]
async fn injected_texts_are_only_texts() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        for text in
            ["'; DROP TABLE users; --", "\" OR \"\"=\"", "]] redis.call('FLUSHALL') --", "${jndi:ldap://x}", "%s%n"]
        {
            let phone = phone();
            let challenge_id = app.anonymous().ask(&phone).await;
            let input =
                json!({ "phone": phone, "code": app.code(&phone), "challengeId": challenge_id, "deviceName": text });
            let login = app.anonymous().run(LOGIN, json!({ "input": input })).await;
            let token = login.data("login")["accessToken"].as_str().expect("a token").to_owned();
            let someone = app.anonymous().with_token(&token);
            let update = "mutation($n: String) { updateProfile(input: { name: $n }) { ... on UpdateProfilePayload { user { name } } ...P } }";
            let named = someone.run(update, json!({ "n": text })).await;
            assert_eq!(named.data("updateProfile")["user"]["name"], text);
            let listed = someone.run("{ me { sessions { deviceName } } }", json!({})).await;
            assert_eq!(listed.data("me")["sessions"][0]["deviceName"], text);
            let verify = json!({ "phone": crate::app::phone(), "purpose": "VERIFY", "reference": text });
            someone.run(ASK, json!({ "input": verify })).await.data("requestCode");
        }
    }
}

/// Awaits all futures at the same time.
async fn futures_join<F: Future<Output = Answer>>(calls: impl Iterator<Item = F>) -> Vec<Answer> {
    let mut calls: Vec<_> = calls.map(Box::pin).collect();
    let mut answers: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (call, answer) in calls.iter_mut().zip(&mut answers) {
            if answer.is_none()
                && let std::task::Poll::Ready(ready) = call.as_mut().poll(context)
            {
                *answer = Some(ready);
            }
        }
        if answers.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers.into_iter().flatten().collect()
}

/// The attacker looks for a spelling or purpose that no limit counts.
#[tokio::test]
async fn all_purposes_and_spellings_share_one_cooldown() {
    let app = TestApp::start(Stores::Embedded).await;
    let phone = phone();
    app.anonymous().ask(&phone).await;
    for purpose in ["LOGIN", "VERIFY"] {
        let answer = app.anonymous().run(ASK, json!({ "input": { "phone": phone, "purpose": purpose } })).await;
        limited_by(&answer, "COOLDOWN");
    }
    for spelling in [phone.replace("+86", "0086"), phone.replace("+86", "+86 0"), format!(" {phone} ")] {
        let answer = app.anonymous().try_ask(&spelling).await;
        assert!(answer.code() == "INVALID_PHONE" || answer.extensions()["limit"] == "COOLDOWN", "{spelling}");
    }
    assert_eq!(app.sms.messages().len(), 1);
}

/// The attacker tries many codes in one request, by aliases or fragments.
#[tokio::test]
async fn aliases_and_fragments_guess_nothing() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        let challenge_id = app.anonymous().ask(&phone).await;
        let guess = |name: &str, code: u32| {
            format!(
                "{name}: login(input: {{ phone: \"{phone}\", code: \"{code:06}\", challengeId: \"{challenge_id}\" }}) {{ ... on LoginPayload {{ accessToken }} ...P }}"
            )
        };
        let aliases: Vec<String> = (0..20).map(|code| guess(&format!("a{code}"), code)).collect();
        let documents = [
            format!("mutation {{ {} }}", aliases.join(" ")),
            format!("mutation {{ {} ...F }} fragment F on Mutation {{ {} }}", guess("a", 1), guess("b", 2)),
            format!("mutation {{ {} ... on Mutation {{ {} }} }}", guess("a", 1), guess("b", 2)),
            format!(
                "mutation {{ {} requestCode(input: {{ phone: \"{phone}\" }}) {{ ... on RequestCodePayload {{ challengeId }} ...P }} }}",
                guess("a", 1)
            ),
        ];
        for document in documents {
            let answer = app.anonymous().run(&document, json!({})).await;
            assert_eq!(answer.code(), "QUERY_TOO_COMPLEX", "{document:.80}");
            assert!(answer.body["data"].is_null());
        }
        app.anonymous().login(&phone, &app.code(&phone), &challenge_id).await.data("login");
    }
}

/// The attacker wants one SMS for each alias.
#[tokio::test]
async fn aliases_send_no_messages() {
    let app = TestApp::start(Stores::Embedded).await;
    let sends: Vec<String> = (0..20)
        .map(|n| {
            format!(
                "a{n}: requestCode(input: {{ phone: \"{}\" }}) {{ ... on RequestCodePayload {{ challengeId }} ...P }}",
                phone()
            )
        })
        .collect();
    let answer = app.anonymous().run(&format!("mutation {{ {} }}", sends.join(" ")), json!({})).await;
    assert_eq!(answer.code(), "QUERY_TOO_COMPLEX");
    assert!(app.sms.messages().is_empty());
}

/// The attacker sends many operations in one body.
#[tokio::test]
async fn a_batch_runs_nothing() {
    let app = TestApp::start(Stores::Embedded).await;
    let one = json!({ "query": with_fragment(ASK), "variables": { "input": { "phone": phone() } } });
    let request = axum::http::Request::post("/graphql").header("content-type", "application/json");
    let body = json!([one, one, one]).to_string();
    let answer = app.anonymous().send(request.body(body.into()).expect("a request")).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "BAD_INPUT"));
    assert!(app.sms.messages().is_empty());
}

/// A small document makes the server work hard.
#[tokio::test]
async fn expensive_documents_do_not_run() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let twice: Vec<String> =
        (0..24).map(|n| format!("fragment F{n} on User {{ ...F{m} ...F{m} }}", m = n + 1)).collect();
    let doubling = format!("{{ me {{ ...F0 }} }} {} fragment F24 on User {{ id }}", twice.join(" "));
    let cycle = "{ me { ...A } } fragment A on User { ...B } fragment B on User { ...A }".to_owned();
    let flood = format!("{{ {} }}", (0..300).map(|n| format!("a{n}: me {{ id }}")).collect::<Vec<_>>().join(" "));
    let lists = format!(
        "{{ me {{ {} }} }}",
        (0..15).map(|n| format!("s{n}: sessions {{ id createdAt }}")).collect::<Vec<_>>().join(" ")
    );
    let deep = format!("{}{}", "{ me ".repeat(5_000), "}".repeat(5_000));
    for document in [doubling, cycle, flood, lists, deep] {
        let begun = std::time::Instant::now();
        let answer = user.run(&document, json!({})).await;
        let code = answer.code();
        assert!(["QUERY_TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED"].contains(&code), "{code} {document:.60}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{document:.60}");
    }
}

/// A page of another site makes a visitor's browser send requests.
#[tokio::test]
async fn a_page_of_another_site_cannot_send_requests() {
    let app = TestApp::start(Stores::Embedded).await;
    let body = json!({ "query": with_fragment(ASK), "variables": { "input": { "phone": phone() } } }).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request = axum::http::Request::post("/graphql")
            .header("content-type", content_type)
            .header("origin", "https://evil.example")
            .body(body.clone().into());
        let answer = app.anonymous().send(request.expect("a request")).await;
        assert_eq!(answer.status.as_u16(), 415);
    }
    let preflight = axum::http::Request::builder()
        .method("OPTIONS")
        .uri("/graphql")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .body(axum::body::Body::empty());
    let answer = app.anonymous().send(preflight.expect("a request")).await;
    assert!(answer.headers.get("access-control-allow-origin").is_none());
    let link = "/graphql?query=mutation%7Blogout%7BendedSessions%7D%7D";
    let request = axum::http::Request::get(link).body(axum::body::Body::empty()).expect("a request");
    assert_eq!(app.anonymous().send(request).await.status.as_u16(), 405);
    assert!(app.sms.messages().is_empty());
}

/// The attacker requests codes for numbers with expensive SMS.
#[tokio::test]
async fn premium_and_satellite_numbers_get_no_message() {
    let app = TestApp::on(Stores::Embedded).set("ALLOWED_REGIONS", "*").start().await;
    for number in
        ["+19005550100", "+18005550100", "+448701234567", "+881612345678", "+870773111632", "+8613", "+979123456789"]
    {
        assert_eq!(app.anonymous().try_ask(number).await.code(), "INVALID_PHONE", "{number}");
    }
    assert!(app.sms.messages().is_empty());
}

/// The attacker has copied a refresh token from a device.
#[tokio::test]
async fn a_stolen_refresh_token_ends_the_session_for_both() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let owner = app.signed_in().await;
        let thief = owner.clone();
        let stolen = thief.refreshed().await;
        app.advance(Duration::from_mins(5));
        assert_eq!(owner.refresh().await.code(), "TOKEN_INVALID");
        assert_eq!(stolen.run(ME, json!({})).await.code(), "TOKEN_INVALID");
        assert_eq!(stolen.refresh().await.code(), "TOKEN_INVALID");
    }
}
