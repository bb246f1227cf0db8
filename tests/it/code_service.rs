//! The services that issue and check codes, without GraphQL: several servers on the same stores, a sender that a test can
//! hold back, and devices with genuine tokens.

use std::net::IpAddr;
use std::slice;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use sms_login::captcha::Captcha;
use sms_login::clock::{Clock, ManualClock};
use sms_login::deliveries::Deliveries;
use sms_login::deliveries::store::MemoryDeliveryStore;
use sms_login::device::Device;
use sms_login::limits::{Limit, LimitPolicy, LimitStore, Limits, MemoryLimitStore, RedisLimitStore};
use sms_login::phone::{PhoneNumber, PhonePrefixes, PhoneRegions};
use sms_login::purpose::Purpose;
use sms_login::sms::routes::{Route, RouteScope, Routes};
use sms_login::sms::{Acceptance, CodeMessage, MessageSender, SendError, SendOutcome};
use sms_login::verification::store::{FailureLimits, MemoryCodeStore, RedisCodeStore};
use sms_login::verification::test_numbers::TestNumbers;
use sms_login::verification::{
    Admission, AttemptError, Checking, CheckingPolicy, CodeKeys, CodeRequest, CodeSent, CodeUse, Issuing,
    IssuingPolicy, RequestCodeError, SubmittedCode,
};
use tokio::sync::Semaphore;

use crate::app::{HOME, START, phone, wrong};
use crate::code_store::{Store, unique};
use crate::limit_store::limit_policy;
use crate::servers;

const FAILURES: FailureLimits = FailureLimits { by_address: 5, in_all: 50 };
const KEY: &str = "a key of the client";

/// One server. Servers that share their stores have the same clock and sender.
#[derive(Clone)]
pub(crate) struct CodeServer {
    issuing: Arc<Issuing>,
    checking: Arc<Checking>,
    pub(crate) sender: Arc<HeldSender>,
    pub(crate) clock: Arc<ManualClock>,
}

impl CodeServer {
    /// Returns two servers for each kind of store. Those in memory are the same one.
    pub(crate) fn pairs(limits: &LimitPolicy) -> Vec<[Self; 2]> {
        let outside = || {
            let clock = Arc::new(ManualClock::new(START.parse().expect("a time")));
            (Arc::new(HeldSender::default()), clock)
        };
        let memory = MemoryLimitStore::default();
        let embedded = Self::new(Arc::new(MemoryCodeStore::default()), Arc::new(memory), &outside(), limits);

        let (url, prefix, outside) = (servers::redis().fresh_url(), servers::fresh_key_prefix(), outside());
        let on_redis = || {
            let pool = servers::redis_pool_with(slice::from_ref(&url), prefix.parse().expect("a prefix"));
            let codes = Arc::new(RedisCodeStore::new(pool.clone()));
            Self::new(codes, Arc::new(RedisLimitStore::new(pool)), &outside, limits)
        };
        vec![[embedded.clone(), embedded], [on_redis(), on_redis()]]
    }

    /// Returns a server for each kind of store.
    pub(crate) fn each(limits: &LimitPolicy) -> Vec<Self> {
        Self::pairs(limits).into_iter().map(|[first, _]| first).collect()
    }

    fn new(
        codes: Store,
        counts: Arc<dyn LimitStore>,
        (sender, clock): &(Arc<HeldSender>, Arc<ManualClock>),
        limits: &LimitPolicy,
    ) -> Self {
        let (sender, clock) = (Arc::clone(sender), Arc::clone(clock));
        let keys = Arc::new(CodeKeys::new(b"a secret of the tests, 32 bytes."));
        let limits = Arc::new(Limits::new(counts, limits.clone()));
        let regions = PhoneRegions { default: "CN".parse().expect("a region"), allowed: None };
        let admission = Admission::new(regions, PhonePrefixes::default(), Arc::clone(&limits), Captcha::off());
        let issuing = Issuing::new(
            Arc::clone(&codes),
            admission,
            deliveries(sender.clone(), clock.clone()),
            Arc::clone(&keys),
            policy(),
            clock.clone(),
        );
        let checking = CheckingPolicy { max_attempts: 3, failures: FAILURES };
        let checking = Checking::new(codes, limits, keys, checking, clock.clone());
        Self { issuing: Arc::new(issuing), checking: Arc::new(checking), sender, clock }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(SignedDuration::try_from(by).expect("a duration"));
    }

    pub(crate) async fn request(&self, request: CodeRequest) -> Result<CodeSent, RequestCodeError> {
        self.issuing.request_code(request).await
    }

    /// Signs in with a code.
    pub(crate) async fn sign_in(&self, request: &CodeRequest, id: &str, code: &str) -> Result<(), AttemptError> {
        let submitted = SubmittedCode {
            phone: &request.phone,
            code,
            challenge_id: id,
            purpose: Purpose::Login,
            user: None,
            client: request.client,
            device: request.device.as_ref(),
            claim: None,
        };
        self.checking.redeem(submitted, async |_| Ok::<_, AttemptError>(())).await?.consumed
    }

    /// Returns a device whose token was issued a second ago.
    pub(crate) fn device(&self) -> Device {
        Device { id: unique(), issued_at: self.clock.now() - Duration::from_secs(1) }
    }
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

/// Returns a request to sign in.
pub(crate) fn login(phone: &str, address: &str) -> CodeRequest {
    let phone = PhoneNumber::from_e164(phone.to_owned()).expect("a phone number");
    let address: IpAddr = address.parse().expect("an address");
    CodeRequest::new(phone, CodeUse::Login, address.into())
}

#[track_caller]
pub(crate) fn limited_by<T: std::fmt::Debug>(answer: &Result<T, RequestCodeError>, limit: Limit) {
    assert!(matches!(answer, Err(RequestCodeError::Limited(limited)) if limited.limit == limit), "{answer:?}");
}

/// A sender that a test can hold back. It keeps the codes that it sends.
pub(crate) struct HeldSender {
    codes: Mutex<Vec<String>>,
    /// The results of the next calls. Later calls are accepted.
    results: Mutex<Vec<Result<SendOutcome, SendError>>>,
    begun: Semaphore,
    allowed: Semaphore,
}

impl Default for HeldSender {
    fn default() -> Self {
        let allowed = Semaphore::new(Semaphore::MAX_PERMITS / 2);
        Self { codes: Mutex::default(), results: Mutex::default(), begun: Semaphore::new(0), allowed }
    }
}

impl HeldSender {
    fn fail_next(&self, result: Result<SendOutcome, SendError>) {
        self.results.lock().expect("results").push(result);
    }

    fn hold(&self) {
        self.allowed.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn let_go(&self) {
        self.allowed.add_permits(1000);
    }

    pub(crate) fn codes(&self) -> Vec<String> {
        self.codes.lock().expect("codes").clone()
    }

    pub(crate) fn last_code(&self) -> String {
        self.codes().pop().expect("a code")
    }
}

/// Returns the service that sends all messages by this sender.
pub(crate) fn deliveries(sender: Arc<dyn MessageSender>, clock: Arc<dyn Clock>) -> Arc<Deliveries> {
    let routes = Routes::new(vec![Route::new("only", RouteScope::default(), sender)], Arc::clone(&clock));
    let store = Arc::new(MemoryDeliveryStore::default());
    Arc::new(Deliveries::new(routes, store, b"a secret of the tests", SignedDuration::from_hours(8), clock))
}

#[async_trait]
impl MessageSender for HeldSender {
    fn name(&self) -> &'static str {
        "held"
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        self.begun.add_permits(1);
        self.allowed.acquire().await.expect("the semaphore is open").forget();
        self.codes.lock().expect("codes").push(message.code.expose_digits().to_owned());
        self.results.lock().expect("results").pop().unwrap_or(Ok(SendOutcome::Accepted(Acceptance::default())))
    }
}

fn same(one: &CodeSent, other: &CodeSent) -> bool {
    let parts = |sent: &CodeSent| (sent.challenge_id.clone(), sent.expires_at, sent.resend_at, sent.sends_remaining);
    parts(one) == parts(other)
}

/// Returns a request with an idempotency key.
fn keyed(phone: &str) -> CodeRequest {
    CodeRequest { idempotency_key: Some(KEY.to_owned()), ..login(phone, HOME) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_simultaneous_requests_with_one_key_send_one_sms() {
    for [first, second] in CodeServer::pairs(&limit_policy()) {
        let request = keyed(&phone());
        first.sender.hold();
        let calls = [first.clone(), second.clone(), first.clone()].map(|server| {
            let request = request.clone();
            tokio::spawn(async move { server.request(request).await })
        });
        first.sender.begun.acquire().await.expect("a send begins").forget();
        // The others are waiting by now, or wait later: the first one has not ended.
        tokio::task::yield_now().await;
        assert!(calls.iter().all(|call| !call.is_finished()));
        first.sender.let_go();

        let mut answers = Vec::new();
        for call in calls {
            answers.push(call.await.expect("no panic").expect("a code is sent"));
        }
        assert!(answers.iter().all(|answer| same(answer, &answers[0])), "{answers:?}");
        assert_eq!(first.sender.codes().len(), 1);
        second.sign_in(&request, &answers[1].challenge_id, &first.sender.last_code()).await.expect("the code is right");
    }
}

#[tokio::test]
async fn a_repeated_request_repeats_its_answer_and_sends_nothing() {
    for [server, other] in CodeServer::pairs(&LimitPolicy { ip_hourly: 1, ..limit_policy() }) {
        let request = keyed(&phone());
        let sent = server.request(request.clone()).await.expect("a code is sent");
        server.advance(Duration::from_secs(5));
        let repeated = other.request(request.clone()).await.expect("the answer is repeated");
        assert!(same(&sent, &repeated), "{sent:?} {repeated:?}");

        // The address has no send left. Afterwards the server checks the address first, but a repetition is no send.
        limited_by(&server.request(login(&phone(), HOME)).await, Limit::IpHourly);
        let elsewhere = CodeRequest { client: login("+8613711112222", "198.51.100.1").client, ..request.clone() };
        for request in [request.clone(), elsewhere] {
            let repeated = server.request(request).await.expect("the answer is repeated");
            assert!(same(&sent, &repeated));
        }
        assert_eq!(server.sender.codes().len(), 1);

        let different = [
            CodeRequest { code_use: CodeUse::Verify, ..request.clone() },
            CodeRequest { resend_of: Some(sent.challenge_id.clone()), ..request.clone() },
        ];
        for request in different {
            let answer = server.request(request).await;
            assert!(matches!(answer, Err(RequestCodeError::IdempotencyMismatch)), "{answer:?}");
        }
        server.sign_in(&request, &sent.challenge_id, &server.sender.last_code()).await.expect("the code is right");
    }
}

#[tokio::test]
async fn a_failed_send_is_not_repeated() {
    for server in CodeServer::each(&limit_policy()) {
        let request = keyed(&phone());
        server.sender.fail_next(Ok(SendOutcome::NumberBlocked));
        let failed = server.request(request.clone()).await;
        assert!(matches!(failed, Err(RequestCodeError::NumberBlocked)), "{failed:?}");
        let sent = server.request(request.clone()).await.expect("the next request sends");
        assert_eq!(sent.sends_remaining, Some(4), "the rejected send is refunded");
        assert_eq!(server.sender.codes().len(), 2);
    }
}

/// A request that waits for another one's send becomes a new request if that send fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waited_for_a_failed_send_sends_itself() {
    for [first, second] in CodeServer::pairs(&limit_policy()) {
        let request = keyed(&phone());
        first.sender.hold();
        first.sender.fail_next(Ok(SendOutcome::NumberBlocked));
        let calls = [first.clone(), second].map(|server| {
            let request = request.clone();
            tokio::spawn(async move { server.request(request).await })
        });
        first.sender.begun.acquire().await.expect("a send begins").forget();
        first.sender.let_go();
        let mut outcomes = Vec::new();
        for call in calls {
            outcomes.push(call.await.expect("no panic").is_ok());
        }
        outcomes.sort_unstable();
        assert_eq!((outcomes, first.sender.codes().len()), (vec![false, true], 2));
    }
}

#[tokio::test]
async fn a_key_has_16_to_128_characters() {
    let server = &CodeServer::each(&limit_policy())[0];
    for (length, is_right) in [(0, false), (15, false), (16, true), (128, true), (129, false)] {
        let key = "密".repeat(length);
        let answer = server.request(CodeRequest { idempotency_key: Some(key), ..login(&phone(), HOME) }).await;
        let is_refused = matches!(answer, Err(RequestCodeError::BadIdempotencyKey));
        assert_eq!(is_refused, !is_right, "{length}: {answer:?}");
    }
}

#[tokio::test]
async fn a_failed_resend_leaves_the_first_code_valid() {
    for server in CodeServer::each(&limit_policy()) {
        let request = login(&phone(), HOME);
        let first = server.request(request.clone()).await.expect("a code is sent");
        let code = server.sender.last_code();
        for result in [Ok(SendOutcome::NumberBlocked), Err(SendError::Ambiguous("time-out".into()))] {
            server.advance(Duration::from_secs(30));
            server.sender.fail_next(result);
            let resend = CodeRequest { resend_of: Some(first.challenge_id.clone()), ..request.clone() };
            server.request(resend).await.expect_err("the send fails");
        }
        server.sign_in(&request, &first.challenge_id, &code).await.expect("the first SMS has arrived");
    }
}

#[tokio::test]
async fn a_resend_of_another_phones_challenge_has_no_effect() {
    for server in CodeServer::each(&limit_policy()) {
        let (attacker, victim) = (login(&phone(), "198.51.100.1"), login(&phone(), HOME));
        let own = server.request(attacker.clone()).await.expect("a code is sent");
        let own_code = server.sender.last_code();
        let resend = CodeRequest { resend_of: Some(own.challenge_id.clone()), ..victim };
        let sent = server.request(resend.clone()).await.expect("a code is sent");
        let code = if own_code == server.sender.last_code() { wrong(&own_code) } else { own_code.clone() };
        let taken = server.sign_in(&resend, &sent.challenge_id, &code).await;
        assert!(matches!(taken, Err(AttemptError::Incorrect { .. })), "{taken:?}");
        server.sign_in(&attacker, &own.challenge_id, &own_code).await.expect("it is not void");
    }
}

#[tokio::test]
async fn a_recognized_device_is_exempt_from_the_limits_of_its_address() {
    for server in CodeServer::each(&LimitPolicy { ip_hourly: 1, ip_attempts: 2, ..limit_policy() }) {
        let mut owner = login(&phone(), HOME);
        let stranger = login(&phone(), HOME);
        let sent = server.request(stranger.clone()).await.expect("a code is sent");
        let guess = wrong(&server.sender.last_code());
        for _ in 0..2 {
            server.sign_in(&stranger, &sent.challenge_id, &guess).await.expect_err("a wrong code");
        }
        let code = server.sender.last_code();
        let refused = server.sign_in(&stranger, &sent.challenge_id, &code).await;
        assert!(matches!(&refused, Err(AttemptError::Limited(limited)) if limited.limit == Limit::IpAttempts));
        limited_by(&server.request(owner.clone()).await, Limit::IpHourly);

        owner.device = Some(server.device());
        let sent = server.request(owner.clone()).await.expect("the device is recognized");
        let code = server.sender.last_code();
        let missed = server.sign_in(&owner, &sent.challenge_id, &wrong(&code)).await;
        assert!(matches!(missed, Err(AttemptError::Incorrect { .. })), "{missed:?}");
        server.sign_in(&owner, &sent.challenge_id, &code).await.expect("the code is right");

        server.checking.revoke_devices(&owner.phone, Duration::from_hours(180 * 24)).await;
        server.advance(Duration::from_mins(2));
        limited_by(&server.request(owner.clone()).await, Limit::IpHourly);
    }
}

/// What a recognized device sends and mistypes is not counted for its address.
#[tokio::test]
async fn a_recognized_device_uses_up_nothing_of_its_address() {
    for server in CodeServer::each(&LimitPolicy { ip_hourly: 1, ip_attempts: 1, ..limit_policy() }) {
        let mut owner = login(&phone(), HOME);
        owner.device = Some(server.device());
        let sent = server.request(owner.clone()).await.expect("a code is sent");
        let code = server.sender.last_code();
        for _ in 0..2 {
            server.sign_in(&owner, &sent.challenge_id, &wrong(&code)).await.expect_err("a wrong code");
        }

        let neighbour = login(&phone(), HOME);
        let sent = server.request(neighbour.clone()).await.expect("the address has its send");
        server.sign_in(&neighbour, &sent.challenge_id, &server.sender.last_code()).await.expect("and its attempt");
    }
}
