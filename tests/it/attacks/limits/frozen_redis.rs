//! A Redis that stops for a while and continues: it must not execute calls late that the server has given up.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sms_login::day::Day;
use sms_login::limits::{AttemptTicket, Counting, LimitStore, RedisLimitStore, SendTicket, SendVerdict, TrafficLimits};
use sms_login::price::Price;
use sms_login::purpose::Purpose;
use sms_login::store::StoreError;
use sms_login::tags::PhoneTag;
use sms_login::verification::store::{
    Attempt, AttemptOutcome, CodeClaim, CodeStore, FailureLimits, IssueOutcome, NewChallenge, PhoneLimits,
    RedisCodeStore, Subject,
};
use tokio::task::JoinSet;

use crate::app::{START, Stores, TestApp, phone};
use crate::code_store::{connection, digest, unique};
use crate::limit_store::{address_tag, destination, network};
use crate::servers;
use crate::servers::own::OwnRedis;

const FAILURES: FailureLimits = FailureLimits { by_address: 5, in_all: 50 };
const PHONE: PhoneLimits =
    PhoneLimits { cooldown: Duration::from_mins(1), daily: 10, daily_by_address: 5, day: 1, failures: FAILURES };
const FIRST_SEND: IssueOutcome = IssueOutcome::Issued { sends: 1, remaining: Some(4), recognized: false };
const ADDRESS: TrafficLimits<'_> = TrafficLimits {
    ip_hourly: 1,
    ip_daily: 1,
    total_daily: 1,
    spend_daily: Price::ZERO,
    guard: None,
    spraying: None,
    suspect_passes: false,
    captcha: None,
};

fn start() -> Timestamp {
    START.parse().expect("a time")
}

fn challenge() -> NewChallenge {
    NewChallenge {
        subject: Subject { phone: PhoneTag::new(unique()), address: address_tag("an-address"), device: None },
        purpose: Purpose::Login,
        nonce: unique(),
        digest: digest("135790"),
        reference: None,
        resend_of: None,
        needs_predecessor: false,
        key: None,
        issued_at: start(),
        expires_at: start() + Duration::from_mins(5),
    }
}

fn attempt(challenge: &NewChallenge, code: &str) -> Attempt {
    let claim = CodeClaim {
        subject: challenge.subject.clone(),
        nonce: challenge.nonce.clone(),
        purpose: Purpose::Login,
        token: unique(),
    };
    Attempt { claim, digest: digest(code), max_attempts: 3, failures: FAILURES, at: start() }
}

fn ticket(id: &str) -> SendTicket {
    SendTicket {
        id: id.to_owned(),
        captcha: None,
        price: Price::ZERO,
        networks: network("an-address"),
        destination: destination("CN", "+86137"),
        at: start(),
        day: Day::of(start(), SignedDuration::ZERO),
    }
}

#[track_caller]
fn unavailable<T: std::fmt::Debug>(answer: &Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

/// When Redis continues, it reads the waiting scripts from its sockets. No caller waits for their results any more, so
/// nothing would refund their effects: a send, a count, an attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_after_their_deadline_have_no_effect() {
    let redis = OwnRedis::start();
    let pool = servers::redis_pool(&[redis.url()]);
    let (codes, limits) = (RedisCodeStore::new(pool.clone()), RedisLimitStore::new(pool.clone()));
    let (known, new) = (challenge(), challenge());
    let address = address_tag("an-address");
    let ticket_of = |id| AttemptTicket { id, address: &address, send: "unknown" };
    assert_eq!(codes.issue(&known, &PHONE).await.expect("an answer"), FIRST_SEND);

    redis.pause();
    let wrong = attempt(&known, "246802");
    let (ticket_given_up, attempt_given_up) = (ticket("given-up"), ticket_of("given-up"));
    let (issued, tried, sent, counted) = tokio::join!(
        codes.issue(&new, &PHONE),
        codes.attempt(&wrong),
        limits.count_send(&ticket_given_up, &ADDRESS, Counting::Everything),
        limits.count_attempt(&attempt_given_up, 1, start()),
    );
    unavailable(&issued);
    unavailable(&tried);
    unavailable(&sent);
    unavailable(&counted);
    redis.resume();

    // The first calls may still be answered that the time of the last sample is no longer right.
    if pool.ping().await.is_err() {
        pool.ping().await.expect("Redis is back");
    }
    let again = challenge();
    let again = NewChallenge { subject: new.subject.clone(), ..again };
    assert_eq!(codes.check(&again, &PHONE).await.expect("an answer"), FIRST_SEND);
    assert_eq!(codes.attempt(&attempt(&new, "135790")).await.expect("an answer"), AttemptOutcome::Expired);
    let next = codes.attempt(&attempt(&known, "246802")).await.expect("an answer");
    assert_eq!(
        next,
        AttemptOutcome::Incorrect { attempts_remaining: 2, recognized: false },
        "the first wrong code that counts"
    );
    let taken = limits.count_send(&ticket("next"), &ADDRESS, Counting::Everything).await.expect("an answer");
    assert_eq!(taken, SendVerdict::Allowed { suspicion: None });
    assert_eq!(limits.count_attempt(&ticket_of("next"), 1, start()).await.expect("an answer").full_until, None);
}

/// Sixty users request codes while Redis is stopped. They get no SMS, so their requests must not count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_during_a_stop_of_redis_do_not_count_as_sends() {
    let redis = OwnRedis::start();
    let app = TestApp::on(Stores::Shared)
        .set("REDIS_URL", redis.url())
        .set("SEND_TOTAL_DAILY_LIMIT", "1000")
        .set("SEND_IP_HOURLY_LIMIT", "0")
        .set("SEND_IP_DAILY_LIMIT", "0");
    let app = Arc::new(app.start().await);
    for _ in 0..2 {
        app.anonymous().ask(&phone()).await;
    }

    let phones: Vec<String> = (0..60).map(|_| phone()).collect();
    redis.pause();
    let requests: JoinSet<String> = phones
        .iter()
        .map(|phone| {
            let (app, phone) = (Arc::clone(&app), phone.clone());
            async move { app.anonymous().try_ask(&phone).await.code().to_owned() }
        })
        .collect();
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|code| code == "UNAVAILABLE"), "{answers:?}");
    redis.resume();

    // This call may find the connection closed.
    app.anonymous().try_ask("+8613700000000").await;
    let total = || -> u32 {
        let key = format!("{}{{limits}}:total", app.env["REDIS_KEY_PREFIX"]);
        redis::cmd("HGET").arg(key).arg("sends").query(&mut connection(&redis.url())).expect("the total")
    };
    let sent = |app: &TestApp| u32::try_from(app.sms.messages().len()).expect("a number");
    assert_eq!(total(), sent(&app));
    for phone in &phones {
        app.anonymous().ask(phone).await;
    }
    assert_eq!(total(), sent(&app));
}
