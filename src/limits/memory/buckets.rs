//! Counts in buckets of five minutes, an hour and a day, whose keys are such spans since 1970.
//!
//! Buckets that no sum covers any more are dropped when a sum is read.

use std::collections::BTreeMap;

use crate::limits::SubmittedCodes;
use crate::limits::guard::{DAY_MS, DAYS_COMPARED, FIVE_MINUTES_MS, FIVES_SUMMED, HOUR_MS, HOURS_SUMMED, Traffic};

/// The counts of one kind, by bucket.
type Counts = BTreeMap<i64, u32>;

/// The traffic of a region or a prefix.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    unverified_fives: Counts,
    unverified_hours: Counts,
    verified_fives: Counts,
    verified_hours: Counts,
    verified_days: Counts,
}

impl Buckets {
    pub(super) fn traffic(&mut self, now: i64) -> Traffic {
        drop_before(&mut self.unverified_fives, first_five(now));
        drop_before(&mut self.unverified_hours, first_hour(now));
        drop_before(&mut self.verified_fives, first_five(now));
        drop_before(&mut self.verified_hours, first_hour(now));
        drop_before(&mut self.verified_days, now / DAY_MS - DAYS_COMPARED);

        Traffic {
            unverified_hour: self.unverified_fives.values().sum(),
            unverified_day: self.unverified_hours.values().sum(),
            verified_hour: self.verified_fives.values().sum(),
            verified_day: self.verified_hours.values().sum(),
            highest_verified_day: self.verified_days.values().copied().max().unwrap_or_default(),
        }
    }

    pub(super) fn add_unverified(&mut self, at: i64) {
        add(&mut self.unverified_fives, at / FIVE_MINUTES_MS);
        add(&mut self.unverified_hours, at / HOUR_MS);
    }

    pub(super) fn remove_unverified(&mut self, sent_at: i64) {
        remove(&mut self.unverified_fives, sent_at / FIVE_MINUTES_MS);
        remove(&mut self.unverified_hours, sent_at / HOUR_MS);
    }

    pub(super) fn verify(&mut self, sent_at: i64, now: i64) {
        self.remove_unverified(sent_at);
        add(&mut self.verified_fives, now / FIVE_MINUTES_MS);
        add(&mut self.verified_hours, now / HOUR_MS);
        add(&mut self.verified_days, now / DAY_MS);
    }
}

/// The codes that all users submit.
#[derive(Debug, Default)]
pub(super) struct CodeBuckets {
    wrong: Counts,
    right: Counts,
}

impl CodeBuckets {
    pub(super) fn codes(&mut self, now: i64) -> SubmittedCodes {
        drop_before(&mut self.wrong, first_five(now));
        drop_before(&mut self.right, first_five(now));
        SubmittedCodes { wrong: self.wrong.values().sum(), right: self.right.values().sum() }
    }

    pub(super) fn add_wrong(&mut self, at: i64) {
        add(&mut self.wrong, at / FIVE_MINUTES_MS);
    }

    pub(super) fn remove_wrong(&mut self, tried_at: i64) {
        remove(&mut self.wrong, tried_at / FIVE_MINUTES_MS);
    }

    pub(super) fn add_right(&mut self, at: i64) {
        add(&mut self.right, at / FIVE_MINUTES_MS);
    }
}

const fn first_five(now: i64) -> i64 {
    now / FIVE_MINUTES_MS - (FIVES_SUMMED - 1)
}

const fn first_hour(now: i64) -> i64 {
    now / HOUR_MS - (HOURS_SUMMED - 1)
}

fn drop_before(counts: &mut Counts, first: i64) {
    *counts = counts.split_off(&first);
}

fn add(counts: &mut Counts, bucket: i64) {
    *counts.entry(bucket).or_default() += 1;
}

fn remove(counts: &mut Counts, bucket: i64) {
    if let Some(count) = counts.get_mut(&bucket) {
        *count = count.saturating_sub(1);
    }
}
