//! What a `CodeStore` promises, each promise by name, held by every store: in memory, on Redis, on a Redis Cluster.
//!
//! Limits are off where a test does not set them. Time is an argument: nothing here sleeps.

use std::sync::Arc;
use std::time::Duration;

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
use crate::servers::own::OwnRedisCluster;

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
const CODE_TTL: Duration = Duration::from_mins(5);

/// Runs every behaviour as a test of its own in memory and on Redis, and all of them in one test on a cluster.
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
        async fn every_promise_holds_on_a_redis_cluster() {
            let cluster = OwnRedisCluster::start();
            let urls: Vec<String> = cluster.urls().split(',').map(str::to_owned).collect();
            let store: Store = Arc::new(RedisCodeStore::new(servers::redis_pool(&urls)));
            $($module::$behaviour(&store).await;)*
            for url in urls {
                let keys: usize = redis::cmd("DBSIZE").query(&mut connection(&url)).expect("a number of keys");
                assert!(keys > 0, "no phone's keys are on {url}");
            }
        }
    };
}

hold_on_every_store! {
    issuing::the_first_send_of_a_day_is_counted_as_one,
    issuing::each_send_of_a_day_is_counted_for_its_own_phone,
    issuing::sends_keep_apart_by_the_cooldown,
    issuing::a_refused_send_moves_no_cooldown_and_no_count,
    issuing::the_daily_limit_holds_until_a_new_day,
    issuing::limits_of_zero_are_off,
    issuing::a_failure_wait_is_told_before_the_daily_limit_and_that_before_the_cooldown,
    issuing::a_refused_challenge_is_not_stored,
    issuing::simultaneous_requests_send_once,
    issuing::simultaneous_requests_keep_to_the_daily_limit,
    issuing::without_a_cooldown_simultaneous_requests_all_go_through,
    issuing::a_check_says_what_issue_would_and_changes_nothing,
    issuing::a_day_never_goes_back,
    issuing::a_refund_of_a_send_on_a_later_day_is_of_that_day,
    issuing::the_oldest_of_too_many_live_challenges_is_dropped,
    trying::a_right_code_is_claimed_and_its_reference_comes_back,
    trying::an_unknown_challenge_is_expired,
    trying::codes_are_good_for_their_own_challenge_only,
    trying::every_live_challenge_of_a_phone_works,
    trying::a_resend_leaves_the_attempts_of_older_challenges,
    trying::a_code_is_refused_from_its_expiry_on,
    trying::a_new_code_works_after_the_old_one_expired,
    trying::the_third_wrong_code_ends_a_challenge,
    trying::wrong_codes_of_one_challenge_leave_another_whole,
    trying::one_attempt_more_than_a_lowered_limit_is_expired,
    trying::a_digest_that_differs_anywhere_is_wrong,
    trying::a_challenge_past_use_costs_no_failure,
    trying::simultaneous_wrong_codes_get_no_more_tries_than_one_after_another,
    trying::of_fifty_simultaneous_right_codes_one_is_claimed,
    trying::a_repeat_with_the_same_claim_token_is_claimed_again,
    trying::a_claimed_challenge_is_past_use_to_others_and_costs_them_nothing,
    using::consuming_says_true_again_to_a_repeat_and_false_to_another_token,
    using::a_consumed_code_is_past_use,
    using::what_is_not_claimed_is_not_consumed,
    using::consuming_voids_the_other_challenges_of_the_purpose,
    using::consuming_voids_what_was_issued_since_the_claim,
    using::consuming_leaves_other_purposes_and_later_challenges_and_other_phones,
    using::a_challenge_claimed_before_another_was_consumed_can_be_consumed,
    using::a_released_code_is_good_again,
    using::a_released_code_of_an_overtaken_challenge_is_past_use,
    using::releasing_leaves_anothers_claim,
    using::releasing_leaves_a_consumed_challenge,
    using::releasing_what_never_was_does_nothing,
    using::a_claim_falls_back_after_its_lease,
    using::a_repeated_claim_renews_its_lease,
    using::a_lapsed_claim_is_consumed_where_nobody_else_claimed,
    using::a_lapsed_claim_is_lost_to_whoever_claimed_since,
    using::a_claim_outlives_its_codes_expiry_and_a_resend,
    using::a_consumed_claim_is_remembered_past_its_codes_expiry_and_a_resend,
    voiding::a_void_challenge_is_past_use,
    voiding::a_refund_gives_cooldown_and_count_back_once,
    voiding::without_a_refund_cooldown_and_count_stay,
    voiding::a_void_without_refund_is_not_refunded_later,
    voiding::a_refund_of_an_older_send_leaves_the_cooldown_of_the_last,
    voiding::a_refund_of_yesterdays_send_leaves_todays_count,
    voiding::voiding_leaves_what_is_claimed_or_consumed_or_exhausted,
    voiding::voiding_an_unknown_challenge_does_nothing,
    failures::the_fifth_wrong_code_is_incorrect_and_then_waits_grow,
    failures::a_wait_holds_for_sends_and_attempts_and_ends_to_the_millisecond,
    failures::a_wait_is_the_addresss_own,
    failures::a_wait_is_the_phones_own,
    failures::wrong_codes_over_all_addresses_lock_everybody,
    failures::the_longer_of_two_waits_holds,
    failures::attempts_in_a_wait_cost_nothing,
    failures::a_right_code_works_after_the_wait,
    failures::a_consumed_code_forgets_the_failures_of_its_address,
    failures::a_consumed_code_forgets_the_failures_over_all,
    failures::a_consumed_code_leaves_the_failures_of_other_addresses,
    failures::claiming_and_releasing_forget_no_failures,
    failures::a_new_code_forgets_no_failures,
    failures::failures_are_forgotten_after_their_memory,
    failures::thresholds_of_zero_never_wait,
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
    idempotency::a_repeated_key_repeats_the_answer_until_the_code_expires,
    idempotency::an_answer_without_a_daily_limit_is_repeated_as_it_was,
    idempotency::a_repeated_key_is_answered_during_a_failure_wait,
    idempotency::a_key_belongs_to_its_phone_and_its_arguments,
    idempotency::of_simultaneous_requests_with_one_key_one_sends,
    idempotency::a_failed_send_forgets_its_key,
    idempotency::a_key_in_flight_is_free_after_its_lease,
    idempotency::a_key_is_forgotten_when_its_challenge_ends,
    idempotency::confirming_without_a_key_does_nothing,
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
}

/// A store in this process.
pub(crate) fn memory_store() -> Store {
    Arc::new(MemoryCodeStore::default())
}

/// A store on the Redis of the whole run.
pub(crate) fn redis_store() -> Store {
    Arc::new(RedisCodeStore::new(servers::redis_pool(&[servers::redis().fresh_url()])))
}

/// A store on the Redis at `url`, with keys as they are by default.
pub(crate) fn redis_store_at(url: String) -> Store {
    Arc::new(RedisCodeStore::new(servers::redis_pool_with(&[url], KeyPrefix::default())))
}

/// A plain connection to the Redis at `url`, to look behind the store.
pub(crate) fn connection(url: &str) -> redis::Connection {
    redis::Client::open(url).and_then(|client| client.get_connection()).expect("Redis answers")
}

/// A tag, nonce or token that no other test has.
pub(crate) fn unique() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Stands for the keyed hash of a code.
pub(crate) fn digest(code: &str) -> CodeDigest {
    let mut hash = [0; 32];
    hash[32 - code.len()..].copy_from_slice(code.as_bytes());
    CodeDigest::new(hash)
}

/// A phone that no other test has, as one client sees it, and its time.
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

    /// The same phone at the same time, used from another address.
    fn from(&self, address: &str) -> Self {
        Self { address: AddressTag::new(address.to_owned()), ..self.clone() }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// All of this time but its last millisecond.
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

    /// A claim of a challenge that never was.
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

    /// A challenge that is stored, with the right code.
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

    /// One try with a claim token of its own.
    pub(crate) async fn try_code(&self, challenge: &NewChallenge, code: &str) -> AttemptOutcome {
        self.attempt(&self.claim(challenge), code).await
    }

    /// The claim that the right code gets.
    pub(crate) async fn claimed(&self, challenge: &NewChallenge) -> CodeClaim {
        let claim = self.claim(challenge);
        assert_eq!(self.attempt(&claim, RIGHT).await, CLAIMED);
        claim
    }

    async fn consume(&self, claim: &CodeClaim) -> bool {
        self.store.consume(claim).await.expect("the store answers")
    }

    /// The right code, taken and used.
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

/// What comes of so many calls at the same time.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    times: usize,
    call: impl Fn() -> F,
) -> Vec<T> {
    let calls: JoinSet<T> = (0..times).map(|_| call()).collect();
    calls.join_all().await
}
