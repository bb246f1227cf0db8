//! The limit store of an embedded server: limits in the memory of this process.
//!
//! One lock is held for one short step at a time, and never across an `await`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use self::buckets::{Buckets, CodeBuckets};
use super::store::{
    AttemptCount, AttemptTicket, Counting, LimitStore, SendRefund, SendTicket, SendVerdict, Suspicion, TrafficLimits,
    UsedCode,
};
use super::{CAPTCHA_MEMORY, DAY, GuardPolicy, HOUR, Limit, NETWORK_SHARES, SEND_MEMORY, SprayPolicy};
use crate::day::Day;
use crate::price::Price;
use crate::store::StoreError;
use crate::tags::{AddressTag, CaptchaTag, NetworkTags};

mod buckets;

/// The store is not swept while it has fewer entries than this.
const SWEEP_FLOOR: usize = 1024;

/// The limit store of an embedded server.
#[derive(Debug, Default)]
pub struct MemoryLimitStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    addresses: HashMap<AddressTag, Address>,
    sends: HashMap<String, RecordedSend>,
    total: DayTotal,
    traffic: HashMap<String, Buckets>,
    codes: CodeBuckets,
    /// When each captcha was used.
    captchas: HashMap<CaptchaTag, Timestamp>,
    sweep_at: usize,
}

/// The sends of one calendar day over all phones.
#[derive(Debug, Clone, Copy, Default)]
struct DayTotal {
    day: i64,
    sends: u32,
    /// In millionths.
    spend: u64,
}

#[derive(Debug, Default)]
struct Address {
    sends: Vec<(Timestamp, String)>,
    attempts: Vec<(Timestamp, String)>,
    regions: HashMap<String, Timestamp>,
    /// The regions in which the address has used a code, and when it last did.
    used_regions: HashMap<String, Timestamp>,
}

/// A send whose code may still be used.
#[derive(Debug)]
struct RecordedSend {
    networks: NetworkTags,
    at: Timestamp,
    /// The first attempt with its code from the address that requested it.
    first_attempt: Option<String>,
    /// The day in whose total it is counted, if it is counted in one.
    day: Option<i64>,
    /// The day whose spend includes it, and its price in millionths, if one includes it.
    priced: Option<(i64, u64)>,
    /// Whether the guard's traffic includes it.
    in_traffic: bool,
}

impl Address {
    /// Returns whether the address has used a code in the region on the last day: the region then does not count.
    fn is_exempt(&self, region: &str, now: Timestamp) -> bool {
        self.used_regions.get(region).is_some_and(|used| *used + DAY > now)
    }
}

impl State {
    fn is_used(&self, captcha: &CaptchaTag, now: Timestamp) -> bool {
        self.captchas.get(captcha).is_some_and(|used| *used + CAPTCHA_MEMORY > now)
    }

    /// Returns the limit of the day or of the address that rejects the send, and until when it does.
    fn rejection(&mut self, ticket: &SendTicket, limits: &TrafficLimits<'_>) -> Option<(Limit, Timestamp)> {
        let total = self.total_on(ticket.day);
        if limits.total_daily > 0 && total.sends >= limits.total_daily {
            return Some((Limit::TotalDaily, ticket.day.end));
        }
        let (spend, ceiling) = (total.spend + ticket.price.millionths(), limits.spend_daily.millionths());
        if ceiling > 0 && spend > ceiling {
            return Some((Limit::SpendDaily, ticket.day.end));
        }

        let now = ticket.at;
        // A place that this send got before its captcha was verified must not count against it.
        if !self.sends_of(ticket.networks.narrowest()).iter().any(|(_, id)| *id == ticket.id) {
            for (tag, share) in ticket.networks.all().iter().zip(NETWORK_SHARES) {
                let sends = self.sends_of(tag);
                sends.retain(|(at, _)| *at + DAY > now);

                let spans = [(Limit::IpDaily, DAY, limits.ip_daily), (Limit::IpHourly, HOUR, limits.ip_hourly)];
                for (limit, span, most) in spans {
                    if let Some(until) = full_until(sends, span, most.saturating_mul(share), now) {
                        return Some((limit, until));
                    }
                }
            }
        }
        None
    }

    /// Returns the sends of this day, or of a later day that the store has already begun to count.
    fn total_on(&self, day: Day) -> DayTotal {
        if self.total.day >= day.number { self.total } else { DayTotal { day: day.number, sends: 0, spend: 0 } }
    }

    fn add_spend(&mut self, day: i64, before: u64, after: u64) {
        if day == self.total.day {
            self.total.spend = (self.total.spend + after).saturating_sub(before);
        }
    }

    fn sends_of(&mut self, tag: &AddressTag) -> &mut Vec<(Timestamp, String)> {
        &mut self.addresses.entry(tag.clone()).or_default().sends
    }

    fn count_for_address(&mut self, ticket: &SendTicket, limits: &TrafficLimits<'_>) {
        for tag in ticket.networks.all() {
            let sends = self.sends_of(tag);
            sends.retain(|(_, id)| *id != ticket.id);
            if limits.ip_hourly > 0 || limits.ip_daily > 0 {
                sends.push((ticket.at, ticket.id.clone()));
            }
        }
    }

    fn refund_addresses(&mut self, networks: &NetworkTags, send: &str) {
        for tag in networks.all() {
            if let Some(address) = self.addresses.get_mut(tag) {
                address.sends.retain(|(_, id)| id != send);
            }
        }
    }

    /// Returns the send of an attempt if the address that makes the attempt requested it.
    fn own_send(&mut self, attempt: &AttemptTicket<'_>) -> Option<&mut RecordedSend> {
        self.sends.get_mut(attempt.send).filter(|send| send.networks.narrowest() == attempt.address)
    }

    /// Counts the send everywhere except for its address, and records where, so that a refund takes it out of nothing else.
    fn count(&mut self, ticket: &SendTicket, limits: &TrafficLimits<'_>) {
        if let Some(captcha) = limits.captcha {
            self.captchas.insert(captcha.clone(), ticket.at);
        }

        let mut total = self.total_on(ticket.day);
        let (mut day, mut priced) = (None, None);
        if limits.total_daily > 0 {
            total.sends += 1;
            day = Some(total.day);
        }
        if limits.spend_daily > Price::ZERO {
            total.spend += ticket.price.millionths();
            priced = Some((total.day, ticket.price.millionths()));
        }
        if day.is_some() || priced.is_some() {
            self.total = total;
        }

        if let Some(guard) = limits.guard {
            if guard.regions_per_address > 0 {
                let address = self.addresses.entry(ticket.networks.narrowest().clone()).or_default();
                if !address.is_exempt(&ticket.destination.region, ticket.at) {
                    address.regions.insert(ticket.destination.region.clone(), ticket.at);
                }
            }
            for key in [&ticket.destination.region, &ticket.destination.prefix] {
                self.traffic.entry(key.clone()).or_default().add_unverified(ticket.at.as_millisecond());
            }
        }

        let in_traffic = limits.guard.is_some();
        let networks = ticket.networks.clone();
        let send = RecordedSend { networks, at: ticket.at, first_attempt: None, day, priced, in_traffic };
        self.sends.insert(ticket.id.clone(), send);
    }

    fn suspicion(&mut self, ticket: &SendTicket, guard: &GuardPolicy) -> Option<Suspicion> {
        let now = ticket.at.as_millisecond();
        let mut spent = |key: &str| guard.is_spent(self.traffic.entry(key.to_owned()).or_default().traffic(now));
        if spent(&ticket.destination.region) {
            return Some(Suspicion::Region);
        }
        if spent(&ticket.destination.prefix) {
            return Some(Suspicion::Prefix);
        }

        let address = self.addresses.entry(ticket.networks.narrowest().clone()).or_default();
        address.regions.retain(|_, last| *last + DAY > ticket.at);
        let region = &ticket.destination.region;
        let is_known = address.regions.contains_key(region) || address.is_exempt(region, ticket.at);
        let limit = usize::try_from(guard.regions_per_address).unwrap_or(usize::MAX);
        (limit > 0 && !is_known && address.regions.len() >= limit).then_some(Suspicion::ManyRegions)
    }

    fn is_spraying(&mut self, policy: SprayPolicy, now: Timestamp) -> bool {
        policy.is_exceeded(self.codes.codes(now.as_millisecond()))
    }

    /// Takes an attempt out of its address's count, and its code out of the wrong ones. Returns whether it was counted.
    fn remove_attempt(&mut self, tag: &AddressTag, attempt: &str) -> bool {
        let attempts = self.addresses.get_mut(tag).map(|address| &mut address.attempts);
        let removed = attempts.and_then(|attempts| {
            let index = attempts.iter().position(|(_, tried)| tried == attempt)?;
            Some(attempts.remove(index))
        });
        let Some((tried_at, _)) = removed else {
            return false;
        };
        self.codes.remove_wrong(tried_at.as_millisecond());
        true
    }

    fn sweep(&mut self, now: Timestamp) {
        if self.entries() < self.sweep_at.max(SWEEP_FLOOR) {
            return;
        }
        self.captchas.retain(|_, used| *used + CAPTCHA_MEMORY > now);
        self.sends.retain(|_, send| send.at + SEND_MEMORY > now);
        self.addresses.retain(|_, address| {
            address.sends.retain(|(at, _)| *at + DAY > now);
            address.attempts.retain(|(at, _)| *at + HOUR > now);
            address.regions.retain(|_, last| *last + DAY > now);
            address.used_regions.retain(|_, used| *used + DAY > now);
            let has_regions = !(address.regions.is_empty() && address.used_regions.is_empty());
            has_regions || !(address.sends.is_empty() && address.attempts.is_empty())
        });
        self.sweep_at = self.entries() * 2;
    }

    fn entries(&self) -> usize {
        self.addresses.len() + self.sends.len() + self.captchas.len()
    }
}

/// Returns the time at which the window of the last `span` has fewer than `limit` entries again, or `None` if it has fewer
/// now.
fn full_until(entries: &[(Timestamp, String)], span: Duration, limit: u32, now: Timestamp) -> Option<Timestamp> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let inside: Vec<Timestamp> = entries.iter().map(|(at, _)| *at).filter(|at| *at + span > now).collect();
    (limit > 0 && inside.len() >= limit).then(|| inside[inside.len() - limit] + span)
}

impl MemoryLimitStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LimitStore for MemoryLimitStore {
    async fn count_send(
        &self,
        ticket: &SendTicket,
        limits: &TrafficLimits<'_>,
        counting: Counting,
    ) -> Result<SendVerdict, StoreError> {
        let mut state = self.state();
        state.sweep(ticket.at);
        if limits.captcha.is_some_and(|captcha| state.is_used(captcha, ticket.at)) {
            return Ok(SendVerdict::CaptchaUsed);
        }
        if let Some((limit, until)) = state.rejection(ticket, limits) {
            return Ok(SendVerdict::Limited { limit, until });
        }

        let is_sprayed = limits.spraying.is_some_and(|policy| state.is_spraying(policy, ticket.at));
        let suspicion = limits.guard.and_then(|guard| state.suspicion(ticket, guard));
        let suspicion = suspicion.or(is_sprayed.then_some(Suspicion::WrongCodes));
        if let Some(suspicion) = suspicion.filter(|_| !limits.suspect_passes) {
            return Ok(SendVerdict::Suspect(suspicion));
        }

        match counting {
            Counting::Nothing => {}
            Counting::AddressOnly => state.count_for_address(ticket, limits),
            Counting::Everything => {
                state.count_for_address(ticket, limits);
                state.count(ticket, limits);
            }
        }
        Ok(SendVerdict::Allowed { suspicion })
    }

    async fn refund_send(&self, ticket: &SendTicket, refund: SendRefund) -> Result<(), StoreError> {
        let mut state = self.state();
        if refund == SendRefund::Everything {
            state.refund_addresses(&ticket.networks, &ticket.id);
        }

        let Some(send) = state.sends.remove(&ticket.id) else {
            return Ok(());
        };
        if send.day == Some(state.total.day) {
            state.total.sends = state.total.sends.saturating_sub(1);
        }
        if let Some((day, price)) = send.priced {
            state.add_spend(day, price, 0);
        }
        for key in [&ticket.destination.region, &ticket.destination.prefix] {
            if let Some(buckets) = state.traffic.get_mut(key).filter(|_| send.in_traffic) {
                buckets.remove_unverified(send.at.as_millisecond());
            }
        }
        Ok(())
    }

    async fn settle_send(&self, ticket: &SendTicket, price: Price) -> Result<(), StoreError> {
        let mut state = self.state();
        if let Some((day, reserved)) = state.sends.get_mut(&ticket.id).and_then(|send| send.priced.as_mut()) {
            let (day, before) = (*day, std::mem::replace(reserved, price.millionths()));
            state.add_spend(day, before, price.millionths());
        }
        Ok(())
    }

    async fn mark_verified(&self, used: &UsedCode<'_>) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.remove_attempt(used.address, used.attempt) {
            state.codes.add_right(used.at.as_millisecond());
        }

        let Some(send) = state.sends.remove(used.send) else {
            return Ok(());
        };
        state.refund_addresses(&send.networks, used.send);
        if !send.in_traffic {
            return Ok(());
        }

        let region = &used.destination.region;
        let address = state.addresses.entry(send.networks.narrowest().clone()).or_default();
        address.regions.remove(region);
        address.used_regions.insert(region.clone(), used.at);
        for key in [region, &used.destination.prefix] {
            if let Some(buckets) = state.traffic.get_mut(key) {
                buckets.verify(send.at.as_millisecond(), used.at.as_millisecond());
            }
        }
        Ok(())
    }

    async fn count_attempt(
        &self,
        attempt: &AttemptTicket<'_>,
        limit: u32,
        at: Timestamp,
    ) -> Result<AttemptCount, StoreError> {
        let mut state = self.state();
        state.sweep(at);
        let is_first = state.own_send(attempt).is_some_and(|send| send.first_attempt.is_none());
        let attempts = &mut state.addresses.entry(attempt.address.clone()).or_default().attempts;
        attempts.retain(|(tried, _)| *tried + HOUR > at);

        if let Some(until) = full_until(attempts, HOUR, limit, at).filter(|_| !is_first) {
            return Ok(AttemptCount { full_until: Some(until), codes: state.codes.codes(at.as_millisecond()) });
        }
        attempts.push((at, attempt.id.to_owned()));
        if is_first && let Some(send) = state.own_send(attempt) {
            send.first_attempt = Some(attempt.id.to_owned());
        }
        state.codes.add_wrong(at.as_millisecond());
        Ok(AttemptCount { full_until: None, codes: state.codes.codes(at.as_millisecond()) })
    }

    async fn refund_attempt(&self, attempt: &AttemptTicket<'_>) -> Result<(), StoreError> {
        let mut state = self.state();
        state.remove_attempt(attempt.address, attempt.id);
        if let Some(send) = state.sends.get_mut(attempt.send)
            && send.first_attempt.as_deref() == Some(attempt.id)
        {
            send.first_attempt = None;
        }
        Ok(())
    }
}
