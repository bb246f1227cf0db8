//! Random operations and clock steps: every store must give the same answers.

use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sms_login::limits::{Counting, GuardPolicy, LimitStore, SendRefund, TrafficLimits};

use super::{address_tag, destination, guard_policy, start, stores, ticket, use_code};

#[derive(Debug, Clone)]
enum Step {
    Send { address: u8, region: u8, passes: bool, counting: Counting },
    Verify { send: usize },
    Refund { send: usize, refund: SendRefund },
    Attempt { address: u8 },
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
        6 => (0..3_u8, 0..4_u8, any::<bool>(), counting())
            .prop_map(|(address, region, passes, counting)| Step::Send { address, region, passes, counting }),
        3 => (0..40_usize).prop_map(|send| Step::Verify { send }),
        1 => (0..40_usize, refund()).prop_map(|(send, refund)| Step::Refund { send, refund }),
        2 => (0..3_u8).prop_map(|address| Step::Attempt { address }),
        1 => (0..20_usize).prop_map(|attempt| Step::RefundAttempt { attempt }),
        2 => prop_oneof![0..10_u16, 50..70_u16, 600..1500_u16].prop_map(|minutes| Step::Wait { minutes }),
    ];
    prop::collection::vec(step, 1..60)
}

/// Runs the steps on a store, and returns all of its answers.
async fn run(store: &dyn LimitStore, steps: &[Step]) -> Vec<String> {
    let guard = GuardPolicy { hourly_floor: 2, daily_floor: 4, regions_per_address: 2, ..guard_policy() };
    let (mut now, mut sends, mut attempts, mut answers) = (start(), Vec::new(), Vec::new(), Vec::new());

    for step in steps {
        match step {
            Step::Send { address, region, passes, counting } => {
                let limits = TrafficLimits {
                    ip_hourly: 4,
                    ip_daily: 8,
                    total_daily: 15,
                    guard: Some(&guard),
                    suspect_passes: *passes,
                };
                let id = u32::try_from(sends.len()).expect("a number");
                let mut ticket = ticket(id, &format!("a{address}"), now);
                let prefix = format!("+{}", region / 2);
                ticket.destination = destination(["CN", "HK", "US", "GB"][usize::from(*region)], &prefix);
                answers.push(format!("{:?}", store.count_send(&ticket, &limits, *counting).await.expect("an answer")));
                sends.push(ticket);
            }
            Step::Verify { send } => {
                if let Some(ticket) = sends.get(*send).filter(|ticket| ticket.at + Duration::from_mins(10) > now) {
                    use_code(store, ticket, now).await;
                }
            }
            Step::Refund { send, refund } => {
                if let Some(ticket) = sends.get(*send).filter(|ticket| ticket.at + Duration::from_mins(10) > now) {
                    store.refund_send(ticket, *refund).await.expect("refunded");
                }
            }
            Step::Attempt { address } => {
                let (address, id) = (address_tag(&format!("a{address}")), attempts.len().to_string());
                let until = store.count_attempt(&address, &id, 3, now).await.expect("an answer");
                answers.push(format!("{until:?}"));
                attempts.push((address, id));
            }
            Step::RefundAttempt { attempt } => {
                if let Some((address, id)) = attempts.get(*attempt) {
                    store.refund_attempt(address, id).await.expect("refunded");
                }
            }
            Step::Wait { minutes } => now += Duration::from_mins(u64::from(*minutes)),
        }
    }
    answers
}

#[test]
fn random_operations_have_the_same_outcomes_on_every_store() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let config = Config { failure_persistence: None, ..Config::with_cases(64) };
    let mut verdicts = HashSet::new();

    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        runtime.block_on(async {
            let [memory, redis] = stores();
            let (memory, redis) = (run(&*memory, &steps).await, run(&*redis, &steps).await);
            prop_assert_eq!(&memory, &redis);
            Ok(())
        })
    });
    outcome.expect("the same answers");

    // The comparison proves something only if the steps cause every kind of answer.
    let rich: Vec<Step> = (0..20)
        .flat_map(|n| {
            [
                Step::Send { address: n % 3, region: n % 4, passes: n % 2 == 0, counting: Counting::Everything },
                Step::Attempt { address: 0 },
            ]
        })
        .collect();

    runtime.block_on(async {
        for answer in run(&*stores()[1], &rich).await {
            verdicts.insert(answer.split([' ', '(']).next().unwrap_or_default().to_owned());
        }
    });

    for kind in ["Allowed", "Limited", "Suspect", "None", "Some"] {
        assert!(verdicts.contains(kind), "{kind}: {verdicts:?}");
    }
}
