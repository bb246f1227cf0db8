//! Test numbers: numbers with a fixed code, for app reviewers who have no phone in the app's country.
//!
//! No SMS is sent to a test number. After their end date they are ordinary numbers.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::code::Code;
use crate::phone::PhoneNumber;

/// Numbers with a fixed code. `Debug` shows neither whole numbers nor codes.
#[derive(Debug, Clone, Default)]
pub struct TestNumbers {
    codes: HashMap<PhoneNumber, Code>,
    end: Option<Timestamp>,
}

impl TestNumbers {
    /// Creates the set. It is active until `end`, or always if there is no end.
    #[must_use]
    pub fn new(codes: HashMap<PhoneNumber, Code>, end: Option<Timestamp>) -> Self {
        Self { codes, end }
    }

    /// Returns the fixed code of a phone, if it has one at this time.
    pub(super) fn code(&self, phone: &PhoneNumber, now: Timestamp) -> Option<&Code> {
        self.codes.get(phone).filter(|_| self.are_active(now))
    }

    /// Returns how many numbers are active, and until when. `None` if no number is active.
    #[must_use]
    pub fn active(&self, now: Timestamp) -> Option<(usize, Option<Timestamp>)> {
        (!self.codes.is_empty() && self.are_active(now)).then_some((self.codes.len(), self.end))
    }

    fn are_active(&self, now: Timestamp) -> bool {
        self.end.is_none_or(|end| now < end)
    }
}
