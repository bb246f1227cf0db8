//! The draft of a challenge: everything about a send that is decided before anything is reserved.

use std::time::Duration;

use jiff::Timestamp;

use super::{CodeRequest, CodeSent, Issuing, IssuingPolicy};
use crate::code::Code;
use crate::day::Day;
use crate::limits::SendTicket;
use crate::phone::Destination;
use crate::random;
use crate::verification::keys::Scope;
use crate::verification::store::{NewChallenge, PhoneLimits, Subject};

/// A challenge that is not reserved yet.
pub(super) struct Draft {
    pub(super) code: Code,
    /// Whether the code goes out by SMS. A test number's does not.
    pub(super) sends_sms: bool,
    challenge_id: String,
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

        let purpose = request.code_use.purpose();
        let scope = Scope { phone: &request.phone, purpose, user: request.code_use.user() };
        let (nonce, challenge_id) = self.keys.new_challenge_id(scope);
        let subject =
            Subject { phone: self.keys.phone_tag(&request.phone), address: self.keys.address_tag(request.client) };

        let ticket = SendTicket {
            id: nonce.clone(),
            captcha: request.captcha.as_ref().map(|answer| self.keys.captcha_tag(&answer.ticket)),
            networks: self.keys.network_tags(request.client),
            destination: Destination::from(&request.phone),
            at: now,
            day,
        };
        let challenge = NewChallenge {
            subject,
            digest: self.keys.digest(purpose, &request.phone, &nonce, &code),
            nonce,
            reference: request.reference.clone(),
            issued_at: now,
            expires_at: now + self.policy.code_ttl,
        };
        let sends_sms = test_code.is_none();
        let phone_limits = phone_limits(&self.policy, day, sends_sms);
        Draft { code, sends_sms, challenge_id, challenge, phone_limits, ticket }
    }
}

impl Draft {
    /// Moves the draft to a later time.
    pub(super) fn set_time(&mut self, now: Timestamp, policy: &IssuingPolicy) {
        let day = Day::of(now, policy.day_offset);
        self.challenge.issued_at = now;
        self.challenge.expires_at = now + policy.code_ttl;
        self.phone_limits.day = day.number;
        self.ticket.at = now;
        self.ticket.day = day;
    }

    /// Builds the answer for the client, after the phone's sends of today.
    pub(super) fn into_answer(self, sends: u32) -> CodeSent {
        let Self { challenge_id, challenge, phone_limits: limits, ticket, .. } = self;
        let sends_remaining = (limits.daily > 0).then(|| limits.daily.saturating_sub(sends));
        let cooled_down = challenge.issued_at + limits.cooldown;
        CodeSent {
            challenge_id,
            expires_at: challenge.expires_at,
            resend_at: if sends_remaining == Some(0) { ticket.day.end.max(cooled_down) } else { cooled_down },
            sends_remaining,
        }
    }
}

/// A send to a test number costs nothing, so of the phone's limits only the waits for wrong codes apply to it.
fn phone_limits(policy: &IssuingPolicy, day: Day, sends_sms: bool) -> PhoneLimits {
    let (cooldown, daily) = if sends_sms { (policy.cooldown, policy.daily_limit) } else { (Duration::ZERO, 0) };
    PhoneLimits { cooldown, daily, day: day.number, failures: policy.failures }
}
