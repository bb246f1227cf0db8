//! The data in Redis while codes are valid, and the store's answers while Redis is unavailable.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sms_login::captcha::Captcha;
use sms_login::clock::{Clock, ManualClock};
use sms_login::day::Day;
use sms_login::device::Device;
use sms_login::limits::{
    Counting, LimitPolicy, LimitStore, Limits, RedisLimitStore, SendTicket, SendVerdict, TrafficLimits,
};
use sms_login::phone::{PhoneNumber, PhonePrefixes, PhoneRegions};
use sms_login::price::Price;
use sms_login::purpose::Purpose;
use sms_login::redis::KeyPrefix;
use sms_login::sms::{Acceptance, CodeMessage, MessageSender, SendError, SendOutcome};
use sms_login::store::StoreError;
use sms_login::tags::CaptchaTag;
use sms_login::verification::store::{AttemptOutcome, FailureLimits};
use sms_login::verification::test_numbers::TestNumbers;
use sms_login::verification::{
    Admission, AttemptError, Checking, CheckingPolicy, CodeKeys, CodeRequest, CodeUse, Issuing, IssuingPolicy,
    SubmittedCode,
};

use crate::code_service::deliveries;
use crate::code_store::{Phone, Store, connection, redis_store_at, unique};
use crate::limit_store::{destination, guard_policy, limit_policy, network};
use crate::servers;
use crate::servers::own::OwnRedis;

const SECRET: &[u8] = b"a secret of the tests, 32 bytes.";
const FAILURES: FailureLimits = FailureLimits { by_address: 5, in_all: 50 };
const RIGHT: &str = "135790";
const PHONES: [&str; 2] = ["+8613711112222", "+8613911113333"];
const ADDRESSES: [&str; 2] = ["203.0.113.77", "2001:db8:77:1::9"];

#[tokio::test]
async fn redis_holds_no_code_phone_address_challenge_id_or_secret() {
    let redis = OwnRedis::start();
    let secrets = use_some_codes(&redis.url()).await;
    let contents = dump(&redis.url());
    assert!(contents.iter().any(|text| text.ends_with(":phone")), "the store keeps something: {contents:?}");
    assert!(contents.contains("transfer:9981"), "the dump contains values");
    assert!(contents.iter().any(|text| text.contains("digest")), "the resend keeps the older code: {contents:?}");

    for secret in secrets {
        for text in &contents {
            // The digits of a code may happen to be part of a time in milliseconds, so a number must equal the code.
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && secret.len() == 6;
            let is_found = if is_number { *text == secret } else { text.contains(&secret) };
            assert!(!is_found, "{secret} is in Redis, in {text}");
        }
    }
}

#[tokio::test]
async fn every_key_expires_and_contains_its_phones_tag() {
    let redis = OwnRedis::start();
    use_some_codes(&redis.url()).await;
    send_with_captcha(&redis.url()).await;

    let mut connection = connection(&redis.url());
    let mut tags = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    for key in keys(&mut connection) {
        let ttl: i64 = redis::cmd("PTTL").arg(&key).query(&mut connection).expect("a time to live");
        assert!((1..=FORTY_DAYS).contains(&ttl), "{key} lives for {ttl} ms");
        let (prefix, rest) = key.split_once('{').expect("a tag in braces");
        let (tag, rest) = rest.split_once('}').expect("a tag in braces");
        assert_eq!(prefix, "sms-login:");
        assert!(!rest.contains(['{', '}']), "{key}");
        if tag != "limits" {
            tags.insert(tag.to_owned());
        }
        kinds.insert(rest.split(':').nth(1).expect("a kind").to_owned());
    }

    assert_eq!(tags.len(), PHONES.len(), "one tag a phone: {tags:?}");
    let of_phones =
        ["challenge", "device", "device_failures", "devices_revoked", "failures", "phone", "request", "sent_from"];
    let of_limits = ["attempts", "captcha", "codes", "regions", "send", "sends", "total", "traffic", "used_regions"];
    assert_eq!(kinds, of_phones.into_iter().chain(of_limits).map(str::to_owned).collect());
}

#[tokio::test]
async fn a_stopped_redis_is_unavailable_and_used_again_after_a_restart() {
    let redis = OwnRedis::start();
    let store = redis_store_at(redis.url());
    a_code_works(&store).await;

    redis.stop();
    for _ in 0..3 {
        assert_unavailable(&store).await;
    }

    redis.start_again();
    recover(&store).await;
    a_code_works(&store).await;
}

#[tokio::test]
async fn a_redis_that_starts_after_the_store_is_used() {
    let redis = OwnRedis::start();
    redis.stop();
    let store = redis_store_at(redis.url());
    assert_unavailable(&store).await;

    redis.start_again();
    recover(&store).await;
    a_code_works(&store).await;
}

#[tokio::test]
async fn a_paused_redis_is_unavailable_within_four_seconds_and_used_again_when_resumed() {
    let redis = OwnRedis::start();
    let store = redis_store_at(redis.url());
    let phone = Phone::new(&store);
    let challenge = phone.issued().await;

    redis.pause();
    assert_unavailable(&store).await;

    redis.resume();
    recover(&store).await;
    assert_eq!(phone.try_code(&challenge, RIGHT).await, AttemptOutcome::Claimed { reference: None, recognized: false });
    a_code_works(&store).await;
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_sent_again() {
    let redis = OwnRedis::start();
    let store = redis_store_at(redis.url());
    let phone = Phone::new(&store);
    let mut connection = connection(&redis.url());
    let mut forget = || redis::cmd("SCRIPT").arg("FLUSH").exec(&mut connection).expect("scripts are forgotten");

    let (challenge, void) = (phone.issued().await, phone.issued().await);
    forget();
    let claim = phone.claimed(&challenge).await;
    forget();
    store.release(&claim).await.expect("the store answers");
    forget();
    let claim = phone.claimed(&challenge).await;
    forget();
    store.void(&void, sms_login::verification::store::Refund::Send).await.expect("the store answers");
    forget();
    assert!(store.consume(&claim).await.expect("the store answers"));
    forget();
    a_code_works(&store).await;
}

/// Redis can evict a phone's key or lose it in a failover while a code is being used. The next write creates the key
/// again, and that key must expire, too.
#[tokio::test]
async fn a_key_that_is_created_again_after_a_loss_expires() {
    let redis = OwnRedis::start();
    let store = redis_store_at(redis.url());
    let phone = Phone::new(&store);
    let claim = phone.claimed(&phone.issued().await).await;

    let mut connection = connection(&redis.url());
    for key in keys(&mut connection).into_iter().filter(|key| key.ends_with(":phone")) {
        redis::cmd("DEL").arg(key).exec(&mut connection).expect("the key is lost");
    }

    assert!(store.consume(&claim).await.expect("the store answers"));
    for key in keys(&mut connection) {
        let ttl: i64 = redis::cmd("PTTL").arg(&key).query(&mut connection).expect("a time to live");
        assert!((1..=FORTY_DAYS).contains(&ttl), "{key} lives for {ttl} ms");
    }
}

/// Longer than any key may be kept, in milliseconds.
const FORTY_DAYS: i64 = 40 * 24 * 60 * 60 * 1000;

async fn a_code_works(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    let claim = phone.claimed(&challenge).await;
    assert!(store.consume(&claim).await.expect("the store answers"));
}

/// Checks that the store fails as unavailable, each call within four seconds.
async fn assert_unavailable(store: &Store) {
    let started = Instant::now();
    let released = store.release(&Phone::new(store).some_claim()).await;
    assert!(matches!(released, Err(StoreError::Unavailable(_))), "{released:?}");
    assert!(started.elapsed() < Duration::from_secs(4), "after {:?}", started.elapsed());

    let started = Instant::now();
    let consumed = store.consume(&Phone::new(store).some_claim()).await;
    assert!(matches!(consumed, Err(StoreError::Unavailable(_))), "{consumed:?}");
    assert!(started.elapsed() < Duration::from_secs(4), "after {:?}", started.elapsed());
}

/// Makes the one call that may fail because its connection has ended.
async fn recover(store: &Store) {
    let claim = Phone::new(store).some_claim();
    if store.release(&claim).await.is_err() {
        store.release(&claim).await.expect("the second call after the restart succeeds");
    }
}

/// Requests, mistypes, uses and abandons codes of two phones from two addresses. Returns the texts that must not be in
/// Redis.
async fn use_some_codes(url: &str) -> Vec<String> {
    let sender = Arc::new(CapturingSender::default());
    let clock = Arc::new(ManualClock::new("2026-01-01T12:00:00Z".parse().expect("a time")));
    let keys = Arc::new(CodeKeys::new(SECRET));

    let redis = servers::redis_pool_with(&[url.to_owned()], KeyPrefix::default());
    let limits =
        Limits::new(Arc::new(RedisLimitStore::new(redis)), LimitPolicy { total_daily: 1000, ..limit_policy() });
    let limits = Arc::new(limits);
    let store = redis_store_at(url.to_owned());

    let regions = PhoneRegions { default: "CN".parse().expect("a region"), allowed: None };
    let admission = Admission::new(regions, PhonePrefixes::default(), Arc::clone(&limits), Captcha::off());
    let issuing = Issuing::new(
        Arc::clone(&store),
        admission,
        deliveries(sender.clone(), clock.clone()),
        Arc::clone(&keys),
        policy(),
        clock.clone(),
    );
    let checking = CheckingPolicy { max_attempts: 3, failures: FAILURES };
    let checking = Checking::new(store, limits, keys, checking, clock.clone());

    let mut secrets = vec![String::from_utf8(SECRET.to_vec()).expect("text")];
    for (phone, address) in PHONES.iter().zip(ADDRESSES) {
        let address: IpAddr = address.parse().expect("an address");
        secrets.extend([address.to_string(), address.to_string().trim_end_matches("::9").to_owned()]);
        secrets.extend([1, 3].map(|skipped| phone[skipped..].to_owned()));

        let phone = PhoneNumber::from_e164((*phone).to_owned()).expect("a phone number");
        let mut last_id = None;
        for (code_use, wrong_codes, right, by_device) in [
            (CodeUse::Login, 2, true, false),
            (CodeUse::Verify, 0, true, false),
            (CodeUse::Verify, 1, false, false),
            // A resend of the one before.
            (CodeUse::Verify, 0, false, false),
            (CodeUse::Login, 3, false, false),
            (CodeUse::Login, 1, false, true),
        ] {
            let purpose = code_use.purpose();

            clock.advance(SignedDuration::from_secs(31));
            let reference = (purpose == Purpose::Verify).then(|| "transfer:9981".to_owned());
            let (id, key) = (unique(), unique());
            secrets.extend([id.clone(), key.clone()]);
            let device = by_device.then(|| Device { id, issued_at: clock.now() });
            let request = CodeRequest {
                reference,
                resend_of: last_id.take(),
                idempotency_key: Some(key),
                device: device.clone(),
                ..CodeRequest::new(phone.clone(), code_use, address.into())
            };
            let sent = issuing.request_code(request).await.expect("a code is sent");
            let code = sender.codes.lock().expect("codes").last().expect("a code").clone();

            let wrong = if code == "000000" { "111111" } else { "000000" };
            let submitted = |code| SubmittedCode {
                phone: &phone,
                code,
                challenge_id: &sent.challenge_id,
                purpose,
                user: None,
                client: address.into(),
                device: device.as_ref(),
                claim: None,
            };

            for _ in 0..wrong_codes {
                let rejected = checking.redeem(submitted(wrong), async |_| Ok::<_, AttemptError>(())).await;
                assert!(matches!(rejected, Err(AttemptError::Incorrect { .. })), "{rejected:?}");
            }

            if right {
                let redeemed = checking.redeem(submitted(&code), async |_| Ok::<_, AttemptError>(())).await;
                redeemed.expect("the code is right").consumed.expect("the code is consumed");
            }
            let bytes = URL_SAFE_NO_PAD.decode(&sent.challenge_id).expect("base64url");
            let (nonces, mac) = bytes.split_at(bytes.len() - 16);
            let only_mac = &sent.challenge_id[(nonces.len() * 8).div_ceil(6)..];
            secrets.extend([URL_SAFE_NO_PAD.encode(mac), only_mac.to_owned(), code, sent.challenge_id.clone()]);
            last_id = Some(sent.challenge_id);
        }
        checking.revoke_devices(&phone, Duration::from_hours(30 * 24)).await;
    }
    secrets
}

/// Counts a send of an address that has used no code, with a captcha.
async fn send_with_captcha(url: &str) {
    let redis = servers::redis_pool_with(&[url.to_owned()], KeyPrefix::default());
    let captcha = CaptchaTag::new("a-captcha".to_owned());
    let (guard, at) = (guard_policy(), Timestamp::UNIX_EPOCH);
    let ticket = SendTicket {
        id: "a-send".to_owned(),
        captcha: None,
        price: Price::ZERO,
        networks: network("an-address"),
        destination: destination("CN", "+86137"),
        at,
        day: Day::of(at, SignedDuration::ZERO),
    };
    let limits = TrafficLimits {
        ip_hourly: 1,
        ip_daily: 1,
        total_daily: 0,
        spend_daily: Price::ZERO,
        guard: Some(&guard),
        spraying: None,
        suspect_passes: true,
        captcha: Some(&captcha),
    };
    let counted = RedisLimitStore::new(redis).count_send(&ticket, &limits, Counting::Everything).await;
    assert!(matches!(counted, Ok(SendVerdict::Allowed { .. })), "{counted:?}");
}

fn policy() -> IssuingPolicy {
    IssuingPolicy {
        code_ttl: Duration::from_mins(5),
        cooldown: Duration::from_secs(30),
        daily_limit: 10,
        daily_limit_per_address: 5,
        day_offset: SignedDuration::from_hours(8),
        failures: FAILURES,
        test_numbers: TestNumbers::default(),
    }
}

/// Keeps the codes instead of sending them.
#[derive(Default)]
struct CapturingSender {
    codes: Mutex<Vec<String>>,
}

#[async_trait]
impl MessageSender for CapturingSender {
    fn name(&self) -> &'static str {
        "capturing"
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        self.codes.lock().expect("codes").push(message.code.expose_digits().to_owned());
        Ok(SendOutcome::Accepted(Acceptance::default()))
    }
}

fn keys(connection: &mut redis::Connection) -> Vec<String> {
    redis::cmd("KEYS").arg("*").query(connection).expect("the keys")
}

/// Returns every key, field and value in Redis, each once.
fn dump(url: &str) -> BTreeSet<String> {
    let mut connection = connection(url);
    let mut contents = BTreeSet::new();
    for key in keys(&mut connection) {
        let kind: String = redis::cmd("TYPE").arg(&key).query(&mut connection).expect("a kind");
        let mut read = match kind.as_str() {
            "hash" => redis::cmd("HGETALL"),
            "zset" => redis::cmd("ZRANGE"),
            "string" => redis::cmd("MGET"),
            other => panic!("{key} is a {other}"),
        };

        read.arg(&key);
        if kind == "zset" {
            read.arg(0).arg(-1);
        }
        let parts: Vec<String> = read.query(&mut connection).expect("its contents");
        contents.insert(key);
        contents.extend(parts);
    }
    contents
}
