//! Limits in Redis, shared by any number of servers.
//!
//! All keys carry the tag `{limits}`: a send is held against its address, its region and all others in one script, so
//! they are in one slot of a cluster. Keys hold no address. A TTL only collects garbage; the clock decides.

use std::fmt::Display;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Limit;
use super::guard::HOURS_OF_A_DAY;
use super::store::{LimitStore, SendLimits, SendTicket, SendVerdict, Suspicion, Taking, UsedCode};
use crate::redis::{Answer, RedisPool, StoreScript, unexpected};
use crate::store::StoreError;

const TAG: &str = "limits";
/// How long a send can still turn verified: longer than any code is good.
const SEND_MEMORY: Duration = Duration::from_hours(1);

/// The limit store of servers that share a Redis.
pub struct RedisLimitStore {
    redis: RedisPool,
    take_send: StoreScript,
    return_send: StoreScript,
    verified: StoreScript,
    take_attempt: StoreScript,
    return_attempt: StoreScript,
}

impl RedisLimitStore {
    /// A store on `redis`.
    #[must_use]
    pub fn new(redis: RedisPool) -> Self {
        let with_traffic = |body: &str| [include_str!("traffic.lua"), body].concat();
        Self {
            redis,
            take_send: StoreScript::admitting(&with_traffic(include_str!("take_send.lua"))),
            return_send: StoreScript::settling(&with_traffic(include_str!("return_send.lua"))),
            verified: StoreScript::settling(&with_traffic(include_str!("verified.lua"))),
            take_attempt: StoreScript::admitting(include_str!("take_attempt.lua")),
            return_attempt: StoreScript::settling(include_str!("return_attempt.lua")),
        }
    }

    fn key(&self, kind: &str, of: impl Display) -> String {
        self.redis.key(TAG, format_args!("{kind}:{of}"))
    }

    fn total(&self) -> String {
        self.redis.key(TAG, "total")
    }
}

const fn flag(set: bool) -> &'static str {
    if set { "1" } else { "0" }
}

#[async_trait]
impl LimitStore for RedisLimitStore {
    async fn take_send(
        &self,
        ticket: &SendTicket,
        limits: &SendLimits<'_>,
        taking: Taking,
    ) -> Result<SendVerdict, StoreError> {
        let guard = limits.guard;
        let call = self
            .take_send
            .keys([
                self.key("sends", &ticket.address),
                self.key("regions", &ticket.address),
                self.total(),
                self.key("send", &ticket.id),
                self.key("traffic", &ticket.region),
                self.key("traffic", &ticket.prefix),
            ])
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
            .arg(HOURS_OF_A_DAY)
            .arg(match taking {
                Taking::Nothing => "nothing",
                Taking::AddressPlace => "place",
                Taking::Everything => "everything",
            });
        let answer = Answer::of(self.redis.run(call).await?)?;
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
        let call = self.return_send.keys([
            self.key("sends", &ticket.address),
            self.total(),
            self.key("send", &ticket.id),
            self.key("traffic", &ticket.region),
            self.key("traffic", &ticket.prefix),
        ]);
        self.redis.run::<bool>(call.arg(&ticket.id).arg(flag(whole))).await.map(drop)
    }

    async fn verified(&self, used: &UsedCode<'_>) -> Result<(), StoreError> {
        let call = self
            .verified
            .keys([
                self.key("send", used.send),
                self.key("traffic", used.region),
                self.key("traffic", used.prefix),
                self.key("attempts", used.address),
            ])
            .arg(used.send)
            .arg(used.at.as_millisecond())
            .arg(self.key("sends", ""))
            .arg(used.attempt);
        self.redis.run::<bool>(call).await.map(drop)
    }

    async fn take_attempt(
        &self,
        address: &str,
        id: &str,
        limit: u32,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let call = self.take_attempt.keys([self.key("attempts", address)]);
        let until: i64 = self.redis.run(call.arg(at.as_millisecond()).arg(id).arg(limit)).await?;
        if until == 0 {
            return Ok(None);
        }
        Timestamp::from_millisecond(until).map(Some).map_err(|_| unexpected())
    }

    async fn return_attempt(&self, address: &str, id: &str) -> Result<(), StoreError> {
        let call = self.return_attempt.keys([self.key("attempts", address)]);
        self.redis.run::<bool>(call.arg(id)).await.map(drop)
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
