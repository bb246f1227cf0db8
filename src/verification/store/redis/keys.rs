//! The names of a phone's keys, and the order in which each script takes them.

use crate::redis::RedisPool;
use crate::tags::PhoneTag;
use crate::verification::store::{NewChallenge, RequestKey, Subject};

/// Builds the keys of one phone, as one client uses them.
pub(super) struct Keys<'a> {
    pub(super) redis: &'a RedisPool,
    pub(super) subject: &'a Subject,
}

/// Returns the key of the time at which the phone's devices were revoked.
pub(super) fn revoked(redis: &RedisPool, phone: &PhoneTag) -> String {
    redis.key(phone, "devices_revoked")
}

impl Keys<'_> {
    fn key(&self, rest: impl std::fmt::Display) -> String {
        self.redis.key(&self.subject.phone, rest)
    }

    fn phone(&self) -> String {
        self.key("phone")
    }

    /// Returns the key of a challenge without the nonce.
    pub(super) fn challenges(&self) -> String {
        self.key("challenge:")
    }

    pub(super) fn challenge(&self, nonce: &str) -> String {
        self.key(format_args!("challenge:{nonce}"))
    }

    pub(super) fn request(&self, key: &RequestKey) -> String {
        self.key(format_args!("request:{}", key.tag))
    }

    fn failures(&self) -> String {
        self.key(format_args!("failures:{}", self.subject.address))
    }

    fn sent_from(&self) -> String {
        self.key(format_args!("sent_from:{}", self.subject.address))
    }

    fn device(&self) -> Option<String> {
        let device = self.subject.device.as_ref()?;
        Some(self.key(format_args!("device:{}", device.tag)))
    }

    fn device_failures(&self) -> Option<String> {
        let Subject { address, device, .. } = self.subject;
        let device = device.as_ref()?;
        Some(self.key(format_args!("device_failures:{}:{address}", device.tag)))
    }

    /// Returns the three keys with which scripts recognize a device and use its bucket.
    fn recognition(&self) -> impl Iterator<Item = String> {
        let revoked = self.subject.device.as_ref().map(|_| revoked(self.redis, &self.subject.phone));
        [revoked, self.device(), self.device_failures()].into_iter().flatten()
    }

    pub(super) fn of_issue(&self, new: &NewChallenge) -> Vec<String> {
        let always = [self.phone(), self.challenge(&new.nonce), self.failures(), self.sent_from()];
        let request = new.key.as_ref().map(|key| self.request(key));
        always.into_iter().chain(self.recognition()).chain(request).collect()
    }

    pub(super) fn of_attempt(&self, nonce: &str) -> Vec<String> {
        [self.phone(), self.challenge(nonce), self.failures()].into_iter().chain(self.recognition()).collect()
    }

    pub(super) fn of_consume(&self, nonce: &str) -> Vec<String> {
        let bucket = self.device().unwrap_or_else(|| self.phone());
        let failures = self.device_failures().unwrap_or_else(|| self.failures());
        vec![self.phone(), self.challenge(nonce), bucket, failures]
    }

    pub(super) fn of_void(&self, new: &NewChallenge) -> Vec<String> {
        let always = [self.phone(), self.challenge(&new.nonce), self.sent_from()];
        let request = new.key.as_ref().map(|key| self.request(key));
        always.into_iter().chain(self.device()).chain(request).collect()
    }
}
