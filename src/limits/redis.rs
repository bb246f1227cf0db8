//! Limits in Redis, shared by any number of servers.
//!
//! All keys carry the tag `{limits}`: a send is held against its address, its region and all others in one script, so
//! they are in one slot of a cluster. Keys hold no address. A TTL only collects garbage; the clock decides.

use std::time::Duration;

use ::redis::Script;
use async_trait::async_trait;
use jiff::Timestamp;

use super::Limit;
use super::guard::HOURS_OF_A_DAY;
use super::store::{LimitStore, SendLimits, SendTicket, SendVerdict, Suspicion, UsedCode};
use crate::redis::{Answer, RedisPool, unexpected};
use crate::store::StoreError;

const SENDS_OF: &str = "sms-login:{limits}:sends:";
const TOTAL: &str = "sms-login:{limits}:total";
/// How long a send can still turn verified: longer than any code is good.
const SEND_MEMORY: Duration = Duration::from_hours(1);

/// The limit store of servers that share a Redis.
pub struct RedisLimitStore {
    redis: RedisPool,
    take_send: Script,
    return_send: Script,
    verified: Script,
    take_attempt: Script,
    return_attempt: Script,
}

impl RedisLimitStore {
    /// A store on `redis`.
    #[must_use]
    pub fn new(redis: RedisPool) -> Self {
        Self {
            redis,
            take_send: Script::new(concat!(include_str!("traffic.lua"), include_str!("take_send.lua"))),
            return_send: Script::new(concat!(include_str!("traffic.lua"), include_str!("return_send.lua"))),
            verified: Script::new(concat!(include_str!("traffic.lua"), include_str!("verified.lua"))),
            take_attempt: Script::new(include_str!("take_attempt.lua")),
            return_attempt: Script::new(include_str!("return_attempt.lua")),
        }
    }
}

fn sends_of(address: &str) -> String {
    format!("{SENDS_OF}{address}")
}

fn attempts_of(address: &str) -> String {
    format!("sms-login:{{limits}}:attempts:{address}")
}

fn send(id: &str) -> String {
    format!("sms-login:{{limits}}:send:{id}")
}

fn traffic(of: &str) -> String {
    format!("sms-login:{{limits}}:traffic:{of}")
}

const fn flag(set: bool) -> &'static str {
    if set { "1" } else { "0" }
}

#[async_trait]
impl LimitStore for RedisLimitStore {
    async fn take_send(&self, ticket: &SendTicket, limits: &SendLimits<'_>) -> Result<SendVerdict, StoreError> {
        let guard = limits.guard;
        let mut script = self.take_send.key(sends_of(&ticket.address));
        script
            .key(format!("sms-login:{{limits}}:regions:{}", ticket.address))
            .key(TOTAL)
            .key(send(&ticket.id))
            .key(traffic(&ticket.region))
            .key(traffic(&ticket.prefix))
            .arg(ticket.at.as_millisecond())
            .arg(&ticket.id)
            .arg(&ticket.address)
            .arg(&ticket.region)
            .arg(limits.ip_hourly)
            .arg(limits.ip_daily)
            .arg(limits.total_daily)
            .arg(ticket.day)
            .arg(SEND_MEMORY.as_secs() * 1000)
            .arg(flag(limits.suspect_passes))
            .arg(flag(guard.is_some()))
            .arg(guard.map_or(0.0, |guard| guard.daily_ratio))
            .arg(guard.map_or(0.0, |guard| guard.hourly_ratio))
            .arg(guard.map_or(0, |guard| guard.daily_floor))
            .arg(guard.map_or(0, |guard| guard.hourly_floor))
            .arg(guard.map_or(0, |guard| guard.regions_per_address))
            .arg(HOURS_OF_A_DAY);
        let answer = Answer::of(self.redis.run(&script).await?)?;
        match answer.kind.as_str() {
            "taken" => Ok(SendVerdict::Taken { suspicion: suspicion(answer)? }),
            "suspect" => suspicion(answer)?.map(SendVerdict::Suspect).ok_or_else(unexpected),
            "IP_DAILY" => Ok(SendVerdict::Limited { limit: Limit::IpDaily, until: answer.instant()? }),
            "IP_HOURLY" => Ok(SendVerdict::Limited { limit: Limit::IpHourly, until: answer.instant()? }),
            "TOTAL_DAILY" => Ok(SendVerdict::Limited { limit: Limit::TotalDaily, until: ticket.day_end }),
            _ => Err(unexpected()),
        }
    }

    async fn return_send(&self, ticket: &SendTicket, whole: bool) -> Result<(), StoreError> {
        let mut script = self.return_send.key(sends_of(&ticket.address));
        script.key(TOTAL).key(send(&ticket.id)).key(traffic(&ticket.region)).key(traffic(&ticket.prefix));
        script.arg(&ticket.id).arg(ticket.day).arg(flag(whole));
        self.redis.run::<bool>(&script).await.map(drop)
    }

    async fn verified(&self, used: &UsedCode<'_>) -> Result<(), StoreError> {
        let mut script = self.verified.key(send(used.send));
        script.key(traffic(used.region)).key(traffic(used.prefix)).key(attempts_of(used.address));
        script.arg(used.send).arg(used.at.as_millisecond()).arg(SENDS_OF).arg(used.attempt);
        self.redis.run::<bool>(&script).await.map(drop)
    }

    async fn take_attempt(
        &self,
        address: &str,
        id: &str,
        limit: u32,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut script = self.take_attempt.key(attempts_of(address));
        script.arg(at.as_millisecond()).arg(id).arg(limit);
        let until: i64 = self.redis.run(&script).await?;
        if until == 0 {
            return Ok(None);
        }
        Timestamp::from_millisecond(until).map(Some).map_err(|_| unexpected())
    }

    async fn return_attempt(&self, address: &str, id: &str) -> Result<(), StoreError> {
        let mut script = self.return_attempt.key(attempts_of(address));
        script.arg(id);
        self.redis.run::<bool>(&script).await.map(drop)
    }
}

fn suspicion(answer: Answer) -> Result<Option<Suspicion>, StoreError> {
    match answer.text()?.as_deref() {
        None | Some("") => Ok(None),
        Some("region") => Ok(Some(Suspicion::Region)),
        Some("prefix") => Ok(Some(Suspicion::Prefix)),
        Some("many_regions") => Ok(Some(Suspicion::ManyRegions)),
        Some(_) => Err(unexpected()),
    }
}
