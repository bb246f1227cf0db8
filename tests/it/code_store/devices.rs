//! Recognized devices: each has a bucket of counts that nobody else can use up.

use super::{
    AttemptOutcome, CLAIMED, CODE_TTL, DEVICES_SHARE, DeviceTag, Duration, EXPIRED, FailureLimits, IssueOutcome,
    KnownDevice, LIVE_CHALLENGES, MINUTE, NewChallenge, Phone, RIGHT, Refund, SECOND, Store, WRONG, incorrect, issued,
    unique,
};

const TOKEN_TTL: Duration = Duration::from_hours(180 * 24);

const CLAIMED_BY_DEVICE: AttemptOutcome = AttemptOutcome::Claimed { reference: None, recognized: true };

const fn issued_to_device(sends: u32) -> IssueOutcome {
    IssueOutcome::Issued { sends, remaining: None, recognized: true }
}

const fn incorrect_by_device(attempts_remaining: u32) -> AttemptOutcome {
    AttemptOutcome::Incorrect { attempts_remaining, recognized: true }
}

impl Phone {
    /// Returns the same phone, used by a new device. Its token was issued a minute ago.
    fn on_a_device(&self) -> Self {
        let device = KnownDevice { tag: DeviceTag::new(unique()), issued_at: self.now - MINUTE };
        Self { device: Some(device), ..self.clone() }
    }

    async fn revoke_devices(&self) {
        self.store.revoke_devices(&self.tag, self.now, TOKEN_TTL).await.expect("the store answers");
    }

    async fn is_recognized(&self) -> bool {
        self.store.recognizes(&self.subject()).await.expect("the store answers")
    }
}

/// Returns a phone with all limits of sends.
fn limited(store: &Store) -> Phone {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 30 * SECOND;
    (phone.limits.daily, phone.limits.daily_by_address) = (2, 1);
    phone
}

pub(crate) async fn a_device_has_a_cooldown_and_a_count_apart_from_the_phones(store: &Store) {
    let mut phone = limited(store);
    let mut device = phone.on_a_device();
    assert_eq!(phone.send().await, issued(1));
    assert_eq!(device.check().await, issued_to_device(1));
    assert_eq!(device.send().await, issued_to_device(1));
    let until = phone.now + 30 * SECOND;
    assert_eq!(device.send().await, IssueOutcome::Cooldown { until }, "the cooldown of the device");

    device.pass(30 * SECOND);
    phone.pass(30 * SECOND);
    assert_eq!(device.send().await, issued_to_device(2), "the limit of one address does not apply");
    assert_eq!(device.send().await, IssueOutcome::DailyLimit);
    let stranger = phone.from("another-address");
    assert_eq!(stranger.send().await, issued(2), "the device has used nothing of the common bucket");
}

pub(crate) async fn what_remains_for_a_device_is_of_its_bucket(store: &Store) {
    let phone = limited(store);
    let device = phone.on_a_device();
    phone.issued().await;
    let outcome = device.issue(&device.challenge(RIGHT)).await;
    assert_eq!(outcome, IssueOutcome::Issued { sends: 1, remaining: Some(1), recognized: true });
}

pub(crate) async fn two_devices_do_not_share_a_bucket(store: &Store) {
    let phone = limited(store);
    let (one, other) = (phone.on_a_device(), phone.on_a_device());
    assert_eq!(one.send().await, issued_to_device(1));
    assert_eq!(other.send().await, issued_to_device(1));
    assert!(matches!(one.send().await, IssueOutcome::Cooldown { .. }));
}

/// Each sign-in makes a device. Without a limit over all of them, one phone could get any number of messages.
pub(crate) async fn all_devices_of_a_phone_together_have_a_limit(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.daily = 2;
    let mut last = phone.challenge(RIGHT);
    for _ in 0..2 * DEVICES_SHARE {
        last = phone.on_a_device().issued().await;
    }
    let device = phone.on_a_device();
    assert_eq!(device.send().await, IssueOutcome::DailyLimit);
    assert_eq!(phone.send().await, issued(1), "the common bucket is not used");

    let by = Phone { device: last.subject.device.clone(), ..phone.clone() };
    by.void(&last, Refund::Send).await;
    assert_eq!(device.send().await, issued_to_device(1), "a refused send is refunded to all devices");
    phone.limits.day += 1;
    assert_eq!(phone.on_a_device().send().await, issued_to_device(1));
}

pub(crate) async fn a_refund_goes_to_the_bucket_of_the_send(store: &Store) {
    let phone = limited(store);
    let device = phone.on_a_device();
    phone.issued().await;
    let refused = device.issued().await;
    device.void(&refused, Refund::Send).await;
    assert_eq!(device.send().await, issued_to_device(1));
    assert!(matches!(phone.from("elsewhere").send().await, IssueOutcome::Cooldown { .. }), "of the phone's own send");
}

pub(crate) async fn wrong_codes_of_others_keep_no_device_waiting(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.failures = FailureLimits { by_address: 1, in_all: 2 };
    let device = phone.on_a_device();
    let challenge = phone.issued().await;
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(2));
    let stranger = phone.from("another-address");
    assert_eq!(stranger.try_code(&challenge, WRONG).await, incorrect(1));
    assert!(matches!(phone.from("a-third").send().await, IssueOutcome::FailureWait { .. }), "over all addresses");

    assert_eq!(device.send().await, issued_to_device(1));
    assert_eq!(device.try_code(&challenge, RIGHT).await, CLAIMED_BY_DEVICE);
}

pub(crate) async fn wrong_codes_of_a_device_make_only_that_device_wait(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.failures = FailureLimits { by_address: 2, in_all: 3 };
    let device = phone.on_a_device();
    let (one, two) = (device.issued().await, device.issued().await);
    assert_eq!(device.try_code(&one, WRONG).await, incorrect_by_device(2));
    assert_eq!(device.try_code(&one, WRONG).await, incorrect_by_device(1));
    let until = phone.now + MINUTE;
    assert_eq!(device.try_code(&two, RIGHT).await, AttemptOutcome::FailureWait { until });
    assert_eq!(device.send().await, IssueOutcome::FailureWait { until });

    let elsewhere = device.from("another-address");
    assert_eq!(elsewhere.try_code(&two, WRONG).await, incorrect_by_device(2), "the threshold of the address");
    let until = phone.now + MINUTE;
    let third = device.from("a-third-address");
    assert_eq!(third.try_code(&two, RIGHT).await, AttemptOutcome::FailureWait { until }, "the threshold over all");
    assert_eq!(phone.try_code(&two, RIGHT).await, CLAIMED, "others do not wait");
}

pub(crate) async fn a_success_on_a_device_forgets_only_its_wrong_codes(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.failures = FailureLimits { by_address: 3, in_all: 0 };
    let mut device = phone.on_a_device();
    let challenge = phone.issued().await;
    for user in [&phone, &device] {
        user.try_code(&challenge, WRONG).await;
    }
    let used = device.issued().await;
    let claim = device.claim(&used);
    assert_eq!(device.attempt(&claim, RIGHT).await, CLAIMED_BY_DEVICE);
    assert!(device.consume(&claim).await);

    device.max_attempts = 9;
    phone.max_attempts = 9;
    let next = phone.issued().await;
    assert_eq!(phone.try_code(&next, WRONG).await, incorrect(8));
    assert_eq!(phone.try_code(&next, WRONG).await, incorrect(7), "the third in a row");
    assert!(matches!(phone.try_code(&next, WRONG).await, AttemptOutcome::FailureWait { .. }));
    for left in [6, 5, 4] {
        assert_eq!(device.try_code(&next, WRONG).await, incorrect_by_device(left), "the device began again");
    }
}

pub(crate) async fn a_revoked_device_is_treated_like_no_device(store: &Store) {
    let mut phone = limited(store);
    let mut revoked = phone.on_a_device();
    assert!(revoked.is_recognized().await);
    phone.revoke_devices().await;
    assert!(!revoked.is_recognized().await);
    assert_eq!(revoked.check().await, issued(1));
    let challenge = revoked.issued().await;
    assert!(matches!(phone.from("elsewhere").send().await, IssueOutcome::Cooldown { .. }), "the common bucket");
    assert_eq!(revoked.try_code(&challenge, WRONG).await, incorrect(2));
    revoked.void(&challenge, Refund::Send).await;
    assert_eq!(phone.send().await, issued(1), "the refund is of the common bucket");

    for user in [&mut phone, &mut revoked] {
        user.pass(2 * MINUTE);
    }
    let later = phone.on_a_device();
    assert_eq!(later.send().await, issued_to_device(1), "its token was issued after the revocation");
}

pub(crate) async fn a_revocation_covers_tokens_up_to_its_time_and_never_goes_back(store: &Store) {
    let mut phone = Phone::new(store);
    let mut device = phone.on_a_device();
    let issued_at = device.device.as_ref().expect("a device").issued_at;
    phone.now = issued_at - super::MILLISECOND;
    phone.revoke_devices().await;
    assert!(device.is_recognized().await, "revoked before its token was issued");
    phone.now = issued_at;
    phone.revoke_devices().await;
    assert!(!device.is_recognized().await, "revoked when its token was issued");
    phone.now -= MINUTE;
    phone.revoke_devices().await;
    assert!(!device.is_recognized().await);

    assert!(!phone.is_recognized().await, "there is no device");
    device.tag = Phone::new(store).tag;
    assert!(device.is_recognized().await, "the devices of other phones are not revoked");
}

pub(crate) async fn strangers_do_not_drop_a_devices_challenges(store: &Store) {
    let phone = Phone::new(store);
    let device = phone.on_a_device();
    let challenge = device.issued().await;
    for _ in 0..2 * LIVE_CHALLENGES {
        phone.issued().await;
    }
    assert_eq!(device.try_code(&challenge, RIGHT).await, CLAIMED_BY_DEVICE);
    let (own, mut last) = (device.issued().await, challenge);
    for _ in 0..LIVE_CHALLENGES {
        last = device.issued().await;
    }
    assert_eq!(device.try_code(&own, RIGHT).await, EXPIRED, "a device has only so many live challenges");
    assert_eq!(device.try_code(&last, RIGHT).await, CLAIMED_BY_DEVICE);
}

pub(crate) async fn a_used_code_voids_the_codes_of_all_buckets(store: &Store) {
    let phone = Phone::new(store);
    let device = phone.on_a_device();
    let common = NewChallenge { expires_at: phone.now + 2 * CODE_TTL, ..phone.challenge(RIGHT) };
    let common = phone.stored(common).await;
    let used = device.issued().await;
    let claim = device.claim(&used);
    assert_eq!(device.attempt(&claim, RIGHT).await, CLAIMED_BY_DEVICE);
    assert!(device.consume(&claim).await);
    assert_eq!(phone.try_code(&common, RIGHT).await, EXPIRED);
}
