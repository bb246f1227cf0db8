//! Test numbers: numbers with a fixed code, for app reviewers who have no phone in the app's country.
//!
//! The server sends no SMS to a test number. After their end date, test numbers are ordinary numbers.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::code::Code;
use crate::phone::PhoneNumber;

/// Numbers with a fixed code. The `Debug` output contains no whole number and no code.
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

    /// Returns whether the phone has a fixed code at this time.
    pub(crate) fn include(&self, phone: &PhoneNumber, now: Timestamp) -> bool {
        self.code(phone, now).is_some()
    }

    /// Returns the fixed code of a phone, if it has one at this time.
    pub(super) fn code(&self, phone: &PhoneNumber, now: Timestamp) -> Option<&Code> {
        self.codes.get(phone).filter(|_| self.are_active(now))
    }

    /// Returns the number of active test numbers and their end date. `None` if no number is active.
    #[must_use]
    pub fn active(&self, now: Timestamp) -> Option<(usize, Option<Timestamp>)> {
        (!self.codes.is_empty() && self.are_active(now)).then_some((self.codes.len(), self.end))
    }

    fn are_active(&self, now: Timestamp) -> bool {
        self.end.is_none_or(|end| now < end)
    }
}
