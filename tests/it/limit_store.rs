//! The contract of `LimitStore`: each test runs on every store.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sms_login::day::Day;
use sms_login::limits::{
    Counting, GuardMode, GuardPolicy, Limit, LimitPolicy, LimitStore, MemoryLimitStore, RedisLimitStore, SendRefund,
    SendTicket, SendVerdict, Suspicion, TrafficLimits, UsedCode,
};
use sms_login::phone::Destination;
use sms_login::tags::AddressTag;

use crate::app::START;
use crate::servers;

mod random_operations;

const ALLOWED: SendVerdict = SendVerdict::Allowed { suspicion: None };

pub(crate) fn limit_policy() -> LimitPolicy {
    LimitPolicy { ip_hourly: 20, ip_daily: 100, ip_attempts: 60, total_daily: 0, guard: guard_policy() }
}

pub(crate) fn guard_policy() -> GuardPolicy {
    GuardPolicy {
        mode: GuardMode::Record,
        daily_ratio: 0.3,
        hourly_ratio: 0.2,
        daily_floor: 20,
        hourly_floor: 5,
        regions_per_address: 3,
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
    TrafficLimits { ip_hourly: 0, ip_daily: 0, total_daily: 0, guard: None, suspect_passes: false }
}

fn ticket(id: u32, address: &str, at: Timestamp) -> SendTicket {
    SendTicket {
        id: format!("{address}-{id}"),
        address: address_tag(address),
        destination: destination("CN", "+86137"),
        at,
        day: Day::of(at, SignedDuration::ZERO),
    }
}

pub(crate) fn address_tag(address: &str) -> AddressTag {
    AddressTag::new(address.to_owned())
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

async fn use_code(store: &dyn LimitStore, ticket: &SendTicket, at: Timestamp) {
    let SendTicket { id, destination, .. } = ticket;
    let used = UsedCode { send: id, destination, address: &address_tag("elsewhere"), attempt: "x", at };
    store.mark_verified(&used).await.expect("counted");
}

#[tokio::test]
async fn sends_of_an_address_are_limited_in_a_sliding_hour() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 3, ..unlimited() };
        let at = |minutes: u64| start() + Duration::from_mins(minutes);
        for (id, minutes) in [(1, 0), (2, 10), (3, 20)] {
            assert_eq!(take(&*store, &ticket(id, "a", at(minutes)), &limits).await, ALLOWED);
        }

        let full = take(&*store, &ticket(4, "a", at(30)), &limits).await;
        assert_eq!(full, SendVerdict::Limited { limit: Limit::IpHourly, until: at(60) });
        assert_eq!(take(&*store, &ticket(4, "b", at(30)), &limits).await, ALLOWED, "another address");

        let last = ticket(4, "a", at(60) - Duration::from_millis(1));
        assert!(matches!(take(&*store, &last, &limits).await, SendVerdict::Limited { .. }));
        assert_eq!(take(&*store, &ticket(4, "a", at(60)), &limits).await, ALLOWED);
        let again = take(&*store, &ticket(5, "a", at(61)), &limits).await;
        assert_eq!(again, SendVerdict::Limited { limit: Limit::IpHourly, until: at(70) });
    }
}

#[tokio::test]
async fn sends_of_an_address_are_limited_in_a_sliding_day() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 2, ip_daily: 4, ..unlimited() };
        let at = |hours: u64| start() + Duration::from_hours(hours);
        for id in 0..4 {
            assert_eq!(take(&*store, &ticket(id, "a", at(u64::from(id) * 2)), &limits).await, ALLOWED);
        }

        let full = take(&*store, &ticket(9, "a", at(20)), &limits).await;
        assert_eq!(full, SendVerdict::Limited { limit: Limit::IpDaily, until: at(24) });
        assert_eq!(take(&*store, &ticket(9, "a", at(24)), &limits).await, ALLOWED);
    }
}

#[tokio::test]
async fn a_used_code_refunds_the_send_to_its_address() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 1, ..unlimited() };
        for id in 0..5 {
            let ticket = ticket(id, "a", start());
            assert_eq!(take(&*store, &ticket, &limits).await, ALLOWED);
            for _ in 0..2 {
                use_code(&*store, &ticket, start()).await;
            }
        }

        assert_eq!(take(&*store, &ticket(9, "a", start()), &limits).await, ALLOWED);
        assert!(matches!(take(&*store, &ticket(10, "a", start()), &limits).await, SendVerdict::Limited { .. }));
    }
}

#[tokio::test]
async fn the_total_limits_the_sends_of_a_day() {
    for store in stores() {
        let limits = TrafficLimits { total_daily: 2, ..unlimited() };
        let (one, two) = (ticket(1, "a", start()), ticket(2, "b", start()));
        assert_eq!(take(&*store, &one, &limits).await, ALLOWED);
        assert_eq!(take(&*store, &two, &limits).await, ALLOWED);

        use_code(&*store, &one, start()).await;
        let full = take(&*store, &ticket(3, "c", start()), &limits).await;
        assert_eq!(
            full,
            SendVerdict::Limited { limit: Limit::TotalDaily, until: one.day.end },
            "a used code still counts in the total"
        );

        for _ in 0..2 {
            store.refund_send(&two, SendRefund::AllButAddress).await.expect("refunded");
        }
        assert_eq!(take(&*store, &ticket(4, "d", start()), &limits).await, ALLOWED);
        assert!(matches!(take(&*store, &ticket(5, "e", start()), &limits).await, SendVerdict::Limited { .. }));

        assert_eq!(take(&*store, &ticket(6, "f", one.day.end), &limits).await, ALLOWED, "a new day");
    }
}

#[tokio::test]
async fn a_rejected_send_is_not_counted() {
    for store in stores() {
        let total = TrafficLimits { ip_hourly: 1, total_daily: 1, ..unlimited() };
        assert_eq!(take(&*store, &ticket(1, "a", start()), &total).await, ALLOWED);
        for id in 2..5 {
            let full = take(&*store, &ticket(id, "b", start()), &total).await;
            assert!(matches!(full, SendVerdict::Limited { limit: Limit::TotalDaily, .. }));
        }

        let open = TrafficLimits { ip_hourly: 1, ..unlimited() };
        assert_eq!(
            take(&*store, &ticket(9, "b", start()), &open).await,
            ALLOWED,
            "the rejected sends of b were not counted"
        );
    }
}

#[tokio::test]
async fn a_refund_can_exclude_the_address() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 1, ..unlimited() };
        let whole = ticket(1, "a", start());
        take(&*store, &whole, &limits).await;
        store.refund_send(&whole, SendRefund::Everything).await.expect("refunded");

        let refused = ticket(2, "a", start());
        assert_eq!(take(&*store, &refused, &limits).await, ALLOWED);
        store.refund_send(&refused, SendRefund::AllButAddress).await.expect("refunded");
        assert!(matches!(take(&*store, &ticket(3, "a", start()), &limits).await, SendVerdict::Limited { .. }));
    }
}

#[tokio::test]
async fn a_check_counts_nothing() {
    for store in stores() {
        let guard = GuardPolicy { hourly_floor: 1, regions_per_address: 1, ..guard_policy() };
        let limits =
            TrafficLimits { ip_hourly: 1, ip_daily: 1, total_daily: 1, guard: Some(&guard), suspect_passes: false };
        for id in 0..3 {
            assert_eq!(take_some(&*store, &ticket(id, "a", start()), &limits, Counting::Nothing).await, ALLOWED);
        }

        let one = ticket(4, "a", start());
        assert_eq!(take(&*store, &one, &limits).await, ALLOWED);

        let full = take_some(&*store, &ticket(5, "a", start()), &limits, Counting::Nothing).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::IpDaily, .. }), "{full:?}");
        let full = take_some(&*store, &ticket(5, "b", start()), &limits, Counting::Nothing).await;
        assert_eq!(full, SendVerdict::Limited { limit: Limit::TotalDaily, until: one.day.end });

        let open = TrafficLimits { total_daily: 0, ..limits };
        let suspect = take_some(&*store, &ticket(5, "b", start()), &open, Counting::Nothing).await;
        assert_eq!(suspect, SendVerdict::Suspect(Suspicion::Region));
    }
}

#[tokio::test]
async fn a_send_is_counted_once_for_its_address() {
    for store in stores() {
        let limits = TrafficLimits { ip_hourly: 2, total_daily: 1, ..unlimited() };
        let (one, two) = (ticket(1, "a", start()), ticket(2, "a", start()));
        for ticket in [&one, &two] {
            assert_eq!(
                take_some(&*store, ticket, &limits, Counting::AddressOnly).await,
                ALLOWED,
                "the total does not count it yet"
            );
        }

        let full = take_some(&*store, &ticket(3, "a", start()), &limits, Counting::AddressOnly).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::IpHourly, .. }), "{full:?}");

        let later = SendTicket { at: start() + Duration::from_secs(3), ..one.clone() };
        assert_eq!(take(&*store, &later, &limits).await, ALLOWED, "the send already has a place");
        let full = take(&*store, &two, &limits).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::TotalDaily, .. }), "{full:?}");

        store.refund_send(&two, SendRefund::Everything).await.expect("refunded");
        let open = TrafficLimits { total_daily: 0, ..limits };
        assert_eq!(
            take(&*store, &ticket(3, "a", start()), &open).await,
            ALLOWED,
            "the refunded place of the second send"
        );

        use_code(&*store, &later, start()).await;
        assert_eq!(take(&*store, &ticket(4, "a", start()), &open).await, ALLOWED, "the first send had one place only");
        let full = take(&*store, &ticket(5, "a", start()), &open).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::IpHourly, .. }), "{full:?}");
    }
}

#[tokio::test]
async fn a_refund_changes_only_counts_that_include_the_send() {
    for store in stores() {
        let guard = GuardPolicy { hourly_floor: 3, ..guard_policy() };
        let counted = TrafficLimits { total_daily: 3, guard: Some(&guard), ..unlimited() };
        for id in 0..3 {
            assert_eq!(take(&*store, &ticket(id, "a", start()), &counted).await, ALLOWED);
        }

        for id in 10..15 {
            let uncounted = ticket(id, "a", start());
            assert_eq!(take(&*store, &uncounted, &unlimited()).await, ALLOWED, "as for a test number");
            if id % 2 == 0 {
                use_code(&*store, &uncounted, start()).await;
            } else {
                store.refund_send(&uncounted, SendRefund::Everything).await.expect("refunded");
            }
        }

        let full = take(&*store, &ticket(20, "a", start()), &counted).await;
        assert!(matches!(full, SendVerdict::Limited { limit: Limit::TotalDaily, .. }), "{full:?}");
        let suspect = take(&*store, &ticket(20, "a", start()), &TrafficLimits { total_daily: 0, ..counted }).await;
        assert_eq!(suspect, SendVerdict::Suspect(Suspicion::Region));
    }
}

/// Servers whose days begin at different times share one day's quota.
#[tokio::test]
async fn the_day_of_the_total_never_goes_back() {
    for store in stores() {
        let limits = TrafficLimits { total_daily: 4, ..unlimited() };
        let on = |id: u32, later: i64| {
            let ticket = ticket(id, "a", start());
            let day = Day { number: ticket.day.number + later, ..ticket.day };
            SendTicket { day, ..ticket }
        };

        for (id, later) in [(1, 1), (2, 0), (3, 1)] {
            assert_eq!(take(&*store, &on(id, later), &limits).await, ALLOWED);
        }

        let last = on(4, 0);
        for _ in 0..3 {
            assert_eq!(take(&*store, &last, &limits).await, ALLOWED);
            for later in [0, 1] {
                let full = take(&*store, &on(5, later), &limits).await;
                assert!(matches!(full, SendVerdict::Limited { limit: Limit::TotalDaily, .. }), "{full:?}");
            }
            store.refund_send(&last, SendRefund::Everything).await.expect("refunded");
        }

        assert_eq!(take(&*store, &on(6, 2), &limits).await, ALLOWED);
    }
}

#[tokio::test]
async fn attempts_of_an_address_are_limited_in_a_sliding_hour() {
    for store in stores() {
        let attempt = async |id: &str, minutes: u64| {
            store
                .count_attempt(&address_tag("a"), id, 2, start() + Duration::from_mins(minutes))
                .await
                .expect("an answer")
        };

        assert_eq!(attempt("1", 0).await, None);
        assert_eq!(attempt("2", 30).await, None);
        assert_eq!(attempt("3", 59).await, Some(start() + Duration::from_hours(1)));

        store.refund_attempt(&address_tag("a"), "2").await.expect("refunded");
        store.refund_attempt(&address_tag("b"), "1").await.expect("nothing to refund");
        assert_eq!(attempt("3", 59).await, None);

        let (destination, address) = (destination("CN", "+86137"), address_tag("a"));
        let used = UsedCode { send: "x", destination: &destination, address: &address, attempt: "3", at: start() };
        store.mark_verified(&used).await.expect("refunded");
        assert_eq!(attempt("3", 59).await, None, "a right code is refunded");

        assert_eq!(attempt("4", 60).await, None, "the first is an hour old");
        assert_eq!(attempt("5", 60).await, Some(start() + Duration::from_mins(119)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_sends_and_attempts_do_not_exceed_the_limits() {
    for store in stores() {
        let tasks = (0..50).map(|id| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let limits = TrafficLimits { ip_hourly: 20, ..unlimited() };
                let sent = take(&*store, &ticket(id, "a", start()), &limits).await == ALLOWED;
                let tried = store
                    .count_attempt(&address_tag("a"), &id.to_string(), 10, start())
                    .await
                    .expect("an answer")
                    .is_none();
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
async fn the_guard_compares_unverified_sends_with_verified_ones() {
    for store in stores() {
        let guard = GuardPolicy { hourly_floor: 5, daily_floor: 8, ..guard_policy() };
        let limits = TrafficLimits { guard: Some(&guard), ..unlimited() };
        let at = |minutes: u64| start() + Duration::from_mins(minutes);

        for id in 0..5 {
            assert_eq!(take(&*store, &ticket(id, "a", at(0)), &limits).await, ALLOWED);
        }

        let held = SendVerdict::Suspect(Suspicion::Region);
        assert_eq!(take(&*store, &ticket(5, "a", at(1)), &limits).await, held, "the hour's floor");

        let recorded = TrafficLimits { suspect_passes: true, ..limits };
        let passed = take(&*store, &ticket(6, "a", at(2)), &recorded).await;
        assert_eq!(passed, SendVerdict::Allowed { suspicion: Some(Suspicion::Region) });

        for id in 0..6 {
            use_code(&*store, &ticket(id, "a", at(0)), at(3)).await;
        }
        assert_eq!(take(&*store, &ticket(7, "a", at(4)), &limits).await, ALLOWED, "one unverified is left");

        let elsewhere = SendTicket { destination: destination("HK", "+852512"), ..ticket(8, "a", at(4)) };
        assert_eq!(take(&*store, &elsewhere, &limits).await, ALLOWED);

        for id in 9..15 {
            take(&*store, &ticket(id, "a", at(90)), &recorded).await;
        }
        assert_eq!(take(&*store, &ticket(20, "a", at(170)), &limits).await, held, "the day's floor");
        assert_eq!(take(&*store, &ticket(20, "a", at(90 + 25 * 60)), &limits).await, ALLOWED, "a day later");
    }
}

#[tokio::test]
async fn the_guard_suspects_prefixes_and_addresses_with_many_regions() {
    for store in stores() {
        let guard = GuardPolicy { hourly_floor: 3, regions_per_address: 2, ..guard_policy() };
        let limits = TrafficLimits { guard: Some(&guard), ..unlimited() };
        let to = |id: u32, region: &str, prefix: &str, address: &str| SendTicket {
            destination: destination(region, prefix),
            ..ticket(id, address, start())
        };

        assert_eq!(take(&*store, &to(1, "US", "+1213", "a"), &limits).await, ALLOWED);
        assert_eq!(take(&*store, &to(2, "HK", "+852512", "a"), &limits).await, ALLOWED);
        assert_eq!(take(&*store, &to(3, "HK", "+852513", "a"), &limits).await, ALLOWED, "a known region");

        let third = take(&*store, &to(4, "GB", "+44740", "a"), &limits).await;
        assert_eq!(third, SendVerdict::Suspect(Suspicion::ManyRegions));

        // One prefix in three regions, as +1 has: the budget of the prefix is used up, but not that of any region.
        for (id, region) in [(5, "CA"), (6, "BS"), (7, "JM")] {
            assert_eq!(take(&*store, &to(id, region, "+1800", &format!("b{id}")), &limits).await, ALLOWED);
        }
        let spent = take(&*store, &to(8, "BB", "+1800", "c"), &limits).await;
        assert_eq!(spent, SendVerdict::Suspect(Suspicion::Prefix));
    }
}
