//! The limit store of servers that share a Redis.
//!
//! Each step is one Lua script. All keys contain the tag `{limits}`: one script checks a send against its address, its
//! region and all other sends, so these keys must be in one slot of a cluster. Keys and values contain no address. A TTL
//! only collects garbage: the server's clock decides what still counts.

use std::fmt::Display;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

use super::guard::{DAY_MS, DAYS_COMPARED, FIVE_MINUTES_MS, FIVES_SUMMED, HOUR_MS, HOURS_OF_A_DAY, HOURS_SUMMED};
use super::store::{
    AttemptCount, AttemptTicket, Counting, LimitStore, SendRefund, SendTicket, SendVerdict, Suspicion, TrafficLimits,
    UsedCode,
};
use super::{CAPTCHA_MEMORY, GuardPolicy, HOUR, Limit, NETWORK_SHARES, SEND_MEMORY, SubmittedCodes};
use crate::price::Price;
use crate::redis::{RedisPool, ScriptReply, StoreScript, milliseconds, unexpected};
use crate::store::StoreError;

/// The part of a key that decides its slot in a cluster.
const SLOT: &str = "limits";

/// The limit store of servers that share a Redis.
pub struct RedisLimitStore {
    redis: RedisPool,
    count_send: StoreScript,
    refund_send: StoreScript,
    settle_send: StoreScript,
    mark_verified: StoreScript,
    count_attempt: StoreScript,
    refund_attempt: StoreScript,
}

/// The lengths and numbers of the guard's buckets, for `traffic.lua`.
#[derive(Serialize)]
struct Spans {
    five_minutes: i64,
    hour: i64,
    day: i64,
    fives_summed: i64,
    hours_summed: i64,
    days_compared: i64,
    memory: i64,
}

const SPANS: Spans = Spans {
    five_minutes: FIVE_MINUTES_MS,
    hour: HOUR_MS,
    day: DAY_MS,
    fives_summed: FIVES_SUMMED,
    hours_summed: HOURS_SUMMED,
    days_compared: DAYS_COMPARED,
    memory: (DAYS_COMPARED + 1) * DAY_MS,
};

#[derive(Serialize)]
struct CountSendArgs<'a> {
    now: i64,
    id: &'a str,
    networks: Vec<NetworkArgs>,
    region: &'a str,
    counting: &'static str,
    total_daily: u32,
    spend_daily: u64,
    price: u64,
    day: i64,
    send_memory: u64,
    suspect_passes: bool,
    needs_captcha: bool,
    captcha_memory: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    guard: Option<GuardArgs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spraying: Option<SprayArgs>,
    spans: Spans,
}

#[derive(Serialize)]
struct NetworkArgs {
    tag: String,
    hourly: u32,
    daily: u32,
}

#[derive(Serialize)]
struct GuardArgs {
    daily_ratio: f64,
    hourly_ratio: f64,
    daily_floor: u32,
    hourly_floor: u32,
    regions_per_address: u32,
    hours_of_a_day: f64,
}

#[derive(Serialize)]
struct SprayArgs {
    min_attempts: u32,
    ratio: f64,
}

#[derive(Serialize)]
struct RefundSendArgs<'a> {
    id: &'a str,
    everything: bool,
    spans: Spans,
}

#[derive(Serialize)]
struct SettleSendArgs {
    price: u64,
}

#[derive(Serialize)]
struct MarkVerifiedArgs<'a> {
    now: i64,
    send: &'a str,
    attempt: &'a str,
    region: &'a str,
    sends_of: String,
    regions_of: String,
    used_regions_of: String,
    spans: Spans,
}

#[derive(Serialize)]
struct CountAttemptArgs<'a> {
    now: i64,
    id: &'a str,
    address: String,
    limit: u32,
    window: u64,
    spans: Spans,
}

#[derive(Serialize)]
struct RefundAttemptArgs<'a> {
    id: &'a str,
    spans: Spans,
}

impl RedisLimitStore {
    /// Creates a store on `redis`.
    #[must_use]
    pub fn new(redis: RedisPool) -> Self {
        let with_traffic = |body: &str| [include_str!("traffic.lua"), body].concat();
        Self {
            redis,
            count_send: StoreScript::admitting("count_send", &with_traffic(include_str!("count_send.lua"))),
            refund_send: StoreScript::settling(
                "refund_send",
                &with_traffic(&[include_str!("spend.lua"), include_str!("refund_send.lua")].concat()),
            ),
            settle_send: StoreScript::settling(
                "settle_send",
                &[include_str!("spend.lua"), include_str!("settle_send.lua")].concat(),
            ),
            mark_verified: StoreScript::settling("mark_verified", &with_traffic(include_str!("mark_verified.lua"))),
            count_attempt: StoreScript::admitting("count_attempt", &with_traffic(include_str!("count_attempt.lua"))),
            refund_attempt: StoreScript::settling("refund_attempt", &with_traffic(include_str!("refund_attempt.lua"))),
        }
    }

    fn key(&self, kind: &str, of: impl Display) -> String {
        self.redis.key(SLOT, format_args!("{kind}:{of}"))
    }

    fn total(&self) -> String {
        self.redis.key(SLOT, "total")
    }

    fn codes(&self) -> String {
        self.redis.key(SLOT, "codes")
    }

    fn sends_of(&self, ticket: &SendTicket) -> impl Iterator<Item = String> {
        ticket.networks.all().iter().map(|tag| self.key("sends", tag))
    }

    fn attempt_keys(&self, attempt: &AttemptTicket<'_>) -> [String; 3] {
        [self.key("attempts", attempt.address), self.key("send", attempt.send), self.codes()]
    }
}

fn network_args(ticket: &SendTicket, limits: &TrafficLimits<'_>) -> Vec<NetworkArgs> {
    let with_shares = ticket.networks.all().iter().zip(NETWORK_SHARES);
    let args = with_shares.map(|(tag, share)| NetworkArgs {
        tag: tag.to_string(),
        hourly: limits.ip_hourly.saturating_mul(share),
        daily: limits.ip_daily.saturating_mul(share),
    });
    args.collect()
}

impl From<&GuardPolicy> for GuardArgs {
    fn from(guard: &GuardPolicy) -> Self {
        Self {
            daily_ratio: guard.daily_ratio,
            hourly_ratio: guard.hourly_ratio,
            daily_floor: guard.daily_floor,
            hourly_floor: guard.hourly_floor,
            regions_per_address: guard.regions_per_address,
            hours_of_a_day: HOURS_OF_A_DAY,
        }
    }
}

#[async_trait]
impl LimitStore for RedisLimitStore {
    async fn count_send(
        &self,
        ticket: &SendTicket,
        limits: &TrafficLimits<'_>,
        counting: Counting,
    ) -> Result<SendVerdict, StoreError> {
        let mut keys = vec![
            self.key("regions", ticket.networks.narrowest()),
            self.total(),
            self.key("send", &ticket.id),
            self.key("traffic", &ticket.destination.region),
            self.key("traffic", &ticket.destination.prefix),
            self.key("used_regions", ticket.networks.narrowest()),
            self.codes(),
        ];
        keys.extend(self.sends_of(ticket));
        keys.extend(limits.captcha.map(|tag| self.key("captcha", tag)));
        let args = CountSendArgs {
            now: ticket.at.as_millisecond(),
            id: &ticket.id,
            networks: network_args(ticket, limits),
            region: &ticket.destination.region,
            counting: match counting {
                Counting::Nothing => "nothing",
                Counting::AddressOnly => "address_only",
                Counting::Everything => "everything",
            },
            total_daily: limits.total_daily,
            spend_daily: limits.spend_daily.millionths(),
            price: ticket.price.millionths(),
            day: ticket.day.number,
            send_memory: milliseconds(SEND_MEMORY),
            suspect_passes: limits.suspect_passes,
            needs_captcha: limits.captcha.is_some(),
            captcha_memory: milliseconds(CAPTCHA_MEMORY),
            guard: limits.guard.map(GuardArgs::from),
            spraying: limits
                .spraying
                .map(|policy| SprayArgs { min_attempts: policy.min_attempts, ratio: policy.ratio }),
            spans: SPANS,
        };

        let reply: ScriptReply = self.redis.run(&self.count_send, keys, &args).await?;
        match reply.word.as_str() {
            "allowed" => Ok(SendVerdict::Allowed { suspicion: suspicion(reply)? }),
            "suspect" => suspicion(reply)?.map(SendVerdict::Suspect).ok_or_else(unexpected),
            "captcha_used" => Ok(SendVerdict::CaptchaUsed),
            "IP_DAILY" => Ok(SendVerdict::Limited { limit: Limit::IpDaily, until: reply.instant()? }),
            "IP_HOURLY" => Ok(SendVerdict::Limited { limit: Limit::IpHourly, until: reply.instant()? }),
            "TOTAL_DAILY" => Ok(SendVerdict::Limited { limit: Limit::TotalDaily, until: ticket.day.end }),
            "SPEND_DAILY" => Ok(SendVerdict::Limited { limit: Limit::SpendDaily, until: ticket.day.end }),
            _ => Err(unexpected()),
        }
    }

    async fn refund_send(&self, ticket: &SendTicket, refund: SendRefund) -> Result<(), StoreError> {
        let mut keys = vec![
            self.total(),
            self.key("send", &ticket.id),
            self.key("traffic", &ticket.destination.region),
            self.key("traffic", &ticket.destination.prefix),
        ];
        keys.extend(self.sends_of(ticket));
        let args = RefundSendArgs { id: &ticket.id, everything: refund == SendRefund::Everything, spans: SPANS };
        self.redis.run::<bool>(&self.refund_send, keys, &args).await.map(drop)
    }

    async fn settle_send(&self, ticket: &SendTicket, price: Price) -> Result<(), StoreError> {
        let keys = [self.total(), self.key("send", &ticket.id)];
        let args = SettleSendArgs { price: price.millionths() };
        self.redis.run::<bool>(&self.settle_send, keys, &args).await.map(drop)
    }

    async fn mark_verified(&self, used: &UsedCode<'_>) -> Result<(), StoreError> {
        let keys = [
            self.key("send", used.send),
            self.key("traffic", &used.destination.region),
            self.key("traffic", &used.destination.prefix),
            self.key("attempts", used.address),
            self.codes(),
        ];
        let args = MarkVerifiedArgs {
            now: used.at.as_millisecond(),
            send: used.send,
            attempt: used.attempt,
            region: &used.destination.region,
            sends_of: self.key("sends", ""),
            regions_of: self.key("regions", ""),
            used_regions_of: self.key("used_regions", ""),
            spans: SPANS,
        };
        self.redis.run::<bool>(&self.mark_verified, keys, &args).await.map(drop)
    }

    async fn count_attempt(
        &self,
        attempt: &AttemptTicket<'_>,
        limit: u32,
        at: Timestamp,
    ) -> Result<AttemptCount, StoreError> {
        let args = CountAttemptArgs {
            now: at.as_millisecond(),
            id: attempt.id,
            address: attempt.address.to_string(),
            limit,
            window: milliseconds(HOUR),
            spans: SPANS,
        };
        let keys = self.attempt_keys(attempt);
        let (until, wrong, right): (i64, u32, u32) = self.redis.run(&self.count_attempt, keys, &args).await?;
        let full_until = match until {
            0 => None,
            until => Some(Timestamp::from_millisecond(until).map_err(|_| unexpected())?),
        };
        Ok(AttemptCount { full_until, codes: SubmittedCodes { wrong, right } })
    }

    async fn refund_attempt(&self, attempt: &AttemptTicket<'_>) -> Result<(), StoreError> {
        let args = RefundAttemptArgs { id: attempt.id, spans: SPANS };
        self.redis.run::<bool>(&self.refund_attempt, self.attempt_keys(attempt), &args).await.map(drop)
    }
}

fn suspicion(reply: ScriptReply) -> Result<Option<Suspicion>, StoreError> {
    match reply.text()?.as_deref() {
        None | Some("") => Ok(None),
        Some("region") => Ok(Some(Suspicion::Region)),
        Some("prefix") => Ok(Some(Suspicion::Prefix)),
        Some("many_regions") => Ok(Some(Suspicion::ManyRegions)),
        Some("wrong_codes") => Ok(Some(Suspicion::WrongCodes)),
        Some(_) => Err(unexpected()),
    }
}
