//! The rules of deliveries in memory. `record.lua` has the same rules for Redis.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::Pending;
use crate::deliveries::store::{
    CHALLENGE_MEMORY, CONVERSION_MINUTES, ChallengeTag, Counted, EARLY_MEMORY, Event, MESSAGE_MEMORY, MessageTag,
    Parcel, Receipt, SentMessage, State, StoredDelivery, minute_of,
};
use crate::price::Price;
use crate::sms::routes::RouteMinute;
use crate::spend::Count;

/// Nothing is swept while there are fewer entries than this.
const SWEEP_FLOOR: usize = 1024;

/// The deliveries of this process.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    challenges: HashMap<ChallengeTag, Challenge>,
    messages: HashMap<MessageTag, Message>,
    pub(super) pending: Pending,
    /// The sent messages and the used codes of each minute and route.
    minutes: BTreeMap<(i64, String), (u32, u32)>,
    changed: Vec<ChallengeTag>,
    counted: Vec<Counted>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Challenge {
    sent: Option<Sent>,
    visible: Option<StoredDelivery>,
    used_at: Option<Timestamp>,
    forget_at: Timestamp,
}

#[derive(Debug, Clone)]
struct Sent {
    parcel: Parcel,
    serial: Option<String>,
    minute: Option<i64>,
}

#[derive(Debug)]
struct Message {
    /// Set when the message is recorded as sent.
    sent: Option<SentOf>,
    receipt: Option<(State, Timestamp)>,
    counted: Option<Count>,
    forget_at: Timestamp,
}

#[derive(Debug, Clone)]
struct SentOf {
    challenge: ChallengeTag,
    parcel: Parcel,
    is_private: bool,
}

impl Event {
    /// Returns when it happened, if that is known.
    pub(super) const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Sent(sent) => Some(sent.at),
            Self::Imitated { at, .. } | Self::Used { at, .. } => Some(*at),
            Self::Refunded(_) | Self::Unconfirmed { .. } => None,
        }
    }
}

impl Deliveries {
    pub(super) fn find(&self, challenge: &ChallengeTag) -> Option<StoredDelivery> {
        self.challenges.get(challenge)?.visible
    }

    /// Returns the changed challenges and the counted messages since the last call.
    pub(super) fn take_results(&mut self) -> (Vec<ChallengeTag>, Vec<Counted>) {
        (std::mem::take(&mut self.changed), std::mem::take(&mut self.counted))
    }

    pub(super) fn record(&mut self, event: &Event) {
        match event {
            Event::Sent(sent) => self.sent(sent),
            Event::Imitated { challenge, at, expires_at } => {
                let visible = StoredDelivery { state: State::Accepted, updated_at: *at, expires_at: *expires_at };
                self.challenge(challenge, *at).forget_at = *expires_at + CHALLENGE_MEMORY;
                self.challenge(challenge, *at).visible = Some(visible);
                self.changed.push(challenge.clone());
            }
            Event::Refunded(parcel) => self.count(parcel, Count::Refunded, Price::ZERO),
            Event::Unconfirmed { parcel, cost } => self.count(parcel, Count::Unconfirmed, *cost),
            Event::Used { challenge, at } => {
                let entry = self.challenge(challenge, *at);
                if entry.used_at.is_none() {
                    entry.used_at = Some(*at);
                    self.count_use(challenge);
                }
            }
        }
    }

    pub(super) fn receive(&mut self, receipt: &Receipt) {
        let message = self.message(&receipt.message, receipt.at);
        let Receipt { state, at, .. } = *receipt;
        if message.receipt.is_none_or(|(other, other_at)| state.replaces(at, other, other_at)) {
            message.receipt = Some((state, at));
            self.settle(&receipt.message);
        }
    }

    fn sent(&mut self, sent: &SentMessage) {
        let entry = self.challenge(&sent.challenge, sent.at);
        if entry.sent.is_some() {
            return;
        }
        let minute = sent.minute();
        entry.sent = Some(Sent { parcel: sent.parcel.clone(), serial: sent.serial.clone(), minute });
        let (state, updated_at, expires_at) = (sent.state, sent.at, sent.expires_at);
        entry.visible = Some(StoredDelivery { state, updated_at, expires_at });
        entry.forget_at = expires_at + CHALLENGE_MEMORY;
        self.changed.push(sent.challenge.clone());
        self.count(&sent.parcel, Count::Accepted, sent.cost);
        if let Some(minute) = minute {
            self.minute(minute, &sent.parcel.route).0 += 1;
        }
        self.count_use(&sent.challenge);

        if let Some(tag) = &sent.message {
            let message = self.message(tag, sent.at);
            let (challenge, parcel) = (sent.challenge.clone(), sent.parcel.clone());
            message.sent = Some(SentOf { challenge, parcel, is_private: sent.is_private });
            message.forget_at = sent.at + MESSAGE_MEMORY;
            self.settle(tag);
        }
    }

    /// Applies the receipt of a message to its counts and to what the client sees.
    fn settle(&mut self, tag: &MessageTag) {
        let Some(message) = self.messages.get_mut(tag) else {
            return;
        };
        let (Some(sent), Some((state, at))) = (message.sent.clone(), message.receipt) else {
            return;
        };

        let counts_as = state.count();
        let before = message.counted;
        if counts_as.is_some() {
            message.counted = counts_as;
        }
        if let Some(counts_as) = counts_as.filter(|counts_as| Some(*counts_as) != before) {
            if let Some(before) = before {
                self.pending.entry(sent.parcel.clone()).or_default().add(before, -1);
            }
            self.count(&sent.parcel, counts_as, Price::ZERO);
        }

        let visible = self.challenges.get_mut(&sent.challenge).and_then(|challenge| challenge.visible.as_mut());
        if let Some(visible) =
            visible.filter(|visible| !sent.is_private && state.replaces(at, visible.state, visible.updated_at))
        {
            (visible.state, visible.updated_at) = (state, at);
            self.changed.push(sent.challenge);
        }
    }

    /// Counts the use of a code if its message is recorded as sent.
    fn count_use(&mut self, tag: &ChallengeTag) {
        let Some(Challenge { sent: Some(sent), used_at: Some(at), .. }) = self.challenges.get(tag) else {
            return;
        };
        let (Sent { parcel, serial, minute }, at) = (sent.clone(), *at);
        if let Some(minute) = minute {
            self.minute(minute, &parcel.route).1 += 1;
        }
        self.pending.entry(parcel.clone()).or_default().add(Count::Used, 1);
        self.counted.push(Counted { parcel, count: Count::Used, cost: Price::ZERO, serial, at: Some(at) });
    }

    fn count(&mut self, parcel: &Parcel, count: Count, cost: Price) {
        let counts = self.pending.entry(parcel.clone()).or_default();
        counts.add(count, 1);
        counts.add(Count::Price, i64::try_from(cost.millionths()).unwrap_or(i64::MAX));
        self.counted.push(Counted { parcel: parcel.clone(), count, cost, serial: None, at: None });
    }

    fn minute(&mut self, minute: i64, route: &str) -> &mut (u32, u32) {
        self.minutes.entry((minute, route.to_owned())).or_default()
    }

    pub(super) fn conversions(&mut self, now: Timestamp) -> Vec<RouteMinute> {
        self.minutes = self.minutes.split_off(&(minute_of(now) - CONVERSION_MINUTES, String::new()));
        let minutes = self.minutes.iter();
        minutes
            .map(|((minute, route), (sent, used))| RouteMinute {
                route: route.clone(),
                minute: *minute,
                sent: *sent,
                used: *used,
            })
            .collect()
    }

    fn challenge(&mut self, tag: &ChallengeTag, at: Timestamp) -> &mut Challenge {
        let early = || Challenge { sent: None, visible: None, used_at: None, forget_at: at + EARLY_MEMORY };
        self.challenges.entry(tag.clone()).or_insert_with(early)
    }

    fn message(&mut self, tag: &MessageTag, at: Timestamp) -> &mut Message {
        let early = || Message { sent: None, receipt: None, counted: None, forget_at: at + EARLY_MEMORY };
        self.messages.entry(tag.clone()).or_insert_with(early)
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        if self.entries() < self.sweep_at.max(SWEEP_FLOOR) {
            return;
        }
        self.challenges.retain(|_, challenge| challenge.forget_at > now);
        self.messages.retain(|_, message| message.forget_at > now);
        self.sweep_at = self.entries() * 2;
    }

    fn entries(&self) -> usize {
        self.challenges.len() + self.messages.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_swept() {
        let mut deliveries = Deliveries::default();
        let start = Timestamp::UNIX_EPOCH;
        for number in 0..SWEEP_FLOOR {
            let message = MessageTag::new(number.to_string());
            deliveries.receive(&Receipt { message, state: State::Delivered, at: start });
        }
        deliveries.sweep(start + EARLY_MEMORY - std::time::Duration::from_millis(1));
        assert_eq!(deliveries.entries(), SWEEP_FLOOR);
        deliveries.sweep_at = 0;
        deliveries.sweep(start + EARLY_MEMORY);
        assert_eq!(deliveries.entries(), 0);
    }
}
