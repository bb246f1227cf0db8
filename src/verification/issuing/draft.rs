//! The draft of a challenge: all values of a send, prepared before anything is stored or counted.

use std::time::Duration;

use jiff::Timestamp;

use super::{CodeRequest, Issuing, IssuingPolicy};
use crate::channel::Channel;
use crate::code::Code;
use crate::day::Day;
use crate::limits::SendTicket;
use crate::locale::Locale;
use crate::phone::Destination;
use crate::random;
use crate::tags::DeviceTag;
use crate::verification::keys::ChallengeName;
use crate::verification::store::{NewChallenge, PhoneLimits, SentAnswer, Subject};

/// A challenge that is not stored yet, and its send, which is not counted yet.
pub(super) struct Draft {
    pub(super) code: Code,
    /// Whether the code is sent by SMS. The code of a test number is not.
    pub(super) sends_sms: bool,
    /// Whether the phone has no account and may not sign up: then there is no SMS, and no code matches.
    pub(super) is_decoy: bool,
    pub(super) name: ChallengeName,
    pub(super) challenge: NewChallenge,
    pub(super) phone_limits: PhoneLimits,
    pub(super) ticket: SendTicket,
}

impl Issuing {
    /// Prepares a challenge at the current time. `test_code` is the fixed code of a test number.
    pub(super) fn draft(&self, request: &CodeRequest, test_code: Option<&Code>) -> Draft {
        let now = self.clock.now();
        let day = Day::of(now, self.policy.day_offset);
        let code = test_code.cloned().unwrap_or_else(|| Code::random(&mut random::source()));

        let scope = request.scope();
        let resend_of = request.resend_of.as_deref().and_then(|id| self.keys.challenge(id, scope));
        let name = self.keys.new_challenge(scope, resend_of.as_ref());
        let subject = Subject {
            phone: self.keys.phone_tag(&request.phone),
            address: self.keys.address_tag(request.client),
            device: request.device.as_ref().map(|device| self.keys.known_device(&request.phone, device)),
        };
        let locale = request.locale.as_ref().map(Locale::as_str);
        // The captcha and the device token are not part of what the client asks for, and may be new in a repetition.
        let arguments = [
            request.reference.as_deref(),
            request.resend_of.as_deref(),
            locale,
            request.app_hash.as_deref(),
            Some(request.channel.name()),
        ];
        let key = request.idempotency_key.as_ref().map(|key| self.keys.request_key(key, scope, arguments));

        let ticket = SendTicket {
            id: name.nonce.clone(),
            captcha: request.captcha.as_ref().map(|answer| self.keys.captcha_tag(&answer.ticket)),
            networks: self.keys.network_tags(request.client),
            destination: Destination::from(&request.phone),
            price: self.deliveries.highest_price(&request.phone, scope.purpose, request.channel),
            at: now,
            day,
        };

        let challenge = NewChallenge {
            subject,
            purpose: scope.purpose,
            digest: self.keys.digest(scope, &name, &code),
            nonce: name.nonce.clone(),
            reference: request.reference.clone(),
            resend_of: resend_of.map(|old| old.nonce),
            needs_predecessor: request.channel == Channel::Voice,
            key,
            issued_at: now,
            expires_at: now + self.policy.code_ttl,
        };

        let sends_sms = test_code.is_none();
        let phone_limits = phone_limits(&self.policy, day, sends_sms);
        Draft { code, sends_sms, is_decoy: false, name, challenge, phone_limits, ticket }
    }
}

impl Draft {
    /// Returns the tag of the client's device if the store recognizes it.
    pub(super) fn device(&self, recognized: bool) -> Option<&DeviceTag> {
        self.challenge.subject.device.as_ref().filter(|_| recognized).map(|device| &device.tag)
    }

    /// Moves the draft to a later time.
    pub(super) fn set_time(&mut self, now: Timestamp, policy: &IssuingPolicy) {
        let day = Day::of(now, policy.day_offset);
        self.challenge.issued_at = now;
        self.challenge.expires_at = now + policy.code_ttl;
        self.phone_limits.day = day.number;
        self.ticket.at = now;
        self.ticket.day = day;
    }

    /// Builds the answer for the client, who has `sends_remaining` left today.
    pub(super) fn answer(&self, sends_remaining: Option<u32>) -> SentAnswer {
        let cooled_down = self.challenge.issued_at + self.phone_limits.cooldown;
        SentAnswer {
            expires_at: self.challenge.expires_at,
            resend_at: if sends_remaining == Some(0) { self.ticket.day.end.max(cooled_down) } else { cooled_down },
            sends_remaining,
        }
    }
}

/// Returns the phone's limits for this send. For a test number only the waits after wrong codes apply: a send to it costs
/// nothing.
fn phone_limits(policy: &IssuingPolicy, day: Day, sends_sms: bool) -> PhoneLimits {
    let (cooldown, daily) = if sends_sms { (policy.cooldown, policy.daily_limit) } else { (Duration::ZERO, 0) };
    let daily_by_address = if daily > 0 { policy.daily_limit_per_address } else { 0 };
    PhoneLimits { cooldown, daily, daily_by_address, day: day.number, failures: policy.failures }
}
