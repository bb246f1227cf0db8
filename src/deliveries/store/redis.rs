//! The delivery store of servers that share a Redis.
//!
//! Events and receipts are recorded by one script, which also counts them and announces changes on a channel. All keys contain
//! the tag `{delivery}`, because one script changes challenges, messages and counts. Keys and values contain no phone. A TTL
//! only collects garbage.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::task::AbortOnDropHandle;

use super::{
    CHALLENGE_MEMORY, CONVERSION_MINUTES, ChallengeTag, Counted, DeliveryStore, EARLY_MEMORY, Event, MESSAGE_MEMORY,
    Parcel, Receipt, State, StoredDelivery, minute_of,
};
use crate::deliveries::changes::Changes;
use crate::price::Price;
use crate::purpose::Purpose;
use crate::redis::{RedisPool, StoreScript, milliseconds, unexpected};
use crate::sms::routes::RouteMinute;
use crate::spend::{Count, SpendCounts, SpendRow};
use crate::store::StoreError;

mod listener;

/// The part of a key that decides its slot in a cluster.
const SLOT: &str = "delivery";

/// How long the counts of a day are kept: a year, and some weeks to compare it with the year before.
const SPEND_MEMORY: Duration = Duration::from_hours(400 * 24);

/// The most days that one call reads.
const DAYS_READ: i64 = 1000;

/// The delivery store of servers that share a Redis.
pub struct RedisDeliveryStore {
    redis: RedisPool,
    record: StoreScript,
    find: StoreScript,
    spend: StoreScript,
    conversions: StoreScript,
    changes: Arc<Changes>,
    _listener: Option<AbortOnDropHandle<()>>,
}

#[derive(Serialize)]
struct RecordArgs<'a> {
    prefix: String,
    events: Vec<EventArgs<'a>>,
    challenge_memory: u64,
    early_memory: u64,
    message_memory: u64,
    spend_memory: u64,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum EventArgs<'a> {
    Sent {
        challenge: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        serial: Option<&'a str>,
        parcel: ParcelArgs,
        cost: u64,
        state: &'static str,
        at: i64,
        expires_at: i64,
        private: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        minute: Option<i64>,
    },
    Imitated {
        challenge: String,
        state: &'static str,
        at: i64,
        expires_at: i64,
    },
    Refunded {
        parcel: ParcelArgs,
    },
    Unconfirmed {
        parcel: ParcelArgs,
        cost: u64,
    },
    Used {
        challenge: String,
        at: i64,
    },
    Receipt {
        message: String,
        state: &'static str,
        at: i64,
    },
}

/// A parcel as scripts know it. The name is its route, region and purpose, which contain no spaces.
#[derive(Serialize)]
struct ConversionArgs {
    oldest: i64,
}

#[derive(Serialize, Deserialize)]
struct ParcelArgs {
    day: i64,
    name: String,
}

/// A message that the script has counted.
#[derive(Deserialize)]
struct CountedReply {
    parcel: ParcelArgs,
    count: String,
    cost: u64,
    serial: Option<String>,
    at: Option<i64>,
}

impl RedisDeliveryStore {
    /// Creates a store on `redis` that does not learn of changes by other servers.
    #[must_use]
    pub fn new(redis: RedisPool) -> Self {
        Self {
            redis,
            record: StoreScript::settling("record_deliveries", include_str!("record.lua")),
            find: StoreScript::settling("find_delivery", include_str!("find.lua")),
            spend: StoreScript::settling("read_spend", include_str!("spend.lua")),
            conversions: StoreScript::settling("read_conversions", include_str!("conversions.lua")),
            changes: Arc::default(),
            _listener: None,
        }
    }

    /// Starts a task that learns of the changes by all servers. It ends with the store.
    #[must_use]
    pub fn listening(self) -> Self {
        let listen = listener::listen(self.redis.clone(), self.channel(), Arc::clone(&self.changes));
        Self { _listener: Some(AbortOnDropHandle::new(tokio::spawn(listen))), ..self }
    }

    fn channel(&self) -> String {
        self.redis.key(SLOT, "changes")
    }

    fn key(&self, kind: &str, of: impl Display) -> String {
        self.redis.key(SLOT, format_args!("{kind}:{of}"))
    }

    async fn run(&self, events: Vec<EventArgs<'_>>) -> Result<Vec<Counted>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let args = RecordArgs {
            prefix: self.redis.key(SLOT, ""),
            events,
            challenge_memory: milliseconds(CHALLENGE_MEMORY),
            early_memory: milliseconds(EARLY_MEMORY),
            message_memory: milliseconds(MESSAGE_MEMORY),
            spend_memory: milliseconds(SPEND_MEMORY),
        };
        let counted: Vec<String> = self.redis.run(&self.record, [self.channel()], &args).await?;
        let read = |counted: &String| serde_json::from_str::<CountedReply>(counted).ok()?.read();
        Ok(counted.iter().filter_map(read).collect())
    }
}

impl From<&Parcel> for ParcelArgs {
    fn from(parcel: &Parcel) -> Self {
        Self { day: parcel.day, name: format!("{} {} {}", parcel.route, parcel.region, parcel.purpose.name()) }
    }
}

impl ParcelArgs {
    /// Returns `None` for a purpose that a newer version has added.
    fn read(&self) -> Option<Parcel> {
        let mut words = self.name.split(' ');
        let (route, region, purpose) = (words.next()?, words.next()?, words.next()?);
        let purpose = Purpose::ALL.into_iter().find(|known| known.name() == purpose)?;
        Some(Parcel { route: route.to_owned(), region: region.to_owned(), purpose, day: self.day })
    }
}

impl CountedReply {
    fn read(self) -> Option<Counted> {
        Some(Counted {
            parcel: self.parcel.read()?,
            count: Count::named(&self.count)?,
            cost: Price::from_millionths(self.cost),
            serial: self.serial,
            at: self.at.and_then(|at| Timestamp::from_millisecond(at).ok()),
        })
    }
}

impl<'a> From<&'a Event> for EventArgs<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::Sent(sent) => Self::Sent {
                challenge: sent.challenge.to_string(),
                message: sent.message.as_ref().map(ToString::to_string),
                serial: sent.serial.as_deref(),
                parcel: ParcelArgs::from(&sent.parcel),
                cost: sent.cost.millionths(),
                state: sent.state.name(),
                at: sent.at.as_millisecond(),
                expires_at: sent.expires_at.as_millisecond(),
                private: sent.is_private,
                minute: sent.minute(),
            },
            Event::Imitated { challenge, at, expires_at } => Self::Imitated {
                challenge: challenge.to_string(),
                state: State::Accepted.name(),
                at: at.as_millisecond(),
                expires_at: expires_at.as_millisecond(),
            },
            Event::Refunded(parcel) => Self::Refunded { parcel: parcel.into() },
            Event::Unconfirmed { parcel, cost } => Self::Unconfirmed { parcel: parcel.into(), cost: cost.millionths() },
            Event::Used { challenge, at } => Self::Used { challenge: challenge.to_string(), at: at.as_millisecond() },
        }
    }
}

#[async_trait]
impl DeliveryStore for RedisDeliveryStore {
    async fn record(&self, events: &[Event]) -> Result<Vec<Counted>, StoreError> {
        self.run(events.iter().map(EventArgs::from).collect()).await
    }

    async fn receive(&self, receipts: &[Receipt]) -> Result<Vec<Counted>, StoreError> {
        let args = |receipt: &Receipt| EventArgs::Receipt {
            message: receipt.message.to_string(),
            state: receipt.state.name(),
            at: receipt.at.as_millisecond(),
        };
        self.run(receipts.iter().map(args).collect()).await
    }

    async fn spend(&self, first_day: i64, last_day: i64) -> Result<Vec<SpendRow>, StoreError> {
        let days: Vec<i64> = (first_day.max(last_day - DAYS_READ + 1)..=last_day).collect();
        let keys = days.iter().map(|day| self.key("spend", day));
        let read: Vec<Vec<(String, i64)>> = self.redis.run(&self.spend, keys, &()).await?;

        let mut counts: HashMap<Parcel, SpendCounts> = HashMap::new();
        for (day, fields) in days.into_iter().zip(read) {
            for (field, value) in fields {
                let Some((name, count)) = field.rsplit_once(' ') else { continue };
                let parcel = ParcelArgs { day, name: name.to_owned() }.read();
                if let (Some(parcel), Some(count)) = (parcel, Count::named(count)) {
                    counts.entry(parcel).or_default().add(count, value);
                }
            }
        }
        let mut rows: Vec<SpendRow> = counts.into_iter().map(|(parcel, counts)| SpendRow { parcel, counts }).collect();
        SpendRow::sort(&mut rows);
        Ok(rows)
    }

    async fn conversions(&self, now: Timestamp) -> Result<Vec<RouteMinute>, StoreError> {
        let args = ConversionArgs { oldest: minute_of(now) - CONVERSION_MINUTES };
        let keys = [self.key("conversions", "minutes")];
        let fields: Vec<(String, u32)> = self.redis.run(&self.conversions, keys, &args).await?;

        let mut minutes: BTreeMap<(i64, String), (u32, u32)> = BTreeMap::new();
        for (field, value) in fields {
            let mut words = field.split(' ');
            let (Some(minute), Some(route), Some(kind)) = (words.next(), words.next(), words.next()) else { continue };
            let Ok(minute) = minute.parse() else { continue };
            let (sent, used) = minutes.entry((minute, route.to_owned())).or_default();
            *(if kind == "used" { used } else { sent }) = value;
        }
        let minute = |((minute, route), (sent, used))| RouteMinute { route, minute, sent, used };
        Ok(minutes.into_iter().map(minute).collect())
    }

    async fn find(&self, challenge: &ChallengeTag) -> Result<Option<StoredDelivery>, StoreError> {
        type Reply = (Option<String>, Option<i64>, Option<i64>);
        let keys = [self.key("challenge", challenge)];
        let reply: Reply = self.redis.run(&self.find, keys, &()).await?;
        let (Some(state), Some(updated_at), Some(expires_at)) = reply else {
            return Ok(None);
        };
        let instant = |milliseconds| Timestamp::from_millisecond(milliseconds).map_err(|_| unexpected());
        let state = State::named(&state).ok_or_else(unexpected)?;
        Ok(Some(StoredDelivery { state, updated_at: instant(updated_at)?, expires_at: instant(expires_at)? }))
    }

    fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }
}
