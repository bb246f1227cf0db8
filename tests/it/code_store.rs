//! The contract of `CodeStore`: every behaviour is a named test that runs in memory, on Redis and on a Redis Cluster.
//!
//! Limits are off unless a test sets them. Time is an argument, so the tests do not sleep.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sms_login::purpose::Purpose;
use sms_login::redis::KeyPrefix;
use sms_login::tags::{AddressTag, DeviceTag, PhoneTag};
use sms_login::verification::store::{
    Attempt, AttemptOutcome, CLAIM_LEASE, CodeClaim, CodeDigest, CodeStore, DEVICES_SHARE, FAILURE_MEMORY,
    FAILURE_WAITS, FailureLimits, IssueOutcome, KnownDevice, LIVE_CHALLENGES, MemoryCodeStore, NewChallenge,
    OLDER_CODES, PhoneLimits, RedisCodeStore, Refund, RequestKey, SEND_LEASE, SentAnswer, Subject,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::servers;
use crate::servers::redis_groups::OwnRedisCluster;

mod by_address;
mod devices;
mod failures;
mod idempotency;
mod issuing;
mod memory_sweep;
mod resending;
mod trying;
mod using;
mod voiding;

pub(crate) type Store = Arc<dyn CodeStore>;

const RIGHT: &str = "135790";
const WRONG: &str = "246802";
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
/// How long a store on a cluster may fail after the cluster has replaced a master. The lost master hangs, so that a call to it
/// takes its whole budget before the client asks for the new master.
const RECOVERY: Duration = Duration::from_secs(5);
const CODE_TTL: Duration = Duration::from_mins(5);

/// Runs every behaviour as a separate test in memory and on Redis, and all of them in one test on a cluster, which loses a
/// master in between.
macro_rules! hold_on_every_store {
    ($($module:ident::$behaviour:ident,)*) => {
        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$module::$behaviour(&super::memory_store()).await;
            })*
        }

        mod on_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$module::$behaviour(&super::redis_store()).await;
            })*
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn every_behaviour_holds_on_a_redis_cluster_before_and_after_a_failover() {
            let cluster = OwnRedisCluster::start();
            let urls = cluster.urls();
            let store: Store = Arc::new(RedisCodeStore::new(servers::redis_pool(&urls)));
            $($module::$behaviour(&store).await;)*

            for url in &urls {
                let keys: usize = redis::cmd("DBSIZE").query(&mut connection(url)).expect("a number of keys");
                assert!(keys > 0, "{url} has no keys of any phone");
            }

            cluster.lose_the_master_of("any key");
            recovers(&store).await;
            $($module::$behaviour(&store).await;)*
        }
    };
}

hold_on_every_store! {
    by_address::one_address_gets_a_part_of_the_phones_sends,
    by_address::the_smaller_of_both_limits_is_what_remains,
    by_address::an_address_gets_its_part_again_on_a_new_day,
    by_address::a_refund_gives_the_address_its_send_back_once,
    by_address::simultaneous_requests_keep_to_the_limit_of_their_address,
    by_address::a_send_that_was_not_counted_for_its_address_refunds_nothing_to_it,
    devices::a_device_has_a_cooldown_and_a_count_apart_from_the_phones,
    devices::what_remains_for_a_device_is_of_its_bucket,
    devices::two_devices_do_not_share_a_bucket,
    devices::all_devices_of_a_phone_together_have_a_limit,
    devices::a_refund_goes_to_the_bucket_of_the_send,
    devices::wrong_codes_of_others_keep_no_device_waiting,
    devices::wrong_codes_of_a_device_make_only_that_device_wait,
    devices::a_success_on_a_device_forgets_only_its_wrong_codes,
    devices::a_revoked_device_is_treated_like_no_device,
    devices::a_revocation_covers_tokens_up_to_its_time_and_never_goes_back,
    devices::strangers_do_not_drop_a_devices_challenges,
    devices::a_used_code_voids_the_codes_of_all_buckets,
    failures::the_fifth_wrong_code_is_incorrect_and_then_waits_grow,
    failures::a_wait_applies_to_sends_and_attempts_and_ends_to_the_millisecond,
    failures::a_wait_applies_only_to_its_address,
    failures::a_wait_applies_only_to_its_phone,
    failures::wrong_codes_over_all_addresses_make_every_address_wait,
    failures::the_longer_of_two_waits_applies,
    failures::attempts_during_a_wait_are_not_counted,
    failures::a_right_code_works_after_the_wait,
    failures::consuming_resets_the_failures_of_the_address,
    failures::consuming_resets_the_failures_over_all_addresses,
    failures::consuming_does_not_reset_the_failures_of_other_addresses,
    failures::claiming_and_releasing_do_not_reset_failures,
    failures::a_new_code_does_not_reset_failures,
    failures::failures_are_forgotten_after_thirty_days,
    failures::limits_of_zero_cause_no_wait,
    idempotency::a_repeated_key_repeats_the_answer_until_the_code_expires,
    idempotency::an_answer_without_a_daily_limit_is_repeated_as_it_was,
    idempotency::a_repeated_key_is_answered_during_a_failure_wait,
    idempotency::a_key_belongs_to_its_phone_and_its_arguments,
    idempotency::of_simultaneous_requests_with_one_key_one_sends,
    idempotency::a_failed_send_forgets_its_key,
    idempotency::a_key_in_flight_is_free_after_its_lease,
    idempotency::a_key_is_forgotten_when_its_challenge_ends,
    idempotency::confirming_without_a_key_does_nothing,
    issuing::the_first_send_of_a_day_is_counted_as_one,
    issuing::each_send_of_a_day_is_counted_for_its_own_phone,
    issuing::a_second_send_within_the_cooldown_is_rejected,
    issuing::a_rejected_send_does_not_change_the_cooldown_or_the_count,
    issuing::the_daily_limit_holds_until_a_new_day,
    issuing::limits_of_zero_are_off,
    issuing::rejections_are_reported_in_the_order_wait_daily_limit_cooldown,
    issuing::a_rejected_challenge_is_not_stored,
    issuing::with_a_cooldown_only_one_of_simultaneous_requests_sends,
    issuing::simultaneous_requests_do_not_exceed_the_daily_limit,
    issuing::without_a_cooldown_all_simultaneous_requests_send,
    issuing::a_check_returns_the_outcome_of_issue_and_changes_nothing,
    issuing::the_day_of_the_count_never_goes_back,
    issuing::a_refund_applies_to_the_day_that_counted_the_send,
    issuing::the_oldest_of_too_many_live_challenges_is_dropped,
    resending::a_resend_accepts_both_codes_and_voids_the_old_id,
    resending::the_old_code_is_accepted_until_its_own_expiry,
    resending::both_codes_share_new_attempts,
    resending::a_chain_of_resends_keeps_the_last_codes,
    resending::a_resend_of_what_is_past_use_has_no_effect,
    resending::a_resend_with_another_reference_has_no_effect,
    resending::a_claimed_challenge_is_not_replaced_while_its_lease_lasts,
    resending::a_failed_resend_makes_the_old_challenge_valid_again,
    resending::a_challenge_that_was_used_up_meanwhile_is_not_made_valid_again,
    resending::a_refused_resend_replaces_nothing,
    resending::of_simultaneous_resends_one_replaces_the_old_challenge,
    resending::a_digest_that_differs_from_both_anywhere_is_wrong,
    trying::a_right_code_is_claimed_and_returns_its_reference,
    trying::an_unknown_challenge_is_expired,
    trying::a_code_is_valid_only_for_its_own_challenge,
    trying::every_live_challenge_of_a_phone_works,
    trying::a_new_challenge_does_not_change_the_attempts_of_older_ones,
    trying::a_code_is_rejected_from_its_expiry_on,
    trying::a_new_code_works_after_the_old_one_expired,
    trying::the_third_wrong_code_ends_a_challenge,
    trying::wrong_codes_for_one_challenge_use_no_attempts_of_another,
    trying::a_lowered_attempt_limit_applies_to_existing_challenges,
    trying::a_digest_that_differs_in_any_bit_is_wrong,
    trying::an_attempt_at_an_unusable_challenge_is_not_counted_as_a_failure,
    trying::simultaneous_wrong_codes_do_not_exceed_the_attempt_limit,
    trying::exactly_one_of_fifty_simultaneous_right_codes_is_claimed,
    trying::repeating_an_attempt_with_the_same_claim_token_claims_again,
    trying::a_claimed_challenge_is_expired_for_other_requests_and_counts_no_attempt,
    using::consuming_again_returns_true_for_the_same_token_and_false_for_another,
    using::a_consumed_code_is_expired,
    using::only_a_held_claim_can_be_consumed,
    using::consuming_voids_the_other_challenges_of_the_purpose,
    using::consuming_voids_challenges_issued_after_the_claim,
    using::consuming_does_not_void_other_purposes_other_phones_or_later_challenges,
    using::a_claim_made_before_another_challenge_was_consumed_can_be_consumed,
    using::a_released_code_can_be_tried_again,
    using::a_released_code_is_expired_if_another_code_was_consumed,
    using::releasing_a_lapsed_claim_does_not_release_a_newer_one,
    using::releasing_a_consumed_claim_does_nothing,
    using::releasing_an_unknown_claim_does_nothing,
    using::a_claim_falls_back_after_its_lease,
    using::a_repeated_claim_renews_its_lease,
    using::a_lapsed_claim_can_be_consumed_if_no_other_request_claimed,
    using::a_lapsed_claim_cannot_be_consumed_after_another_request_claimed,
    using::a_claim_can_be_consumed_after_its_code_expired_and_another_was_issued,
    using::consuming_can_be_repeated_after_the_code_expired_and_another_was_issued,
    voiding::a_void_challenge_is_expired,
    voiding::cooldown_and_count_are_refunded_once,
    voiding::without_a_refund_cooldown_and_count_stay,
    voiding::a_challenge_voided_without_refund_is_not_refunded_later,
    voiding::refunding_an_older_send_does_not_end_the_cooldown_of_the_last,
    voiding::refunding_yesterdays_send_does_not_change_todays_count,
    voiding::voiding_does_not_change_claimed_consumed_or_exhausted_challenges,
    voiding::voiding_an_unknown_challenge_does_nothing,
}

/// Creates a store in this process.
pub(crate) fn memory_store() -> Store {
    Arc::new(MemoryCodeStore::default())
}

/// Creates a store on the Redis that all tests share.
pub(crate) fn redis_store() -> Store {
    Arc::new(RedisCodeStore::new(servers::redis_pool(&[servers::redis().fresh_url()])))
}

/// Creates a store on the Redis at `url`, with the default key prefix.
pub(crate) fn redis_store_at(url: String) -> Store {
    Arc::new(RedisCodeStore::new(servers::redis_pool_with(&[url], KeyPrefix::default())))
}

/// Waits until calls for thirty phones, which are on all masters, succeed.
async fn recovers(store: &Store) {
    let begun = Instant::now();
    loop {
        let calls: JoinSet<bool> = (0..30)
            .map(|_| {
                let (store, phone) = (Arc::clone(store), PhoneTag::new(unique()));
                async move { store.revoke_devices(&phone, Timestamp::UNIX_EPOCH, SECOND).await.is_ok() }
            })
            .collect();
        if calls.join_all().await.into_iter().all(|succeeded| succeeded) {
            return;
        }
        assert!(begun.elapsed() < RECOVERY, "the store does not recover from the failover");
    }
}

/// Opens a plain connection to the Redis at `url`, to inspect the stored data.
pub(crate) fn connection(url: &str) -> redis::Connection {
    redis::Client::open(url).and_then(|client| client.get_connection()).expect("Redis answers")
}

/// Returns a tag, nonce or token that no other test uses.
pub(crate) fn unique() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Returns a digest that stands for the keyed hash of a code.
pub(crate) fn digest(code: &str) -> CodeDigest {
    let mut hash = [0; 32];
    hash[32 - code.len()..].copy_from_slice(code.as_bytes());
    CodeDigest::new(hash)
}

/// A phone that no other test uses, a client that uses it, and the current time.
#[derive(Clone)]
pub(crate) struct Phone {
    store: Store,
    tag: PhoneTag,
    address: AddressTag,
    device: Option<KnownDevice>,
    limits: PhoneLimits,
    max_attempts: u32,
    now: Timestamp,
}

impl Phone {
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            store: Arc::clone(store),
            tag: PhoneTag::new(unique()),
            address: AddressTag::new("an-address".to_owned()),
            device: None,
            limits: PhoneLimits {
                cooldown: Duration::ZERO,
                daily: 0,
                daily_by_address: 0,
                day: 20_454,
                failures: FailureLimits { by_address: 0, in_all: 0 },
            },
            max_attempts: 3,
            now: "2026-01-01T12:00:00Z".parse().expect("a time"),
        }
    }

    /// Returns the same phone at the same time, used from another address.
    fn from(&self, address: &str) -> Self {
        Self { address: AddressTag::new(address.to_owned()), ..self.clone() }
    }

    /// Moves the time forward.
    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Moves the time forward to one millisecond before the end of `time`.
    fn pass_nearly(&mut self, time: Duration) {
        self.now += time;
        self.now -= MILLISECOND;
    }

    fn subject(&self) -> Subject {
        Subject { phone: self.tag.clone(), address: self.address.clone(), device: self.device.clone() }
    }

    fn challenge(&self, code: &str) -> NewChallenge {
        NewChallenge {
            subject: self.subject(),
            purpose: Purpose::Login,
            nonce: unique(),
            digest: digest(code),
            reference: None,
            resend_of: None,
            needs_predecessor: false,
            key: None,
            issued_at: self.now,
            expires_at: self.now + CODE_TTL,
        }
    }

    fn claim(&self, challenge: &NewChallenge) -> CodeClaim {
        self.claim_for(Purpose::Login, challenge)
    }

    fn claim_for(&self, purpose: Purpose, challenge: &NewChallenge) -> CodeClaim {
        CodeClaim { subject: self.subject(), nonce: challenge.nonce.clone(), purpose, token: unique() }
    }

    /// Returns a claim on a challenge that was not issued.
    pub(crate) fn some_claim(&self) -> CodeClaim {
        self.claim(&self.challenge(RIGHT))
    }

    async fn issue(&self, challenge: &NewChallenge) -> IssueOutcome {
        self.store.issue(challenge, &self.limits).await.expect("the store answers")
    }

    /// Returns the outcome that one more send would have, without its `remaining`.
    async fn check(&self) -> IssueOutcome {
        without_remaining(self.check_of(&self.challenge(RIGHT)).await)
    }

    async fn check_of(&self, challenge: &NewChallenge) -> IssueOutcome {
        self.store.check(challenge, &self.limits).await.expect("the store answers")
    }

    /// Returns the outcome of one more send, without its `remaining`.
    async fn send(&self) -> IssueOutcome {
        without_remaining(self.issue(&self.challenge(RIGHT)).await)
    }

    /// Issues a challenge with the right code.
    pub(crate) async fn issued(&self) -> NewChallenge {
        self.issued_for(Purpose::Login).await
    }

    async fn issued_for(&self, purpose: Purpose) -> NewChallenge {
        self.stored(NewChallenge { purpose, ..self.challenge(RIGHT) }).await
    }

    /// Issues the challenge and returns it.
    async fn stored(&self, challenge: NewChallenge) -> NewChallenge {
        let outcome = self.issue(&challenge).await;
        assert!(matches!(outcome, IssueOutcome::Issued { .. }), "not issued: {outcome:?}");
        challenge
    }

    async fn attempt(&self, claim: &CodeClaim, code: &str) -> AttemptOutcome {
        self.attempt_digest(claim, digest(code)).await
    }

    async fn attempt_digest(&self, claim: &CodeClaim, digest: CodeDigest) -> AttemptOutcome {
        let attempt = Attempt {
            claim: claim.clone(),
            digest,
            max_attempts: self.max_attempts,
            failures: self.limits.failures,
            at: self.now,
        };
        self.store.attempt(&attempt).await.expect("the store answers")
    }

    /// Makes one attempt with a new claim token.
    pub(crate) async fn try_code(&self, challenge: &NewChallenge, code: &str) -> AttemptOutcome {
        self.attempt(&self.claim(challenge), code).await
    }

    /// Submits the right code, and returns its claim.
    pub(crate) async fn claimed(&self, challenge: &NewChallenge) -> CodeClaim {
        let claim = self.claim(challenge);
        assert_eq!(self.attempt(&claim, RIGHT).await, CLAIMED);
        claim
    }

    async fn consume(&self, claim: &CodeClaim) -> bool {
        self.store.consume(claim).await.expect("the store answers")
    }

    /// Submits the right code and consumes it.
    async fn consumed(&self, challenge: &NewChallenge) -> CodeClaim {
        let claim = self.claimed(challenge).await;
        assert!(self.consume(&claim).await);
        claim
    }

    async fn release(&self, claim: &CodeClaim) {
        self.store.release(claim).await.expect("the store answers");
    }

    async fn void(&self, challenge: &NewChallenge, refund: Refund) {
        self.store.void(challenge, refund).await.expect("the store answers");
    }
}

const CLAIMED: AttemptOutcome = AttemptOutcome::Claimed { reference: None, recognized: false };
const EXPIRED: AttemptOutcome = AttemptOutcome::Expired;

const fn issued(sends: u32) -> IssueOutcome {
    IssueOutcome::Issued { sends, remaining: None, recognized: false }
}

fn without_remaining(mut outcome: IssueOutcome) -> IssueOutcome {
    if let IssueOutcome::Issued { remaining, .. } = &mut outcome {
        *remaining = None;
    }
    outcome
}

const fn incorrect(attempts_remaining: u32) -> AttemptOutcome {
    AttemptOutcome::Incorrect { attempts_remaining, recognized: false }
}

/// Makes a number of calls at the same time, and returns their outcomes.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    times: usize,
    call: impl Fn() -> F,
) -> Vec<T> {
    let calls: JoinSet<T> = (0..times).map(|_| call()).collect();
    calls.join_all().await
}
