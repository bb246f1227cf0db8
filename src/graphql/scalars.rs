//! The scalars `DateTime` and `PhoneNumber`.
//!
//! A scalar only checks the type of a value and its maximum length. Services check whether the value is valid, because
//! only they can name the field that is wrong.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::Timestamp;

use crate::phone;

/// The maximum length of a phone number as input, in characters.
pub(super) const MAX_PHONE_CHARS: usize = 64;

/// A point in time in UTC, in the form of RFC 3339, such as `2026-03-01T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime(pub(crate) Timestamp);

/// A point in time in UTC, in the form of RFC 3339, such as `2026-03-01T12:00:00Z`.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        text.parse().map(Self).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A mobile phone number. As output it is in E.164, such as `+8613711112222`. As input it is in E.164 or a national
/// number of the server's default region, such as `137 1111 2222`, and has at most 64 characters. Spaces, hyphens and
/// brackets are ignored.
#[derive(Clone)]
pub(crate) struct PhoneNumber(pub(super) String);

impl From<&phone::PhoneNumber> for PhoneNumber {
    fn from(phone: &phone::PhoneNumber) -> Self {
        Self(phone.e164().to_owned())
    }
}

/// A mobile phone number. As output it is in E.164, such as `+8613711112222`. As input it is in E.164 or a national
/// number of the server's default region, such as `137 1111 2222`, and has at most 64 characters. Spaces, hyphens and
/// brackets are ignored.
#[Scalar(specified_by_url = "https://www.itu.int/rec/T-REC-E.164/")]
impl ScalarType for PhoneNumber {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else {
            return Err(InputValueError::expected_type(value));
        };
        if is_short(&text) { Ok(Self(text)) } else { Err(InputValueError::custom("a phone has at most 64 characters")) }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if is_short(text))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn is_short(text: &str) -> bool {
    text.chars().count() <= MAX_PHONE_CHARS
}
