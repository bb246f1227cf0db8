//! The delivery of events as webhooks, to a receiver that verifies each signature independently.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sms_login::account_store::AccountStore;
use sms_login::clock::{Clock, ManualClock};
use sms_login::database::Database;
use sms_login::event_log::{EventWebhook, Outbox};
use sms_login::events::Actor;
use sms_login::outbound::WebhookUrl;
use sms_login::phone::PhoneNumber;
use sms_login::standard_webhooks::WebhookSecret;
use sms_login::users::NewUser;
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::app::{LOGIN, START, phone};
use crate::process::{self, Server, shared_env, stub};
use crate::processes::ask;
use crate::servers;
use crate::tencent_stub::TencentStub;
use crate::webhook::{SECRET, signature};

/// A running receiver. It answers 401 to requests that are not signed correctly.
struct Receiver {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The users whose events are refused.
    refused: Mutex<HashSet<String>>,
    /// Whether every event is refused.
    is_down: Mutex<bool>,
    events: Mutex<Vec<(String, Value)>>,
    /// The body of the answer that accepts an event.
    answer: Mutex<String>,
}

impl Receiver {
    async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let router = Router::new().route("/events", post(receive)).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/events", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    fn set_down(&self, is_down: bool) {
        *self.shared.is_down.lock().expect("the state") = is_down;
    }

    /// Returns the accepted events, oldest first: the id and the body.
    fn events(&self) -> Vec<(String, Value)> {
        self.shared.events.lock().expect("events").clone()
    }

    /// Returns the kinds of a user's accepted events, oldest first.
    fn kinds(&self, user: Uuid) -> Vec<String> {
        let user = user.to_string();
        let of_user = self.events().into_iter().filter(|(_, body)| body["data"]["userId"] == user);
        of_user.map(|(_, body)| body["type"].as_str().expect("a type").to_owned()).collect()
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let text = String::from_utf8(body.to_vec()).expect("UTF-8");
    let id = header("webhook-id");
    if header("webhook-signature") != signature(&id, &header("webhook-timestamp"), &text) {
        return (StatusCode::UNAUTHORIZED, String::new());
    }
    let event: Value = serde_json::from_str(&text).expect("JSON");
    let user = event["data"]["userId"].as_str().unwrap_or_default().to_owned();
    if *shared.is_down.lock().expect("the state") || shared.refused.lock().expect("users").contains(&user) {
        return (StatusCode::SERVICE_UNAVAILABLE, String::new());
    }
    shared.events.lock().expect("events").push((id, event));
    (StatusCode::OK, shared.answer.lock().expect("the answer").clone())
}

/// A store whose events are delivered, on one engine.
struct Setting {
    database: Database,
    store: Arc<AccountStore>,
    clock: Arc<ManualClock>,
    receiver: Receiver,
    _folder: TempDir,
}

impl Setting {
    async fn both() -> Vec<Self> {
        let mut settings = Vec::new();
        for is_mysql in [false, true] {
            let folder = TempDir::new().expect("a folder");
            let database = if is_mysql {
                Database::open(&servers::mariadb().create_database()).await
            } else {
                Database::open_file(&folder.path().join("test.db")).await
            };
            let database = database.expect("a database");
            database.migrate().await.expect("tables");
            let store = Arc::new(AccountStore::new(database.clone()).delivering_events());
            let clock = Arc::new(ManualClock::new(START.parse().expect("a time")));
            settings.push(Self { database, store, clock, receiver: Receiver::start().await, _folder: folder });
        }
        settings
    }

    fn outbox(&self) -> Outbox {
        let url = WebhookUrl::parse(&self.receiver.url).expect("a URL");
        let webhook = EventWebhook { url, secret: WebhookSecret::parse(SECRET).expect("a secret") };
        Outbox::new(webhook, Arc::clone(&self.store), Arc::clone(&self.clock) as Arc<dyn Clock>).expect("an outbox")
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(SignedDuration::try_from(by).expect("a duration"));
    }

    /// Adds a user, bans them and ends the ban: three events.
    async fn three_events(&self) -> Uuid {
        let (id, now) = (Uuid::new_v4(), self.clock.now());
        let phone = PhoneNumber::from_e164(phone()).expect("a phone");
        let user = NewUser { id, phone, name: String::new(), avatar: String::new(), created_at: now };
        let by = Actor::Operator("mia".to_owned());
        self.store.add_users(&[user], &by, now).await.expect("a user");
        self.store.ban_user(id, &by, now).await.expect("a ban");
        self.store.unban_user(id, &by, now).await.expect("the end of a ban");
        id
    }
}

/// Delivers until no event is due.
async fn drain(outbox: &Outbox) -> usize {
    let mut attempts = 0;
    loop {
        match outbox.deliver_batch().await.expect("a batch") {
            0 => return attempts,
            more => attempts += more,
        }
    }
}

const ALL: [&str; 3] = ["user.added", "user.banned", "user.unbanned"];

#[tokio::test]
async fn events_are_delivered_in_order_and_a_failing_user_holds_back_nobody_else() {
    for setting in Setting::both().await {
        let (stuck, fine) = (setting.three_events().await, setting.three_events().await);
        let outbox = setting.outbox();
        setting.receiver.shared.refused.lock().expect("users").insert(stuck.to_string());
        assert_eq!(drain(&outbox).await, 4, "three events of one user, and the first of the other");
        assert_eq!(
            (setting.receiver.kinds(fine), setting.receiver.kinds(stuck).len()),
            (ALL.map(Into::into).into(), 0)
        );

        setting.advance(Duration::from_secs(4));
        assert_eq!(drain(&outbox).await, 0, "the retry is not due");
        setting.advance(Duration::from_secs(1));
        assert_eq!(drain(&outbox).await, 1);
        setting.receiver.shared.refused.lock().expect("users").clear();
        setting.advance(Duration::from_secs(20));
        assert_eq!(drain(&outbox).await, 3);
        assert_eq!(setting.receiver.kinds(stuck), ALL);

        let (id, body) = setting.receiver.events()[0].clone();
        assert_eq!(body["timestamp"], START);
        assert_eq!(body["data"]["operator"], "mia");
        assert!(body["data"]["phone"].as_str().is_some_and(|phone| phone.contains("****")), "{body}");
        assert_eq!(Uuid::parse_str(&id).expect("an id").get_version_num(), 7);
    }
}

#[tokio::test]
async fn an_event_is_given_up_after_twelve_attempts_and_can_be_retried() {
    for setting in Setting::both().await {
        let user = setting.three_events().await;
        let outbox = setting.outbox();
        setting.receiver.shared.refused.lock().expect("users").insert(user.to_string());
        for _ in 0..11 {
            assert_eq!(drain(&outbox).await, 1);
            setting.advance(Duration::from_hours(6));
        }
        assert!(setting.store.list_dead_events().await.expect("events").is_empty());
        assert_eq!(drain(&outbox).await, 2, "the twelfth attempt, and the first of the next event");
        let dead = setting.store.list_dead_events().await.expect("events");
        assert_eq!((dead.len(), dead[0].failure.as_deref()), (1, Some("HTTP 503")));

        setting.receiver.shared.refused.lock().expect("users").clear();
        assert!(setting.store.retry_event(dead[0].id).await.expect("an answer"));
        setting.advance(Duration::from_hours(6));
        assert_eq!(drain(&outbox).await, 3);
        assert_eq!(setting.receiver.kinds(user), ALL);
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_given_up_at_once_and_holds_back_nobody() {
    const CUT: &str = "UPDATE events SET facts = '{\"oper' WHERE kind = 'user.banned'";
    for setting in Setting::both().await {
        let users = [setting.three_events().await, setting.three_events().await];
        match &setting.database {
            Database::MySql(pool) => sqlx::query(CUT).execute(pool).await.map(drop),
            Database::Sqlite(pool) => sqlx::query(CUT).execute(pool).await.map(drop),
        }
        .expect("the statement runs");

        assert_eq!(drain(&setting.outbox()).await, 6);
        for user in users {
            assert_eq!(setting.receiver.kinds(user), ["user.added", "user.unbanned"]);
        }
        let dead = setting.store.list_dead_events().await.expect("events");
        assert_eq!(dead.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["user.banned"; 2]);
        assert!(dead[0].failure.as_ref().is_some_and(|failure| failure.contains("facts")));
    }
}

/// A receiver may answer with a page: only its status counts.
#[tokio::test]
async fn a_long_answer_of_the_receiver_accepts_an_event_too() {
    for setting in Setting::both().await {
        *setting.receiver.shared.answer.lock().expect("the answer") = "a".repeat(100_000);
        let user = setting.three_events().await;
        assert_eq!(drain(&setting.outbox()).await, 3);
        assert_eq!(setting.receiver.kinds(user), ALL);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_servers_one_delivers() {
    for setting in Setting::both().await {
        for _ in 0..10 {
            setting.three_events().await;
        }
        let (one, two) = (setting.outbox(), setting.outbox());
        let (of_one, of_two) = tokio::join!(drain(&one), drain(&two));
        assert_eq!((of_one.min(of_two), of_one.max(of_two)), (0, 30));
        let ids: HashSet<String> = setting.receiver.events().into_iter().map(|(id, _)| id).collect();
        assert_eq!((ids.len(), setting.receiver.events().len()), (30, 30), "each event once");

        setting.three_events().await;
        let (holder, other) = if of_one > 0 { (one, two) } else { (two, one) };
        assert_eq!(drain(&other).await, 0);
        holder.release().await.expect("a release");
        assert_eq!(drain(&other).await, 3, "at once");
    }
}

/// The receiver is down when the server is killed right after it answered. Another server delivers the event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_no_event() {
    let (sms, receiver) = (stub().await, Receiver::start().await);
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("EVENTS_WEBHOOK_URL".to_owned(), receiver.url.clone());
    env.insert("EVENTS_WEBHOOK_SECRET".to_owned(), SECRET.to_owned());
    assert!(process::run(&["migrate"], &env).status.success());

    receiver.set_down(true);
    let server = Server::start(&env);
    let phone = phone();
    let challenge_id = ask(&server, &phone).await;
    let code = sms.last_code_for(&phone).expect("a code");
    let input = json!({ "phone": phone, "code": code, "challengeId": challenge_id });
    let answer = server.run(None, LOGIN, json!({ "input": input })).await;
    // Dropping a server sends SIGKILL.
    drop(server);
    let user: Uuid = answer["data"]["login"]["user"]["id"].as_str().expect("an id").parse().expect("a UUID");
    assert!(receiver.events().is_empty());

    receiver.set_down(false);
    env.insert("METRICS_ADDR".to_owned(), "127.0.0.1:0".to_owned());
    let other = Server::start(&env);
    for _ in 0..300 {
        if !receiver.events().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(receiver.kinds(user), ["user.signed_up"]);
    assert!(other.metrics().await.contains("\nsms_login_events_oldest_pending_seconds "));
}

fn delivering(receiver: &Receiver, sms: &TencentStub) -> BTreeMap<String, String> {
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    env.insert("EVENTS_WEBHOOK_URL".to_owned(), receiver.url.clone());
    env.insert("EVENTS_WEBHOOK_SECRET".to_owned(), SECRET.to_owned());
    env
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_connects_to_the_webhook_and_sends_no_event() {
    let (sms, receiver) = (stub().await, Receiver::start().await);
    let mut env = delivering(&receiver, &sms);
    let good = process::run(&["check"], &env);
    let expected = "ok      events: kept for 90 d, and the webhook can be reached; only an event tests its secret";
    assert!(good.status.success() && good.out.contains(expected), "{}", good.out);
    assert!(receiver.events().is_empty());

    env.insert("EVENTS_WEBHOOK_URL".to_owned(), "http://127.0.0.1:1/events".to_owned());
    let down = process::run(&["check"], &env);
    assert_eq!(down.status.code(), Some(1), "{}", down.out);
    let failed = down.out.lines().find(|line| line.starts_with("failed  events: the webhook cannot be reached: "));
    assert!(failed.is_some_and(|line| line.contains("refused")), "{}", down.out);
}

/// Every attempt is counted, but an outage with many events is one line in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_deliveries_are_counted_and_logged_once() {
    let (sms, receiver) = (stub().await, Receiver::start().await);
    let mut env = delivering(&receiver, &sms);
    env.insert("METRICS_ADDR".to_owned(), "127.0.0.1:0".to_owned());
    receiver.set_down(true);
    let server = Server::start(&env);
    let attempts = |page: &str, outcome: &str| {
        let series = format!("sms_login_event_deliveries_total{{outcome=\"{outcome}\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("{series} is not in\n{page}")).parse::<u32>().expect("a number")
    };
    let page = server.metrics().await;
    assert_eq!(["delivered", "failed", "dead"].map(|outcome| attempts(&page, outcome)), [0; 3]);

    for _ in 0..2 {
        let phone = phone();
        let challenge_id = ask(&server, &phone).await;
        let input = json!({ "phone": phone, "code": sms.last_code_for(&phone), "challengeId": challenge_id });
        server.run(None, LOGIN, json!({ "input": input })).await;
    }
    let mut page = server.metrics().await;
    for _ in 0..100 {
        if attempts(&page, "failed") >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        page = server.metrics().await;
    }
    assert!(attempts(&page, "failed") >= 2, "{page}");
    let line = server.printed_line("an event could not be delivered").await;
    assert!(line.contains("WARN") && line.contains("HTTP 503") && line.contains("user.signed_up"), "{line}");
    assert_eq!(server.printed().matches("an event could not be delivered").count(), 1, "{}", server.printed());

    receiver.set_down(false);
    for _ in 0..200 {
        if attempts(&page, "delivered") == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        page = server.metrics().await;
    }
    assert_eq!((attempts(&page, "delivered"), attempts(&page, "dead")), (2, 0), "{page}");
}
