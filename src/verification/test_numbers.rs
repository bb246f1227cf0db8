//! Numbers with a fixed code, for those who review an app and have no phone in its country.
//!
//! Nothing is ever sent to one. From their end on they are numbers like any other.

use std::collections::HashMap;

use jiff::Timestamp;

use super::code::Code;
use crate::phone::PhoneNumber;

/// Numbers with a fixed code. `Debug` shows neither whole numbers nor codes.
#[derive(Debug, Clone, Default)]
pub struct TestNumbers {
    codes: HashMap<PhoneNumber, Code>,
    end: Option<Timestamp>,
}

impl TestNumbers {
    /// These, until `end`; without one, for good.
    #[must_use]
    pub fn new(codes: HashMap<PhoneNumber, Code>, end: Option<Timestamp>) -> Self {
        Self { codes, end }
    }

    /// The fixed code of a phone, where it has one now.
    pub(super) fn code(&self, phone: &PhoneNumber, now: Timestamp) -> Option<&Code> {
        self.codes.get(phone).filter(|_| self.are_on(now))
    }

    /// How many there are now, and until when. `None` where there are none.
    #[must_use]
    pub fn active(&self, now: Timestamp) -> Option<(usize, Option<Timestamp>)> {
        (!self.codes.is_empty() && self.are_on(now)).then_some((self.codes.len(), self.end))
    }

    fn are_on(&self, now: Timestamp) -> bool {
        self.end.is_none_or(|end| now < end)
    }
}
