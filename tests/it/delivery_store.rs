//! The contract of delivery stores, on every store; and one random life of messages, whose result must not depend on the order.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sms_login::deliveries::store::{
    ChallengeTag, DeliveryStore, Event, MemoryDeliveryStore, MessageTag, Parcel, Receipt, RedisDeliveryStore,
    SentMessage, State,
};
use sms_login::deliveries::{FailureReason, Waiter};
use sms_login::price::Price;
use sms_login::purpose::Purpose;
use sms_login::redis::KeyPrefix;
use sms_login::sms::routes::RouteMinute;
use sms_login::spend::{Count, SpendCounts};
use tokio::time::timeout;

use crate::app::START;
use crate::servers;
use crate::servers::own::OwnRedis;
use crate::servers::redis_groups::OwnRedisCluster;

const DAY: i64 = 20_513;
const UNREACHABLE: State = State::Failed(FailureReason::Unreachable);
const BLOCKED: State = State::Failed(FailureReason::Blocked);

fn stores() -> [Arc<dyn DeliveryStore>; 2] {
    let redis = servers::redis_pool(&[servers::redis().fresh_url()]);
    [Arc::new(MemoryDeliveryStore::default()), Arc::new(RedisDeliveryStore::new(redis))]
}

fn at(seconds: u64) -> Timestamp {
    START.parse::<Timestamp>().expect("a time") + Duration::from_secs(seconds)
}

fn challenge(name: &str) -> ChallengeTag {
    ChallengeTag::new(name.to_owned())
}

fn parcel() -> Parcel {
    Parcel { route: "main".to_owned(), region: "CN".to_owned(), purpose: Purpose::Login, day: DAY }
}

/// A message of the challenge `name`, accepted at the start.
fn message(name: &str) -> SentMessage {
    SentMessage {
        challenge: challenge(name),
        message: Some(MessageTag::new(format!("message of {name}"))),
        serial: Some(format!("serial of {name}")),
        parcel: parcel(),
        cost: Price::from_millionths(45_000),
        state: State::Accepted,
        at: at(0),
        expires_at: at(300),
        is_private: false,
        follows_conversion: false,
    }
}

fn sent(name: &str) -> Event {
    Event::Sent(message(name))
}

fn used(name: &str, seconds: u64) -> Event {
    Event::Used { challenge: challenge(name), at: at(seconds) }
}

fn receipt(name: &str, state: State, seconds: u64) -> Receipt {
    Receipt { message: MessageTag::new(format!("message of {name}")), state, at: at(seconds) }
}

async fn record(store: &dyn DeliveryStore, event: Event) {
    store.record(&[event]).await.expect("recorded");
}

async fn receive(store: &dyn DeliveryStore, name: &str, state: State, seconds: u64) {
    store.receive(&[receipt(name, state, seconds)]).await.expect("recorded");
}

async fn state(store: &dyn DeliveryStore, name: &str) -> Option<(State, Timestamp)> {
    let found = store.find(&challenge(name)).await.expect("an answer");
    found.map(|delivery| (delivery.state, delivery.updated_at))
}

/// Returns the counts of the test's parcel.
async fn counts(store: &dyn DeliveryStore) -> SpendCounts {
    let rows = store.spend(DAY, DAY).await.expect("counts");
    assert!(rows.iter().all(|row| row.parcel == parcel()), "{rows:?}");
    rows.first().map(|row| row.counts).unwrap_or_default()
}

fn counted(numbers: &[(Count, i64)]) -> SpendCounts {
    let mut counts = SpendCounts::default();
    for (count, number) in numbers {
        counts.add(*count, *number);
    }
    counts
}

#[tokio::test]
async fn conversion_counts_used_codes_by_the_minute_of_their_message() {
    let followed = |name: &str, route: &str, seconds| {
        let parcel = Parcel { route: route.to_owned(), ..parcel() };
        Event::Sent(SentMessage { parcel, at: at(seconds), follows_conversion: true, ..message(name) })
    };
    for store in stores() {
        let events = [followed("a", "one", 0), followed("b", "one", 59), followed("c", "two", 60), sent("d")];
        store.record(&events).await.expect("recorded");
        let uses = [used("b", 90), used("b", 95), used("c", 200), used("d", 200), used("unknown", 200)];
        store.record(&uses).await.expect("recorded");

        let first = at(0).as_second() / 60;
        let minute = |minute, route: &str, sent, used| RouteMinute {
            route: route.to_owned(),
            minute: first + minute,
            sent,
            used,
        };
        let mut minutes = store.conversions(at(300)).await.expect("counts");
        minutes.sort_by_key(|of| (of.minute, of.route.clone()));
        assert_eq!(minutes, [minute(0, "one", 2, 1), minute(1, "two", 1, 1)]);
        let later = store.conversions(at(2 * 60 * 60 + 60)).await.expect("counts");
        assert_eq!(later, [minute(1, "two", 1, 1)], "old minutes are forgotten");
    }
}

#[tokio::test]
async fn a_message_is_followed_to_its_delivery_and_counted_once() {
    for store in stores() {
        let store = &*store;
        assert_eq!(state(store, "a").await, None);
        record(store, sent("a")).await;
        record(store, sent("a")).await;
        assert_eq!(state(store, "a").await, Some((State::Accepted, at(0))));
        assert_eq!(store.find(&challenge("a")).await.expect("an answer").expect("a delivery").expires_at, at(300));

        for _ in 0..2 {
            receive(store, "a", State::Delivered, 5).await;
            receive(store, "a", UNREACHABLE, 6).await;
            record(store, used("a", 9)).await;
        }
        assert_eq!(state(store, "a").await, Some((State::Delivered, at(5))));
        let expected = [(Count::Accepted, 1), (Count::Delivered, 1), (Count::Used, 1), (Count::Price, 45_000)];
        assert_eq!(counts(store).await, counted(&expected));
    }
}

#[tokio::test]
async fn a_delivery_after_a_failure_corrects_it() {
    for store in stores() {
        let store = &*store;
        record(store, sent("a")).await;
        receive(store, "a", UNREACHABLE, 5).await;
        receive(store, "a", BLOCKED, 6).await;
        assert_eq!(state(store, "a").await, Some((UNREACHABLE, at(5))), "the first reason stays");
        let failed = [(Count::Accepted, 1), (Count::Failed, 1), (Count::Price, 45_000)];
        assert_eq!(counts(store).await, counted(&failed));

        receive(store, "a", State::Delivered, 7).await;
        assert_eq!(state(store, "a").await, Some((State::Delivered, at(7))));
        let delivered = [(Count::Accepted, 1), (Count::Delivered, 1), (Count::Price, 45_000)];
        assert_eq!(counts(store).await, counted(&delivered));
    }
}

#[tokio::test]
async fn early_receipts_and_uses_wait_for_their_message() {
    for store in stores() {
        let store = &*store;
        receive(store, "a", State::Delivered, 1).await;
        record(store, used("a", 2)).await;
        assert_eq!(state(store, "a").await, None);
        assert_eq!(counts(store).await, SpendCounts::default());

        record(store, sent("a")).await;
        assert_eq!(state(store, "a").await, Some((State::Delivered, at(1))));
        let expected = [(Count::Accepted, 1), (Count::Delivered, 1), (Count::Used, 1), (Count::Price, 45_000)];
        assert_eq!(counts(store).await, counted(&expected));
    }
}

#[tokio::test]
async fn a_private_message_is_counted_but_stays_accepted() {
    for store in stores() {
        let store = &*store;
        record(store, Event::Sent(SentMessage { is_private: true, ..message("a") })).await;
        record(store, Event::Imitated { challenge: challenge("b"), at: at(0), expires_at: at(300) }).await;
        receive(store, "a", State::Delivered, 5).await;
        record(store, used("b", 9)).await;
        for name in ["a", "b"] {
            assert_eq!(state(store, name).await, Some((State::Accepted, at(0))));
        }
        let expected = [(Count::Accepted, 1), (Count::Delivered, 1), (Count::Price, 45_000)];
        assert_eq!(counts(store).await, counted(&expected), "an imitation is not counted");
    }
}

#[tokio::test]
async fn a_queued_message_becomes_accepted() {
    for store in stores() {
        let store = &*store;
        record(store, Event::Sent(SentMessage { state: State::Queued, ..message("a") })).await;
        assert_eq!(state(store, "a").await, Some((State::Queued, at(0))));
        receive(store, "a", State::Accepted, 3).await;
        assert_eq!(state(store, "a").await, Some((State::Accepted, at(3))));
    }
}

#[tokio::test]
async fn refused_and_unconfirmed_messages_are_counted() {
    for store in stores() {
        let store = &*store;
        let unconfirmed = Event::Unconfirmed { parcel: parcel(), cost: Price::from_millionths(7) };
        let other_day = Parcel { day: DAY - 1, ..parcel() };
        let events = [Event::Refunded(parcel()), unconfirmed, Event::Refunded(other_day)];
        store.record(&events).await.expect("recorded");
        let expected = [(Count::Refunded, 1), (Count::Unconfirmed, 1), (Count::Price, 7)];
        assert_eq!(counts(store).await, counted(&expected));
        let days: Vec<i64> =
            store.spend(DAY - 400, DAY).await.expect("counts").iter().map(|row| row.parcel.day).collect();
        assert_eq!(days, [DAY - 1, DAY]);
        assert!(store.spend(DAY + 1, DAY + 1).await.expect("counts").is_empty());
    }
}

#[tokio::test]
async fn a_store_returns_what_it_counts_and_whose_code_was_used() {
    for store in stores() {
        let all = store.record(&[sent("a"), used("a", 9), used("a", 10), used("unknown", 9)]).await.expect("recorded");
        let all: Vec<_> = all.into_iter().map(|one| (one.count, one.cost.millionths(), one.serial, one.at)).collect();
        let serial = Some("serial of a".to_owned());
        assert_eq!(all, [(Count::Accepted, 45_000, None, None), (Count::Used, 0, serial, Some(at(9)))]);

        let failed =
            store.receive(&[receipt("a", BLOCKED, 5), receipt("unknown", BLOCKED, 5)]).await.expect("recorded");
        assert_eq!(failed.iter().map(|one| one.count).collect::<Vec<_>>(), [Count::Failed]);
        assert_eq!(failed[0].parcel, parcel());
    }
}

/// What can happen to one of two messages. A private message is not among them: it has a separate test.
#[derive(Debug, Clone)]
enum Step {
    Record(Event),
    Receive(Receipt),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = prop_oneof![Just("a"), Just("b")];
    let states = prop_oneof![Just(State::Accepted), Just(State::Delivered), Just(UNREACHABLE), Just(BLOCKED)];
    let step = prop_oneof![
        (name.clone(), states, 0_u64..4).prop_map(|(name, state, at)| Step::Receive(receipt(name, state, at))),
        name.clone().prop_map(|name| Step::Record(used(name, 5))),
        name.prop_map(|name| Step::Record(sent(name))),
    ];
    prop::collection::vec(step, 1..12)
}

async fn result(store: &dyn DeliveryStore, steps: &[Step]) -> String {
    for step in steps {
        match step {
            Step::Record(event) => record(store, event.clone()).await,
            Step::Receive(receipt) => {
                store.receive(std::slice::from_ref(receipt)).await.expect("recorded");
            }
        }
    }
    format!("{:?}", (state(store, "a").await, state(store, "b").await, counts(store).await))
}

#[test]
fn the_result_does_not_depend_on_order_repetition_or_the_store() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = servers::redis().fresh_url();
    let redis = || RedisDeliveryStore::new(servers::redis_pool(std::slice::from_ref(&url)));
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let lives =
        steps().prop_flat_map(|steps| (Just(steps.clone()), Just(steps).prop_shuffle(), any::<prop::sample::Index>()));
    let checked = runner.run(&lives, |(steps, mut shuffled, again)| {
        let repeated = again.get(&steps).clone();
        shuffled.push(repeated);
        let results = runtime.block_on(async {
            [
                result(&MemoryDeliveryStore::default(), &steps).await,
                result(&MemoryDeliveryStore::default(), &shuffled).await,
                result(&redis(), &steps).await,
                result(&redis(), &shuffled).await,
            ]
        });
        for other in &results[1..] {
            prop_assert_eq!(&results[0], other);
        }
        Ok(())
    });
    checked.expect("the same result");
}

fn prefix() -> KeyPrefix {
    servers::fresh_key_prefix().parse().expect("a prefix")
}

async fn wakes(waiter: &Waiter, step: impl Future<Output = ()>) {
    let changed = waiter.changed();
    step.await;
    timeout(Duration::from_secs(30), changed).await.expect("the waiter is woken");
}

#[tokio::test]
async fn a_change_wakes_those_who_wait_in_memory() {
    let store = MemoryDeliveryStore::default();
    let waiter = store.changes().wait_for(&challenge("a"));
    wakes(&waiter, record(&store, sent("a"))).await;
    wakes(&waiter, receive(&store, "a", State::Delivered, 1)).await;
    let unchanged = waiter.changed();
    receive(&store, "a", State::Delivered, 2).await;
    assert!(timeout(Duration::from_millis(20), unchanged).await.is_err(), "nothing has changed");
}

/// Waits until the store listens: it wakes everybody when it has connected.
async fn listening(urls: &[String], prefix: &KeyPrefix) -> RedisDeliveryStore {
    let store = RedisDeliveryStore::new(servers::redis_pool_with(urls, prefix.clone()));
    let waiter = store.changes().wait_for(&challenge("x"));
    let connected = waiter.changed();
    let store = store.listening();
    timeout(Duration::from_secs(30), connected).await.expect("connected");
    store
}

#[tokio::test]
async fn a_change_through_one_server_wakes_those_who_wait_at_another() {
    let single = OwnRedis::start();
    let cluster = OwnRedisCluster::start();
    for urls in [vec![single.url()], cluster.urls()] {
        let prefix = prefix();
        let one = RedisDeliveryStore::new(servers::redis_pool_with(&urls, prefix.clone()));
        let other = listening(&urls, &prefix).await;
        let waiter = other.changes().wait_for(&challenge("a"));
        wakes(&waiter, record(&one, sent("a"))).await;
        wakes(&waiter, receive(&one, "a", State::Delivered, 1)).await;
        assert_eq!(state(&other, "a").await, Some((State::Delivered, at(1))));
    }
}

#[tokio::test]
async fn after_a_restart_of_redis_everybody_is_woken_and_changes_are_noticed_again() {
    let (redis, prefix) = (OwnRedis::start(), prefix());
    let store = listening(&[redis.url()], &prefix).await;
    let waiter = store.changes().wait_for(&challenge("a"));
    wakes(&waiter, async {
        redis.stop();
        redis.start_again();
    })
    .await;
    wakes(&waiter, record(&store, sent("a"))).await;
}
