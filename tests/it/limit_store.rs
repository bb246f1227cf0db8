//! The contract of limits over phones, on every store; and one life led on both at once, which must be the same.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sms_login::day::Day;
use sms_login::limits::{
    AttemptTicket, Counting, GuardMode, GuardPolicy, Limit, LimitPolicy, LimitStore, MemoryLimitStore, RedisLimitStore,
    SendRefund, SendTicket, SendVerdict, SprayPolicy, SubmittedCodes, Suspicion, TrafficLimits, UsedCode,
};
use sms_login::phone::Destination;
use sms_login::price::Price;
use sms_login::tags::{AddressTag, CaptchaTag, NetworkTags};
use tokio::runtime::Runtime;

use crate::app::START;
use crate::servers;
use crate::servers::redis_groups::OwnRedisCluster;

const TAKEN: SendVerdict = SendVerdict::Allowed { suspicion: None };

pub(crate) fn limit_policy() -> LimitPolicy {
    LimitPolicy {
        ip_hourly: 20,
        ip_daily: 100,
        ip_attempts: 60,
        total_daily: 0,
        spend_daily: Price::ZERO,
        guard: guard_policy(),
    }
}

pub(crate) fn guard_policy() -> GuardPolicy {
    GuardPolicy {
        mode: GuardMode::Record,
        daily_ratio: 0.3,
        hourly_ratio: 0.2,
        daily_floor: 20,
        hourly_floor: 5,
        regions_per_address: 3,
        spraying: SprayPolicy { min_attempts: 0, ratio: 1.0 },
    }
}

fn stores() -> [Arc<dyn LimitStore>; 2] {
    let redis = servers::redis_pool(&[servers::redis().fresh_url()]);
    [Arc::new(MemoryLimitStore::default()), Arc::new(RedisLimitStore::new(redis))]
}

fn start() -> Timestamp {
    START.parse().expect("a time")
}

fn unlimited() -> TrafficLimits<'static> {
    TrafficLimits {
        ip_hourly: 0,
        ip_daily: 0,
        total_daily: 0,
        spend_daily: Price::ZERO,
        guard: None,
        spraying: None,
        suspect_passes: false,
        captcha: None,
    }
}

fn ticket(id: u32, address: &str, at: Timestamp) -> SendTicket {
    SendTicket {
        id: format!("{address}-{id}"),
        captcha: None,
        price: Price::ZERO,
        networks: network(address),
        destination: destination("CN", "+86137"),
        at,
        day: Day::of(at, SignedDuration::ZERO),
    }
}

pub(crate) fn address_tag(address: &str) -> AddressTag {
    AddressTag::new(address.to_owned())
}

/// The networks of an IPv4 address.
pub(crate) fn network(address: &str) -> NetworkTags {
    NetworkTags::One(address_tag(address))
}

/// An attempt with the code of a send that no store knows.
fn attempt<'a>(id: &'a str, address: &'a AddressTag) -> AttemptTicket<'a> {
    AttemptTicket { id, address, send: "unknown" }
}

pub(crate) fn destination(region: &str, prefix: &str) -> Destination {
    Destination { region: region.to_owned(), prefix: prefix.to_owned() }
}

async fn take(store: &dyn LimitStore, ticket: &SendTicket, limits: &TrafficLimits<'_>) -> SendVerdict {
    store.count_send(ticket, limits, Counting::Everything).await.expect("an answer")
}

async fn take_some(
    store: &dyn LimitStore,
    ticket: &SendTicket,
    limits: &TrafficLimits<'_>,
    counting: Counting,
) -> SendVerdict {
    store.count_send(ticket, limits, counting).await.expect("an answer")
}

/// Counts an attempt, and returns until when its address has no attempt left.
async fn count(store: &dyn LimitStore, attempt: &AttemptTicket<'_>, limit: u32, at: Timestamp) -> Option<Timestamp> {
    store.count_attempt(attempt, limit, at).await.expect("an answer").full_until
}

async fn use_code(store: &dyn LimitStore, ticket: &SendTicket, at: Timestamp) {
    let SendTicket { id, destination, .. } = ticket;
    let used = UsedCode { send: id, destination, address: &address_tag("elsewhere"), attempt: "x", at };
    store.mark_verified(&used).await.expect("counted");
}

#[tokio::test]
async fn an_address_has_so_many_sends_in_a_sliding_hour() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 3, ..unlimited() };
        let at = |minutes: u64| start() + Duration::from_mins(minutes);
        for (id, minutes) in [(1, 0), (2, 10), (3, 20)] {
            assert_eq!(take(&*store, &ticket(id, "a", at(minutes)), &limits).await, TAKEN);
        }
        let full = take(&*store, &ticket(4, "a", at(30)), &limits).await;
        assert_eq!(full, SendVerdict::Limited { limit: Limit::IpHourly, until: at(60) });
        assert_eq!(take(&*store, &ticket(4, "b", at(30)), &limits).await, TAKEN, "another address");
        let last = ticket(4, "a", at(60) - Duration::from_millis(1));
        assert!(matches!(take(&*store, &last, &limits).await, SendVerdict::Limited { .. }));
        assert_eq!(take(&*store, &ticket(4, "a", at(60)), &limits).await, TAKEN);
        let again = take(&*store, &ticket(5, "a", at(61)), &limits).await;
        assert_eq!(again, SendVerdict::Limited { limit: Limit::IpHourly, until: at(70) });
    }
}

#[tokio::test]
async fn a_day_holds_beyond_the_hours() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 2, ip_daily: 4, ..unlimited() };
        let at = |hours: u64| start() + Duration::from_hours(hours);
        for id in 0..4 {
            assert_eq!(take(&*store, &ticket(id, "a", at(u64::from(id) * 2)), &limits).await, TAKEN);
        }
        let full = take(&*store, &ticket(9, "a", at(20)), &limits).await;
        assert_eq!(full, SendVerdict::Limited { limit: Limit::IpDaily, until: at(24) });
        assert_eq!(take(&*store, &ticket(9, "a", at(24)), &limits).await, TAKEN);
    }
}

#[tokio::test]
async fn a_used_code_gives_the_address_its_send_back() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 1, ..unlimited() };
        for id in 0..5 {
            let ticket = ticket(id, "a", start());
            assert_eq!(take(&*store, &ticket, &limits).await, TAKEN);
            for _ in 0..2 {
                use_code(&*store, &ticket, start()).await;
            }
        }
        assert_eq!(take(&*store, &ticket(9, "a", start()), &limits).await, TAKEN);
        assert!(matches!(take(&*store, &ticket(10, "a", start()), &limits).await, SendVerdict::Limited { .. }));
    }
}

/// The sends of one customer's networks, the narrowest first: a /64, its /56 and its /48.
fn nested(id: u32, tags: [&str; 3]) -> SendTicket {
    SendTicket { networks: NetworkTags::Three(tags.map(address_tag)), ..ticket(id, tags[0], start()) }
}

#[tokio::test]
async fn wider_networks_share_a_multiple_of_the_limit() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 1, ..unlimited() };
        let hour = start() + Duration::from_hours(1);
        let full = SendVerdict::Limited { limit: Limit::IpHourly, until: hour };
        let names: Vec<String> = (0..20).map(|n| format!("sixty-four-{n}")).collect();
        for name in &names[..4] {
            assert_eq!(take(&*store, &nested(0, [name, "one-56", "a-48"]), &limits).await, TAKEN);
        }
        assert_eq!(take(&*store, &nested(0, [&names[4], "one-56", "a-48"]), &limits).await, full, "four to the /56");

        for name in &names[5..9] {
            assert_eq!(take(&*store, &nested(0, [name, "other-56", "a-48"]), &limits).await, TAKEN);
        }
        let last = nested(0, [&names[9], "third-56", "a-48"]);
        assert_eq!(take(&*store, &last, &limits).await, full, "eight to the /48");
        assert_eq!(take(&*store, &nested(0, [&names[12], "a-56", "other-48"]), &limits).await, TAKEN);

        let (refunded, used) = (nested(0, [&names[0], "one-56", "a-48"]), nested(0, [&names[1], "one-56", "a-48"]));
        store.refund_send(&refunded, SendRefund::Everything).await.expect("refunded");
        use_code(&*store, &used, start()).await;
        for name in &names[10..12] {
            let sent = take(&*store, &nested(0, [name, "one-56", "a-48"]), &limits).await;
            assert_eq!(sent, TAKEN, "all three networks have a place again");
        }
        assert_eq!(take(&*store, &last, &limits).await, full);
    }
}

#[tokio::test]
async fn past_the_limit_an_address_has_an_attempt_with_each_code_that_it_requested() {
    for store in stores() {
        let (a, b) = (address_tag("a"), address_tag("b"));
        let own = ticket(1, "a", start());
        take(&*store, &own, &unlimited()).await;
        let tried = async |id: &str, address: &AddressTag| {
            let attempt = AttemptTicket { id, address, send: &own.id };
            count(&*store, &attempt, 1, start()).await.is_none()
        };
        for address in [&a, &b] {
            assert!(count(&*store, &attempt("0", address), 1, start()).await.is_none());
        }

        assert!(!tried("1", &b).await, "the send of another address");
        assert!(tried("2", &a).await);
        assert!(!tried("3", &a).await, "the first attempt was made");
        for _ in 0..2 {
            store.refund_attempt(&AttemptTicket { id: "2", address: &a, send: &own.id }).await.expect("refunded");
        }
        assert!(tried("4", &a).await, "the first attempt was no wrong code");
        assert!(!tried("5", &a).await);

        let early = ticket(2, "c", start());
        take(&*store, &early, &unlimited()).await;
        let c = address_tag("c");
        for (id, limit, is_counted) in [("6", 5, true), ("7", 1, false)] {
            let attempt = AttemptTicket { id, address: &c, send: &early.id };
            let full = count(&*store, &attempt, limit, start()).await;
            assert_eq!(full.is_none(), is_counted, "an attempt below the limit is the first one, too");
        }
    }
}

#[tokio::test]
async fn the_total_is_the_days_ceiling() {
    for store in stores() {
        let limits = TrafficLimits { total_daily: 2, ..unlimited() };
        let (one, two) = (ticket(1, "a", start()), ticket(2, "b", start()));
        assert_eq!(take(&*store, &one, &limits).await, TAKEN);
        assert_eq!(take(&*store, &two, &limits).await, TAKEN);
        use_code(&*store, &one, start()).await;
        let full = take(&*store, &ticket(3, "c", start()), &limits).await;
        assert_eq!(
            full,
            SendVerdict::Limited { limit: Limit::TotalDaily, until: one.day.end },
            "a used code was paid for"
        );
        for _ in 0..2 {
            store.refund_send(&two, SendRefund::AllButAddress).await.expect("given back");
        }
        assert_eq!(take(&*store, &ticket(4, "d", start()), &limits).await, TAKEN);
        assert!(matches!(take(&*store, &ticket(5, "e", start()), &limits).await, SendVerdict::Limited { .. }));
        assert_eq!(take(&*store, &ticket(6, "f", one.day.end), &limits).await, TAKEN, "a new day");
    }
}

fn priced(id: u32, millionths: u64, at: Timestamp) -> SendTicket {
    SendTicket { price: Price::from_millionths(millionths), ..ticket(id, &format!("s{id}"), at) }
}

#[tokio::test]
async fn the_spend_of_a_day_has_a_ceiling() {
    for store in stores() {
        let limits = TrafficLimits { spend_daily: Price::from_millionths(100), ..unlimited() };
        let day_end = ticket(1, "a", start()).day.end;
        let full = SendVerdict::Limited { limit: Limit::SpendDaily, until: day_end };
        assert_eq!(take(&*store, &priced(1, 60, start()), &limits).await, TAKEN);
        assert_eq!(take(&*store, &priced(2, 41, start()), &limits).await, full, "a rejected send is not counted");
        assert_eq!(take(&*store, &priced(3, 40, start()), &limits).await, TAKEN, "exactly the ceiling");
        use_code(&*store, &priced(3, 40, start()), start()).await;
        assert_eq!(take(&*store, &priced(4, 1, start()), &limits).await, full, "a used code was paid for");
        assert_eq!(take(&*store, &priced(5, 0, start()), &limits).await, TAKEN, "a message without a price");

        for refund in [SendRefund::AllButAddress, SendRefund::Everything] {
            store.refund_send(&priced(1, 60, start()), refund).await.expect("refunded");
        }
        assert_eq!(take(&*store, &priced(6, 61, start()), &limits).await, full, "a send is refunded once");
        assert_eq!(take(&*store, &priced(7, 60, start()), &limits).await, TAKEN);
        assert_eq!(take(&*store, &priced(8, 100, day_end), &limits).await, TAKEN, "a new day");
        store.refund_send(&priced(7, 60, start()), SendRefund::Everything).await.expect("refunded");
        let full = take(&*store, &priced(9, 1, day_end), &limits).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::SpendDaily, .. }), "a refund of an earlier day");
    }
}

#[tokio::test]
async fn the_actual_price_replaces_the_reserved_one() {
    for store in stores() {
        let limits = TrafficLimits { spend_daily: Price::from_millionths(100), ..unlimited() };
        let one = priced(1, 60, start());
        assert_eq!(take(&*store, &one, &limits).await, TAKEN);
        for _ in 0..2 {
            store.settle_send(&one, Price::from_millionths(10)).await.expect("settled");
        }
        let is_full = async |id, price| take(&*store, &priced(id, price, start()), &limits).await != TAKEN;
        assert!(is_full(2, 91).await && !is_full(3, 90).await);

        store.settle_send(&one, Price::from_millionths(30)).await.expect("settled");
        assert!(is_full(4, 1).await, "the message had three units");
        store.refund_send(&one, SendRefund::Everything).await.expect("refunded");
        store.settle_send(&one, Price::from_millionths(30)).await.expect("nothing");
        assert!(is_full(5, 11).await && !is_full(6, 10).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_sends_never_exceed_the_ceiling() {
    for store in stores() {
        let tasks = (0..50).map(|id| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let limits = TrafficLimits { spend_daily: Price::from_millionths(100), ..unlimited() };
                take(&*store, &priced(id, 9, start()), &limits).await == TAKEN
            })
        });
        let mut sent = 0;
        for task in tasks.collect::<Vec<_>>() {
            sent += u32::from(task.await.expect("an answer"));
        }
        assert_eq!(sent, 11);
    }
}

#[tokio::test]
async fn what_refuses_counts_nothing() {
    for store in stores() {
        let total = TrafficLimits { ip_hourly: 1, total_daily: 1, ..unlimited() };
        assert_eq!(take(&*store, &ticket(1, "a", start()), &total).await, TAKEN);
        for id in 2..5 {
            let full = take(&*store, &ticket(id, "b", start()), &total).await;
            assert!(matches!(full, SendVerdict::Limited { limit: Limit::TotalDaily, .. }));
        }
        let open = TrafficLimits { ip_hourly: 1, ..unlimited() };
        assert_eq!(take(&*store, &ticket(9, "b", start()), &open).await, TAKEN, "b has had none");
    }
}

#[tokio::test]
async fn a_send_is_given_back_whole_or_without_its_address() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 1, ..unlimited() };
        let whole = ticket(1, "a", start());
        take(&*store, &whole, &limits).await;
        store.refund_send(&whole, SendRefund::Everything).await.expect("given back");
        let refused = ticket(2, "a", start());
        assert_eq!(take(&*store, &refused, &limits).await, TAKEN);
        store.refund_send(&refused, SendRefund::AllButAddress).await.expect("given back");
        assert!(matches!(take(&*store, &ticket(3, "a", start()), &limits).await, SendVerdict::Limited { .. }));
    }
}

#[tokio::test]
async fn a_look_takes_nothing() {
    for store in stores() {
        let guard = GuardPolicy { hourly_floor: 1, regions_per_address: 1, ..guard_policy() };
        let limits = TrafficLimits {
            ip_hourly: 1,
            ip_daily: 1,
            total_daily: 1,
            spend_daily: Price::ZERO,
            guard: Some(&guard),
            spraying: None,
            suspect_passes: false,
            captcha: None,
        };
        for id in 0..3 {
            assert_eq!(take_some(&*store, &ticket(id, "a", start()), &limits, Counting::Nothing).await, TAKEN);
        }
        let one = ticket(4, "a", start());
        assert_eq!(take(&*store, &one, &limits).await, TAKEN);
        let no_total = TrafficLimits { total_daily: 0, ..limits };
        let full = take_some(&*store, &ticket(5, "a", start()), &no_total, Counting::Nothing).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::IpDaily, .. }), "{full:?}");
        let full = take_some(&*store, &ticket(5, "a", start()), &limits, Counting::Nothing).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::TotalDaily, .. }), "no captcha helps: {full:?}");
        let full = take_some(&*store, &ticket(5, "b", start()), &limits, Counting::Nothing).await;
        assert_eq!(full, SendVerdict::Limited { limit: Limit::TotalDaily, until: one.day.end });
        let open = TrafficLimits { total_daily: 0, ..limits };
        let suspect = take_some(&*store, &ticket(5, "b", start()), &open, Counting::Nothing).await;
        assert_eq!(suspect, SendVerdict::Suspect(Suspicion::Region));
    }
}

#[tokio::test]
async fn a_place_is_the_sends_own_and_is_taken_once() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 2, total_daily: 1, ..unlimited() };
        let (one, two) = (ticket(1, "a", start()), ticket(2, "a", start()));
        for ticket in [&one, &two] {
            assert_eq!(
                take_some(&*store, ticket, &limits, Counting::AddressOnly).await,
                TAKEN,
                "no place in the total"
            );
        }
        let full = take_some(&*store, &ticket(3, "a", start()), &limits, Counting::AddressOnly).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::IpHourly, .. }), "{full:?}");
        let later = SendTicket { at: start() + Duration::from_secs(3), ..one.clone() };
        assert_eq!(take(&*store, &later, &limits).await, TAKEN, "its own place is not held against it");
        let full = take(&*store, &two, &limits).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::TotalDaily, .. }), "{full:?}");
        store.refund_send(&two, SendRefund::Everything).await.expect("given back");
        let open = TrafficLimits { total_daily: 0, ..limits };
        assert_eq!(take(&*store, &ticket(3, "a", start()), &open).await, TAKEN, "the place of the second");
        use_code(&*store, &later, start()).await;
        assert_eq!(take(&*store, &ticket(4, "a", start()), &open).await, TAKEN, "the one place of the first");
        let full = take(&*store, &ticket(5, "a", start()), &open).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::IpHourly, .. }), "{full:?}");
    }
}

#[tokio::test]
async fn a_captcha_admits_one_send() {
    for store in stores() {
        let (captcha, other) = (CaptchaTag::new("c".to_owned()), CaptchaTag::new("d".to_owned()));
        let limits = TrafficLimits { captcha: Some(&captcha), ..unlimited() };
        let one = ticket(1, "a", start());
        for counting in [Counting::Nothing, Counting::AddressOnly, Counting::Everything] {
            assert_eq!(take_some(&*store, &one, &limits, counting).await, TAKEN, "used when everything is counted");
        }
        store.refund_send(&one, SendRefund::Everything).await.expect("refunded");

        let two = ticket(2, "b", start());
        for counting in [Counting::Nothing, Counting::AddressOnly, Counting::Everything] {
            assert_eq!(take_some(&*store, &two, &limits, counting).await, SendVerdict::CaptchaUsed);
        }
        assert_eq!(take(&*store, &two, &TrafficLimits { captcha: Some(&other), ..limits }).await, TAKEN);
        let forgotten = ticket(3, "b", start() + Duration::from_mins(10));
        assert_eq!(take(&*store, &forgotten, &limits).await, TAKEN, "the captcha itself has expired");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_simultaneous_sends_with_one_captcha_one_passes() {
    for store in stores() {
        let tasks = (0..20).map(|id| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let captcha = CaptchaTag::new("c".to_owned());
                let limits = TrafficLimits { captcha: Some(&captcha), ..unlimited() };
                take(&*store, &ticket(id, "a", start()), &limits).await == TAKEN
            })
        });
        let mut passed = 0;
        for task in tasks.collect::<Vec<_>>() {
            passed += usize::from(task.await.expect("an answer"));
        }
        assert_eq!(passed, 1);
    }
}

#[tokio::test]
async fn what_was_not_counted_is_not_taken_out_again() {
    for store in stores() {
        let guard = GuardPolicy { hourly_floor: 3, ..guard_policy() };
        let counted = TrafficLimits { total_daily: 3, guard: Some(&guard), ..unlimited() };
        for id in 0..3 {
            assert_eq!(take(&*store, &ticket(id, "a", start()), &counted).await, TAKEN);
        }
        for id in 10..15 {
            let uncounted = ticket(id, "a", start());
            assert_eq!(take(&*store, &uncounted, &unlimited()).await, TAKEN, "as for a test number");
            if id % 2 == 0 {
                use_code(&*store, &uncounted, start()).await;
            } else {
                store.refund_send(&uncounted, SendRefund::Everything).await.expect("given back");
            }
        }
        let full = take(&*store, &ticket(20, "a", start()), &counted).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::TotalDaily, .. }), "{full:?}");
        let suspect = take(&*store, &ticket(20, "a", start()), &TrafficLimits { total_daily: 0, ..counted }).await;
        assert_eq!(suspect, SendVerdict::Suspect(Suspicion::Region));
    }
}

/// Servers whose days begin at different times give out one day's sends together.
#[tokio::test]
async fn the_totals_day_never_goes_back() {
    for store in stores() {
        let limits = TrafficLimits { total_daily: 4, ..unlimited() };
        let on = |id: u32, later: i64| {
            let ticket = ticket(id, "a", start());
            let day = Day { number: ticket.day.number + later, ..ticket.day };
            SendTicket { day, ..ticket }
        };
        for (id, later) in [(1, 1), (2, 0), (3, 1)] {
            assert_eq!(take(&*store, &on(id, later), &limits).await, TAKEN);
        }
        let last = on(4, 0);
        for _ in 0..3 {
            assert_eq!(take(&*store, &last, &limits).await, TAKEN);
            for later in [0, 1] {
                let full = take(&*store, &on(5, later), &limits).await;
                assert!(matches!(full, SendVerdict::Limited { limit: Limit::TotalDaily, .. }), "{full:?}");
            }
            store.refund_send(&last, SendRefund::Everything).await.expect("given back");
        }
        assert_eq!(take(&*store, &on(6, 2), &limits).await, TAKEN);
    }
}

#[tokio::test]
async fn an_address_has_so_many_wrong_codes_in_a_sliding_hour() {
    for store in stores() {
        let tried = async |id: &str, minutes: u64| {
            let (a, at) = (address_tag("a"), start() + Duration::from_mins(minutes));
            count(&*store, &attempt(id, &a), 2, at).await
        };
        assert_eq!(tried("1", 0).await, None);
        assert_eq!(tried("2", 30).await, None);
        assert_eq!(tried("3", 59).await, Some(start() + Duration::from_hours(1)));
        store.refund_attempt(&attempt("2", &address_tag("a"))).await.expect("refunded");
        store.refund_attempt(&attempt("1", &address_tag("b"))).await.expect("nothing");
        assert_eq!(tried("3", 59).await, None);
        let (destination, address) = (destination("CN", "+86137"), address_tag("a"));
        let used = UsedCode { send: "x", destination: &destination, address: &address, attempt: "3", at: start() };
        store.mark_verified(&used).await.expect("given back");
        assert_eq!(tried("3", 59).await, None, "a right code is no wrong one");
        assert_eq!(tried("4", 60).await, None, "the first is an hour old");
        assert_eq!(tried("5", 60).await, Some(start() + Duration::from_mins(119)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_simultaneous_sends_and_attempts_no_more_pass_than_may() {
    for store in stores() {
        let tasks = (0..50).map(|id| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let limits = TrafficLimits { ip_hourly: 20, ..unlimited() };
                let sent = take(&*store, &ticket(id, "a", start()), &limits).await == TAKEN;
                let (id, address) = (id.to_string(), address_tag("a"));
                let tried = count(&*store, &attempt(&id, &address), 10, start()).await.is_none();
                (sent, tried)
            })
        });
        let (mut sent, mut tried) = (0, 0);
        for task in tasks.collect::<Vec<_>>() {
            let (was_sent, was_tried) = task.await.expect("an answer");
            sent += usize::from(was_sent);
            tried += usize::from(was_tried);
        }
        assert_eq!((sent, tried), (20, 10));
    }
}

#[tokio::test]
async fn the_guard_holds_unverified_sends_against_verified_ones() {
    for store in stores() {
        let guard = GuardPolicy { hourly_floor: 5, daily_floor: 8, ..guard_policy() };
        let limits = TrafficLimits { guard: Some(&guard), ..unlimited() };
        let at = |minutes: u64| start() + Duration::from_mins(minutes);
        for id in 0..5 {
            assert_eq!(take(&*store, &ticket(id, "a", at(0)), &limits).await, TAKEN);
        }
        let held = SendVerdict::Suspect(Suspicion::Region);
        assert_eq!(take(&*store, &ticket(5, "a", at(1)), &limits).await, held, "the hour's floor");
        let recorded = TrafficLimits { suspect_passes: true, ..limits };
        let passed = take(&*store, &ticket(6, "a", at(2)), &recorded).await;
        assert_eq!(passed, SendVerdict::Allowed { suspicion: Some(Suspicion::Region) });
        for id in 0..6 {
            use_code(&*store, &ticket(id, "a", at(0)), at(3)).await;
        }
        assert_eq!(take(&*store, &ticket(7, "a", at(4)), &limits).await, TAKEN, "one unverified is left");
        let elsewhere = SendTicket { destination: destination("HK", "+852512"), ..ticket(8, "a", at(4)) };
        assert_eq!(take(&*store, &elsewhere, &limits).await, TAKEN);
        for id in 9..15 {
            take(&*store, &ticket(id, "a", at(90)), &recorded).await;
        }
        assert_eq!(take(&*store, &ticket(20, "a", at(170)), &limits).await, held, "the day's floor");
        assert_eq!(take(&*store, &ticket(20, "a", at(90 + 25 * 60)), &limits).await, TAKEN, "a day on");
    }
}

#[tokio::test]
async fn the_guard_knows_prefixes_and_addresses_of_many_regions() {
    for store in stores() {
        let guard = GuardPolicy { hourly_floor: 3, regions_per_address: 2, ..guard_policy() };
        let limits = TrafficLimits { guard: Some(&guard), ..unlimited() };
        let to = |id: u32, region: &str, prefix: &str, address: &str| SendTicket {
            destination: destination(region, prefix),
            ..ticket(id, address, start())
        };
        assert_eq!(take(&*store, &to(1, "US", "+1213", "a"), &limits).await, TAKEN);
        assert_eq!(take(&*store, &to(2, "HK", "+852512", "a"), &limits).await, TAKEN);
        assert_eq!(take(&*store, &to(3, "HK", "+852513", "a"), &limits).await, TAKEN, "a known region");
        let third = take(&*store, &to(4, "GB", "+44740", "a"), &limits).await;
        assert_eq!(third, SendVerdict::Suspect(Suspicion::ManyRegions));
        // One prefix in three regions, as +1 has: no region is spent, the prefix is.
        for (id, region) in [(5, "CA"), (6, "BS"), (7, "JM")] {
            assert_eq!(take(&*store, &to(id, region, "+1800", &format!("b{id}")), &limits).await, TAKEN);
        }
        let spent = take(&*store, &to(8, "BB", "+1800", "c"), &limits).await;
        assert_eq!(spent, SendVerdict::Suspect(Suspicion::Prefix));
    }
}

/// A launch: the verified traffic of the past hour adds to the hour's floor.
#[tokio::test]
async fn the_past_hours_verified_traffic_raises_the_hourly_budget() {
    for store in stores() {
        let guard = GuardPolicy { hourly_floor: 2, ..guard_policy() };
        let limits = TrafficLimits { guard: Some(&guard), ..unlimited() };
        let at = |minutes: u64| start() + Duration::from_mins(minutes);
        for id in 0..10 {
            let sent = ticket(id, "a", at(0));
            assert_eq!(take(&*store, &sent, &limits).await, TAKEN);
            use_code(&*store, &sent, at(0)).await;
        }
        for id in 10..14 {
            assert_eq!(take(&*store, &ticket(id, "a", at(1)), &limits).await, TAKEN, "2 + 0.2 × 10");
        }
        let held = SendVerdict::Suspect(Suspicion::Region);
        assert_eq!(take(&*store, &ticket(14, "a", at(1)), &limits).await, held);

        // An hour later, 10 verified on the day are worth less than the floor.
        for id in 20..22 {
            assert_eq!(take(&*store, &ticket(id, "a", at(62)), &limits).await, TAKEN);
        }
        assert_eq!(take(&*store, &ticket(22, "a", at(62)), &limits).await, held);
    }
}

/// A traveller's family uses its codes: these regions do not count for the address.
#[tokio::test]
async fn a_region_in_which_the_address_used_a_code_is_exempt_for_a_day() {
    for store in stores() {
        let guard = GuardPolicy { hourly_floor: 100, daily_floor: 100, regions_per_address: 1, ..guard_policy() };
        let limits = TrafficLimits { guard: Some(&guard), ..unlimited() };
        let to = |id: u32, region: &str, hours: u64| SendTicket {
            destination: destination(region, "+1"),
            ..ticket(id, "a", start() + Duration::from_hours(hours))
        };
        for (id, region) in [(1, "CN"), (2, "HK"), (3, "US")] {
            let sent = to(id, region, 0);
            assert_eq!(take(&*store, &sent, &limits).await, TAKEN, "the region before is exempt");
            use_code(&*store, &sent, sent.at).await;
        }

        let many = SendVerdict::Suspect(Suspicion::ManyRegions);
        assert_eq!(take(&*store, &to(4, "GB", 1), &limits).await, TAKEN, "one region without a used code");
        assert_eq!(take(&*store, &to(5, "FR", 1), &limits).await, many);
        assert_eq!(take(&*store, &to(6, "HK", 1), &limits).await, TAKEN);
        assert_eq!(take(&*store, &to(7, "HK", 24), &limits).await, many, "its code was used a day ago");
    }
}

#[tokio::test]
async fn wrong_codes_over_all_phones_make_sends_suspect() {
    for store in stores() {
        let spraying = Some(SprayPolicy { min_attempts: 4, ratio: 0.5 });
        let limits = TrafficLimits { spraying, ..unlimited() };
        let tried = async |id: &str, address: &str, minutes: u64| {
            let (address, at) = (address_tag(address), start() + Duration::from_mins(minutes));
            store.count_attempt(&attempt(id, &address), 0, at).await.expect("an answer").codes
        };
        for (id, wrong) in [("1", 1), ("2", 2), ("3", 3)] {
            assert_eq!(tried(id, &format!("address {id}"), 0).await, SubmittedCodes { wrong, right: 0 });
        }
        assert_eq!(take(&*store, &ticket(1, "a", start()), &limits).await, TAKEN, "too few to tell");
        tried("4", "a", 0).await;
        let held = SendVerdict::Suspect(Suspicion::WrongCodes);
        assert_eq!(take(&*store, &ticket(2, "a", start()), &limits).await, held);
        assert_eq!(take(&*store, &ticket(2, "a", start()), &unlimited()).await, TAKEN, "if it matters");
        let passed = take(&*store, &ticket(3, "a", start()), &TrafficLimits { suspect_passes: true, ..limits }).await;
        assert_eq!(passed, SendVerdict::Allowed { suspicion: Some(Suspicion::WrongCodes) });

        // A refunded attempt was no wrong code, and a verified one was a right one. Both count once.
        let (one, two) = (address_tag("address 1"), address_tag("address 2"));
        let destination = destination("CN", "+86137");
        for _ in 0..2 {
            store.refund_attempt(&attempt("1", &one)).await.expect("refunded");
            let used = UsedCode { send: "x", destination: &destination, address: &two, attempt: "2", at: start() };
            store.mark_verified(&used).await.expect("verified");
        }
        assert_eq!(tried("5", "b", 0).await, SubmittedCodes { wrong: 3, right: 1 });
        assert_eq!(take(&*store, &ticket(4, "a", start()), &limits).await, held, "three of four");
        assert_eq!(tried("6", "b", 60).await, SubmittedCodes { wrong: 1, right: 0 }, "an hour on");
        assert_eq!(take(&*store, &ticket(5, "a", start() + Duration::from_hours(1)), &limits).await, TAKEN);
    }
}

/// Two of the three addresses are in one /56.
#[derive(Debug, Clone)]
enum Step {
    Send { address: u8, region: u8, passes: bool, counting: Counting, captcha: Option<u8> },
    Verify { send: usize, attempt: usize },
    Refund { send: usize, refund: SendRefund },
    Settle { send: usize, price: u64 },
    Attempt { address: u8, send: usize },
    RefundAttempt { attempt: usize },
    Wait { minutes: u16 },
}

fn refund() -> impl Strategy<Value = SendRefund> {
    prop_oneof![Just(SendRefund::Everything), Just(SendRefund::AllButAddress)]
}

fn counting() -> impl Strategy<Value = Counting> {
    prop_oneof![1 => Just(Counting::Nothing), 1 => Just(Counting::AddressOnly), 6 => Just(Counting::Everything)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3_u8, 0..4_u8, any::<bool>(), counting(), prop::option::weighted(0.2, 0..3_u8)).prop_map(|(address, region, passes, counting, captcha)| Step::Send { address, region, passes, counting, captcha }),
        3 => (0..40_usize, 0..20_usize).prop_map(|(send, attempt)| Step::Verify { send, attempt }),
        1 => (0..40_usize, refund()).prop_map(|(send, refund)| Step::Refund { send, refund }),
        1 => (0..40_usize, 0..6_u64).prop_map(|(send, price)| Step::Settle { send, price }),
        2 => (0..3_u8, 0..40_usize).prop_map(|(address, send)| Step::Attempt { address, send }),
        1 => (0..20_usize).prop_map(|attempt| Step::RefundAttempt { attempt }),
        2 => prop_oneof![0..10_u16, 50..70_u16, 600..1500_u16].prop_map(|minutes| Step::Wait { minutes }),
    ];
    prop::collection::vec(step, 1..60)
}

/// Leads one life on a store, and gives all that it answered.
async fn lead(store: &dyn LimitStore, steps: &[Step]) -> Vec<String> {
    let guard = GuardPolicy { hourly_floor: 2, daily_floor: 4, regions_per_address: 2, ..guard_policy() };
    let (mut now, mut sends, mut attempts, mut answers) = (start(), Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Send { address, region, passes, counting, captcha } => {
                let captcha = captcha.map(|number| CaptchaTag::new(format!("c{number}")));
                let limits = TrafficLimits {
                    ip_hourly: 4,
                    ip_daily: 8,
                    total_daily: 15,
                    spend_daily: Price::from_millionths(12),
                    guard: Some(&guard),
                    spraying: Some(SprayPolicy { min_attempts: 3, ratio: 0.5 }),
                    suspect_passes: *passes,
                    captcha: captcha.as_ref(),
                };
                let id = u32::try_from(sends.len()).expect("a number");
                let mut ticket = ticket(id, &format!("a{address}"), now);
                if *address > 0 {
                    let tags = [format!("a{address}"), "wide".to_owned(), "widest".to_owned()];
                    ticket.networks = NetworkTags::Three(tags.map(AddressTag::new));
                }
                ticket.price = Price::from_millionths(u64::from(*region));
                let prefix = format!("+{}", region / 2);
                ticket.destination = destination(["CN", "HK", "US", "GB"][usize::from(*region)], &prefix);
                answers.push(format!("{:?}", store.count_send(&ticket, &limits, *counting).await.expect("an answer")));
                sends.push(ticket);
            }
            Step::Verify { send, attempt } => {
                if let Some(ticket) = sends.get(*send).filter(|ticket| ticket.at + Duration::from_mins(10) > now) {
                    let SendTicket { id, destination, .. } = ticket;
                    let elsewhere = (address_tag("elsewhere"), "x".to_owned(), String::new());
                    let (address, attempt, _) = attempts.get(*attempt).unwrap_or(&elsewhere);
                    let used = UsedCode { send: id, destination, address, attempt, at: now };
                    store.mark_verified(&used).await.expect("counted");
                }
            }
            Step::Refund { send, refund } => {
                if let Some(ticket) = sends.get(*send).filter(|ticket| ticket.at + Duration::from_mins(10) > now) {
                    store.refund_send(ticket, *refund).await.expect("given back");
                }
            }
            Step::Settle { send, price } => {
                if let Some(ticket) = sends.get(*send).filter(|ticket| ticket.at + Duration::from_mins(10) > now) {
                    store.settle_send(ticket, Price::from_millionths(*price)).await.expect("settled");
                }
            }
            Step::Attempt { address, send } => {
                let (address, id) = (address_tag(&format!("a{address}")), attempts.len().to_string());
                let known = sends.get(*send).filter(|ticket| ticket.at + Duration::from_mins(10) > now);
                let send = known.map_or("unknown", |ticket| &ticket.id).to_owned();
                let attempt = AttemptTicket { id: &id, address: &address, send: &send };
                answers.push(format!("{:?}", store.count_attempt(&attempt, 3, now).await.expect("an answer")));
                attempts.push((address, id, send));
            }
            Step::RefundAttempt { attempt } => {
                if let Some((address, id, send)) = attempts.get(*attempt) {
                    store.refund_attempt(&AttemptTicket { id, address, send }).await.expect("refunded");
                }
            }
            Step::Wait { minutes } => now += Duration::from_mins(u64::from(*minutes)),
        }
    }
    answers
}

/// Leads random lives on a store in memory and on the store that `redis` returns, and compares the answers.
fn lives_are_the_same(cases: u32, runtime: &Runtime, redis: impl Fn() -> Arc<dyn LimitStore>) {
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    let led = TestRunner::new(config).run(&steps(), |steps| {
        runtime.block_on(async {
            let (memory, redis) = (MemoryLimitStore::default(), redis());
            let (memory, redis) = (lead(&memory, &steps).await, lead(&*redis, &steps).await);
            prop_assert_eq!(&memory, &redis);
            Ok(())
        })
    });
    led.expect("the same answers");
}

/// All limits are in one slot. After its master is lost, the counts are those that the replica has.
#[test]
fn one_life_is_the_same_on_a_redis_cluster_before_and_after_a_failover() {
    let cluster = OwnRedisCluster::start();
    let runtime = Runtime::new().expect("a runtime");
    let store = || -> Arc<dyn LimitStore> { Arc::new(RedisLimitStore::new(servers::redis_pool(&cluster.urls()))) };
    let kept = store();
    let once = TrafficLimits { ip_hourly: 1, ..unlimited() };
    let first = runtime.block_on(kept.count_send(&ticket(1, "kept", start()), &once, Counting::Everything));
    assert_eq!(first.expect("an answer"), TAKEN);
    lives_are_the_same(8, &runtime, store);

    cluster.lose_the_master_of("{limits}");
    let (begun, next) = (Instant::now(), ticket(2, "kept", start()));
    let second = loop {
        match runtime.block_on(kept.count_send(&next, &once, Counting::Everything)) {
            Ok(second) => break second,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(5), "it does not recover: {error:?}"),
        }
    };
    assert!(matches!(second, SendVerdict::Limited { limit: Limit::IpHourly, .. }), "{second:?}");
    lives_are_the_same(8, &runtime, store);
}

#[test]
fn one_life_is_the_same_on_every_store() {
    let runtime = Runtime::new().expect("a runtime");
    let mut verdicts = HashSet::new();
    lives_are_the_same(64, &runtime, || {
        let [_, redis] = stores();
        redis
    });
    // That the lives are rich enough to tell: every kind of answer comes up in one that is.
    let rich: Vec<Step> = (0..30)
        .flat_map(|n| {
            [
                Step::Send {
                    address: n % 3,
                    region: n % 4,
                    passes: n % 2 == 0,
                    counting: Counting::Everything,
                    captcha: (n < 2).then_some(0),
                },
                Step::Attempt { address: 0, send: 99 },
            ]
        })
        .collect();
    runtime.block_on(async {
        for answer in lead(&*stores()[1], &rich).await {
            verdicts.insert(answer.split([' ', '(']).next().unwrap_or_default().to_owned());
        }
    });
    for kind in ["Allowed", "Limited", "Suspect", "CaptchaUsed", "AttemptCount"] {
        assert!(verdicts.contains(kind), "{kind}: {verdicts:?}");
    }
}
