//! Limits in this process, for one server that runs embedded. One lock, held for one short step.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::guard::{DAYS, Traffic};
use super::store::{LimitStore, SendLimits, SendTicket, SendVerdict, Suspicion, Taking, UsedCode};
use super::{GuardPolicy, Limit};
use crate::store::StoreError;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// How long a send can still turn verified: longer than any code is good.
const SEND_MEMORY: Duration = Duration::from_hours(1);
const FIVE_MINUTES_MS: i64 = 5 * 60 * 1000;
const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;
const SWEEP_FLOOR: usize = 1024;

/// The limit store of a server without Redis.
#[derive(Debug, Default)]
pub struct MemoryLimitStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    addresses: HashMap<String, Address>,
    sends: HashMap<String, Send>,
    total: (i64, u32),
    traffic: HashMap<String, Buckets>,
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Address {
    sends: Vec<(Timestamp, String)>,
    attempts: Vec<(Timestamp, String)>,
    regions: HashMap<String, Timestamp>,
}

/// A send that may still turn verified.
#[derive(Debug)]
struct Send {
    address: String,
    at: Timestamp,
    /// The day of the total in which it is counted, if it is.
    day: Option<i64>,
    /// Whether it is in the guard's traffic.
    in_traffic: bool,
}

/// The traffic of a region or a prefix, by five minutes, hours and days since 1970.
#[derive(Debug, Default)]
struct Buckets {
    unverified_fives: BTreeMap<i64, u32>,
    unverified_hours: BTreeMap<i64, u32>,
    verified_hours: BTreeMap<i64, u32>,
    verified_days: BTreeMap<i64, u32>,
}

impl Buckets {
    fn traffic(&mut self, now: i64) -> Traffic {
        self.unverified_fives = self.unverified_fives.split_off(&(now / FIVE_MINUTES_MS - 11));
        self.unverified_hours = self.unverified_hours.split_off(&(now / HOUR_MS - 23));
        self.verified_hours = self.verified_hours.split_off(&(now / HOUR_MS - 23));
        self.verified_days = self.verified_days.split_off(&(now / DAY_MS - DAYS));
        Traffic {
            unverified_hour: self.unverified_fives.values().sum(),
            unverified_day: self.unverified_hours.values().sum(),
            verified_day: self.verified_hours.values().sum(),
            highest_verified_day: self.verified_days.values().copied().max().unwrap_or_default(),
        }
    }

    fn send(&mut self, at: i64) {
        *self.unverified_fives.entry(at / FIVE_MINUTES_MS).or_default() += 1;
        *self.unverified_hours.entry(at / HOUR_MS).or_default() += 1;
    }

    fn take_back(&mut self, sent_at: i64) {
        let hour = self.unverified_hours.get_mut(&(sent_at / HOUR_MS));
        let five = self.unverified_fives.get_mut(&(sent_at / FIVE_MINUTES_MS));
        for count in [hour, five].into_iter().flatten() {
            *count = count.saturating_sub(1);
        }
    }

    fn verify(&mut self, sent_at: i64, now: i64) {
        self.take_back(sent_at);
        *self.verified_hours.entry(now / HOUR_MS).or_default() += 1;
        *self.verified_days.entry(now / DAY_MS).or_default() += 1;
    }
}

impl State {
    /// What the address's limits or the day's total have against a send, and until when.
    fn refusal(&mut self, ticket: &SendTicket, limits: &SendLimits<'_>) -> Option<(Limit, Timestamp)> {
        let now = ticket.at;
        let sends = &mut self.addresses.entry(ticket.address.clone()).or_default().sends;
        sends.retain(|(at, _)| *at + DAY > now);
        if !sends.iter().any(|(_, id)| *id == ticket.id) {
            let spans = [(Limit::IpDaily, DAY, limits.ip_daily), (Limit::IpHourly, HOUR, limits.ip_hourly)];
            for (limit, span, most) in spans {
                if let Some(until) = full_until(sends, span, most, now) {
                    return Some((limit, until));
                }
            }
        }
        let is_full = limits.total_daily > 0 && self.total_on(ticket.day) >= limits.total_daily;
        is_full.then_some((Limit::TotalDaily, ticket.day_end))
    }

    /// The sends of this day, or of a later one that has begun.
    fn total_on(&self, day: i64) -> u32 {
        if self.total.0 >= day { self.total.1 } else { 0 }
    }

    fn take_place(&mut self, ticket: &SendTicket, limits: &SendLimits<'_>) {
        let sends = &mut self.addresses.entry(ticket.address.clone()).or_default().sends;
        sends.retain(|(_, id)| *id != ticket.id);
        if limits.ip_hourly > 0 || limits.ip_daily > 0 {
            sends.push((ticket.at, ticket.id.clone()));
        }
    }

    /// Counts the send everywhere but for its address, and remembers where.
    fn count(&mut self, ticket: &SendTicket, limits: &SendLimits<'_>) {
        let mut day = None;
        if limits.total_daily > 0 {
            self.total = (self.total.0.max(ticket.day), self.total_on(ticket.day) + 1);
            day = Some(self.total.0);
        }
        if let Some(guard) = limits.guard {
            if guard.regions_per_address > 0 {
                let address = self.addresses.entry(ticket.address.clone()).or_default();
                address.regions.insert(ticket.region.clone(), ticket.at);
            }
            for key in [&ticket.region, &ticket.prefix] {
                self.traffic.entry(key.clone()).or_default().send(ticket.at.as_millisecond());
            }
        }
        let in_traffic = limits.guard.is_some();
        let send = Send { address: ticket.address.clone(), at: ticket.at, day, in_traffic };
        self.sends.insert(ticket.id.clone(), send);
    }

    fn suspicion(&mut self, ticket: &SendTicket, guard: &GuardPolicy) -> Option<Suspicion> {
        let now = ticket.at.as_millisecond();
        let mut spent = |key: &str| guard.is_spent(self.traffic.entry(key.to_owned()).or_default().traffic(now));
        if spent(&ticket.region) {
            return Some(Suspicion::Region);
        }
        if spent(&ticket.prefix) {
            return Some(Suspicion::Prefix);
        }
        let regions = &mut self.addresses.entry(ticket.address.clone()).or_default().regions;
        regions.retain(|_, last| *last + DAY > ticket.at);
        let known = regions.contains_key(&ticket.region);
        let limit = usize::try_from(guard.regions_per_address).unwrap_or(usize::MAX);
        (limit > 0 && !known && regions.len() >= limit).then_some(Suspicion::ManyRegions)
    }

    fn sweep(&mut self, now: Timestamp) {
        if self.addresses.len() + self.sends.len() < self.sweep_at.max(SWEEP_FLOOR) {
            return;
        }
        self.sends.retain(|_, send| send.at + SEND_MEMORY > now);
        self.addresses.retain(|_, address| {
            address.sends.retain(|(at, _)| *at + DAY > now);
            address.attempts.retain(|(at, _)| *at + HOUR > now);
            address.regions.retain(|_, last| *last + DAY > now);
            !(address.sends.is_empty() && address.attempts.is_empty() && address.regions.is_empty())
        });
        self.sweep_at = (self.addresses.len() + self.sends.len()) * 2;
    }
}

/// Until when `limit` entries stand in the window that ends now; `None` where there is room.
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
    async fn take_send(
        &self,
        ticket: &SendTicket,
        limits: &SendLimits<'_>,
        taking: Taking,
    ) -> Result<SendVerdict, StoreError> {
        let mut state = self.state();
        state.sweep(ticket.at);
        if let Some((limit, until)) = state.refusal(ticket, limits) {
            return Ok(SendVerdict::Limited { limit, until });
        }

        let suspicion = limits.guard.and_then(|guard| state.suspicion(ticket, guard));
        if let Some(suspicion) = suspicion.filter(|_| !limits.suspect_passes) {
            return Ok(SendVerdict::Suspect(suspicion));
        }

        match taking {
            Taking::Nothing => {}
            Taking::AddressPlace => state.take_place(ticket, limits),
            Taking::Everything => {
                state.take_place(ticket, limits);
                state.count(ticket, limits);
            }
        }
        Ok(SendVerdict::Taken { suspicion })
    }

    async fn return_send(&self, ticket: &SendTicket, whole: bool) -> Result<(), StoreError> {
        let mut state = self.state();
        if whole && let Some(address) = state.addresses.get_mut(&ticket.address) {
            address.sends.retain(|(_, id)| *id != ticket.id);
        }
        let Some(send) = state.sends.remove(&ticket.id) else {
            return Ok(());
        };
        if send.day == Some(state.total.0) {
            state.total.1 = state.total.1.saturating_sub(1);
        }
        for key in [&ticket.region, &ticket.prefix] {
            if let Some(buckets) = state.traffic.get_mut(key).filter(|_| send.in_traffic) {
                buckets.take_back(send.at.as_millisecond());
            }
        }
        Ok(())
    }

    async fn verified(&self, used: &UsedCode<'_>) -> Result<(), StoreError> {
        let mut state = self.state();
        if let Some(address) = state.addresses.get_mut(used.address) {
            address.attempts.retain(|(_, tried)| tried != used.attempt);
        }
        let Some(send) = state.sends.remove(used.send) else {
            return Ok(());
        };
        if let Some(address) = state.addresses.get_mut(&send.address) {
            address.sends.retain(|(_, sent)| sent != used.send);
        }
        for key in [used.region, used.prefix] {
            if let Some(buckets) = state.traffic.get_mut(key).filter(|_| send.in_traffic) {
                buckets.verify(send.at.as_millisecond(), used.at.as_millisecond());
            }
        }
        Ok(())
    }

    async fn take_attempt(
        &self,
        address: &str,
        id: &str,
        limit: u32,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut state = self.state();
        state.sweep(at);
        let attempts = &mut state.addresses.entry(address.to_owned()).or_default().attempts;
        attempts.retain(|(tried, _)| *tried + HOUR > at);
        let full = full_until(attempts, HOUR, limit, at);
        if full.is_none() {
            attempts.push((at, id.to_owned()));
        }
        Ok(full)
    }

    async fn return_attempt(&self, address: &str, id: &str) -> Result<(), StoreError> {
        if let Some(address) = self.state().addresses.get_mut(address) {
            address.attempts.retain(|(_, tried)| tried != id);
        }
        Ok(())
    }
}
