//! The gate before a send: allowed regions, limits across phones, the pumping guard and the captcha.
//!
//! The cheapest checks run first: the request itself, then the limits, then the captcha, which needs a call to another
//! service. With `CAPTCHA=challenge`, the limits of the address and the guard ask for a captcha before they reject a send; one
//! captcha answers all of them, and admits one send. A suspect send is reported once, even if several steps find it suspect.
//! The limits of a single phone are not checked here: the code store counts them in the step that issues the challenge.

use std::sync::Arc;

use jiff::Timestamp;

use super::{RequestCodeError, SignUp};
use crate::captcha::{Captcha, CaptchaAnswer, CaptchaError, Passage};
use crate::client::ClientAddress;
use crate::limits::{
    AddressLimits, CaptchaUse, Checked, CountError, Counting, Limit, Limits, RateLimited, SendKind, SendTicket,
    Suspicion,
};
use crate::metrics;
use crate::phone::{PhoneNumber, PhonePrefixes, PhoneRegions};
use crate::price::Price;
use crate::purpose::Purpose;
use crate::tags::{DeviceTag, NetworkTags};

/// Decides whether a send may go ahead.
pub struct Admission {
    regions: PhoneRegions,
    trusted: PhonePrefixes,
    limits: Arc<Limits>,
    captcha: Captcha,
    sign_up: SignUp,
}

/// How far one request has got through admission.
pub(super) struct Entry<'a> {
    kind: SendKind,
    given: Option<&'a CaptchaAnswer>,
    /// The captcha that must be verified before the send is counted.
    unverified: Option<&'a CaptchaAnswer>,
    /// The limit of the address that asked for the captcha.
    limited: Option<RateLimited>,
    /// The place that the send already has in the count of its address or device, before its captcha is verified.
    place: Option<SendTicket>,
    /// The tag of the client's device, if it is recognized: the limits of its address do not apply then.
    device: Option<NetworkTags>,
    is_reported: bool,
}

impl Entry<'_> {
    /// Returns whether a captcha must be verified before the send is counted.
    pub(super) const fn awaits_captcha(&self) -> bool {
        self.unverified.is_some()
    }

    /// Sets the client's device if it is recognized: the limits of its address do not apply then.
    pub(super) fn set_recognized(&mut self, device: Option<&DeviceTag>) {
        self.device = device.map(NetworkTags::of_device);
    }

    const fn address_limits(&self) -> AddressLimits {
        if self.device.is_some() { AddressLimits::Exempt } else { AddressLimits::Apply }
    }
}

impl Admission {
    /// Creates the gate. The guard does not count sends to `trusted` numbers.
    #[must_use]
    pub const fn new(regions: PhoneRegions, trusted: PhonePrefixes, limits: Arc<Limits>, captcha: Captcha) -> Self {
        Self { regions, trusted, limits, captcha, sign_up: SignUp::Open }
    }

    /// Sets the sign-up policy.
    #[must_use]
    pub fn with_sign_up(self, sign_up: SignUp) -> Self {
        Self { sign_up, ..self }
    }

    /// Returns whether clients must not learn which phones have an account.
    pub(super) fn hides_accounts(&self) -> bool {
        matches!(self.sign_up, SignUp::Closed(_))
    }

    /// Returns whether the phone may get a code for this purpose. If not, the client must not learn that.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn admits(&self, phone: &PhoneNumber, purpose: Purpose) -> Result<bool, RequestCodeError> {
        Ok(self.sign_up.admits(phone, purpose).await?)
    }

    /// Checks the request without a store: its region, and the form of its captcha if every request needs one.
    ///
    /// # Errors
    /// If the region is not allowed, or the captcha is missing or malformed.
    pub(super) fn enter<'a>(
        &self,
        phone: &PhoneNumber,
        sends_sms: bool,
        captcha: Option<&'a CaptchaAnswer>,
    ) -> Result<Entry<'a>, RequestCodeError> {
        if !self.regions.allow(phone) {
            return Err(RequestCodeError::RegionNotAllowed);
        }

        let unverified = self.captcha.screen(captcha, false)?;
        let captcha_use = match unverified {
            Some(_) => CaptchaUse::Routine,
            None if self.captcha.is_for_all() => CaptchaUse::Waived,
            None => CaptchaUse::None,
        };
        let is_trusted = self.trusted.match_number(phone);
        let kind = SendKind { sends_sms, is_trusted, captcha: captcha_use };
        Ok(Entry { kind, given: captcha, unverified, limited: None, place: None, device: None, is_reported: false })
    }

    /// Returns whether a send should be checked by `check` before a challenge is issued for it.
    pub(super) fn is_wary(&self, now: Timestamp) -> bool {
        self.limits.is_wary(now)
    }

    /// Checks a send without counting it. The entry may need a captcha afterwards.
    ///
    /// # Errors
    /// If a limit rejects the send, a captcha is needed but missing, or the store fails.
    pub(super) async fn check(&self, ticket: &SendTicket, entry: &mut Entry<'_>) -> Result<(), RequestCodeError> {
        self.run(ticket, entry, Counting::Nothing).await.map(drop)
    }

    /// Counts a send. If a limit asks for a captcha, counts nothing and returns false; after the captcha is verified, the
    /// caller can try again.
    ///
    /// # Errors
    /// If a limit rejects the send, a captcha is needed but missing, or the store fails. Nothing is counted then.
    pub(super) async fn count(&self, ticket: &SendTicket, entry: &mut Entry<'_>) -> Result<bool, RequestCodeError> {
        self.run(ticket, entry, Counting::Everything).await
    }

    async fn run(
        &self,
        ticket: &SendTicket,
        entry: &mut Entry<'_>,
        counting: Counting,
    ) -> Result<bool, RequestCodeError> {
        let checked = match self.limits.count_send(ticket, entry.kind, entry.address_limits(), counting).await {
            Err(CountError::Limited(limited)) if self.asks_for_captcha(limited, entry) => {
                entry.limited = Some(limited);
                self.ask(entry)?;
                // Without a solved captcha, the limit holds: anybody can claim that the captcha service is down.
                return if entry.awaits_captcha() { Ok(false) } else { Err(RequestCodeError::Limited(limited)) };
            }
            checked => checked?,
        };

        match checked {
            Checked::Allowed { suspicion } => {
                // A suspect send that is only checked is reported when it is counted.
                if let Some(suspicion) = suspicion.filter(|_| counting == Counting::Everything) {
                    self.report(ticket, suspicion, entry);
                }
                Ok(true)
            }
            Checked::Denied(suspicion, limited) => {
                self.report(ticket, suspicion, entry);
                Err(RequestCodeError::Limited(limited))
            }
            Checked::NeedsCaptcha(suspicion) => {
                self.report(ticket, suspicion, entry);
                self.ask(entry)?;
                Ok(false)
            }
            Checked::CaptchaUsed => Err(self.captcha.used().into()),
        }
    }

    /// Returns whether the limit asks for a captcha instead of rejecting the send. It asks once.
    fn asks_for_captcha(&self, limited: RateLimited, entry: &Entry<'_>) -> bool {
        let is_of_address = matches!(limited.limit, Limit::IpHourly | Limit::IpDaily);
        is_of_address && self.captcha.is_for_some() && entry.kind.captcha == CaptchaUse::None
    }

    /// Asks for a captcha: the entry then awaits its verification, unless the settings waive it.
    fn ask(&self, entry: &mut Entry<'_>) -> Result<(), CaptchaError> {
        entry.unverified = self.captcha.screen(entry.given, true)?;
        entry.kind.captcha = if entry.awaits_captcha() { CaptchaUse::Asked } else { CaptchaUse::Waived };
        Ok(())
    }

    /// Verifies the captcha that the entry awaits.
    ///
    /// The call costs money and time, so a place in the address's count is used up before it: otherwise a client could
    /// invent captcha tickets for free. When the send is counted, it does not use up a second place. Past the limit of the
    /// address there are places too, but not without end: see `CAPTCHA_RAISES_TO`. A recognized device has as many separate
    /// places as an address has, and only failed captchas use them up: its limits of sends are those of the phone.
    ///
    /// # Errors
    /// If a limit rejects the send, the captcha is not passed, or the store fails.
    pub(super) async fn verify_captcha(
        &self,
        ticket: &SendTicket,
        entry: &mut Entry<'_>,
        client: ClientAddress,
    ) -> Result<(), RequestCodeError> {
        let Some(answer) = entry.unverified.take() else {
            return Ok(());
        };
        let networks = entry.device.as_ref().unwrap_or(&ticket.networks).clone();
        let place = SendTicket { networks, ..ticket.clone() };
        match self.limits.count_send(&place, entry.kind, AddressLimits::Apply, Counting::AddressOnly).await? {
            Checked::Denied(suspicion, limited) => {
                self.report(ticket, suspicion, entry);
                return Err(RequestCodeError::Limited(limited));
            }
            Checked::CaptchaUsed => return Err(self.captcha.used().into()),
            Checked::Allowed { .. } | Checked::NeedsCaptcha(_) => entry.place = Some(place),
        }

        let verified = self.captcha.verify(answer, client, ticket.at).await;
        if entry.device.is_some() && verified.is_ok() {
            self.abandon(entry).await;
        }
        match verified {
            Ok(Passage::Solved) => Ok(()),
            Ok(Passage::Waived) => {
                entry.kind.captcha = CaptchaUse::Waived;
                let Some(limited) = entry.limited else {
                    return Ok(());
                };
                self.abandon(entry).await;
                Err(RequestCodeError::Limited(limited))
            }
            Err(error) => {
                // An outage is not the client's fault.
                if matches!(error, CaptchaError::Unverified { .. }) {
                    self.abandon(entry).await;
                }
                Err(error.into())
            }
        }
    }

    /// Refunds the place that the entry has, if it has one: the send does not go ahead.
    pub(super) async fn abandon(&self, entry: &mut Entry<'_>) {
        if let Some(place) = entry.place.take() {
            self.limits.refund_send(&place).await;
        }
    }

    /// Refunds a send that the provider rejected. Its address gets no refund: rejections must not be free to try.
    pub(super) async fn refund_rejected(&self, ticket: &SendTicket) {
        self.limits.refund_rejected_send(ticket).await;
    }

    /// Replaces the price that was reserved for a send by the actual one.
    pub(super) async fn settle(&self, ticket: &SendTicket, cost: Price) {
        self.limits.settle_send(ticket, cost).await;
    }

    fn report(&self, ticket: &SendTicket, suspicion: Suspicion, entry: &mut Entry<'_>) {
        if std::mem::replace(&mut entry.is_reported, true) {
            return;
        }
        let mode = self.limits.guard_mode();
        metrics::suspect(suspicion.name(), mode.name());
        // Spraying makes every send suspect, so it must not fill the log.
        if suspicion == Suspicion::WrongCodes {
            tracing::debug!("more wrong codes over all phones than usual");
            return;
        }
        tracing::warn!(
            guard.reason = suspicion.name(),
            guard.mode = mode.name(),
            phone.region = %ticket.destination.region,
            phone.prefix = %ticket.destination.prefix,
            "more unverified sends than verified traffic explains"
        );
    }
}
