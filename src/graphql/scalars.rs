//! Scalars. A scalar only says what form a value has on the wire; whether it is good is for the services to say, who
//! name the field that is not.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::Timestamp;

use crate::phone;

/// An instant in UTC as RFC 3339 writes it, such as `2026-03-01T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime(pub(crate) Timestamp);

/// An instant in UTC as RFC 3339 writes it, such as `2026-03-01T12:00:00Z`.
#[Scalar]
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

/// A mobile phone number. It comes out in E.164, such as `+8613711112222`. It goes in as E.164, or as a national number
/// of the server's default region, such as `137 1111 2222`; spaces, hyphens and brackets do not matter.
#[derive(Clone)]
pub(crate) struct PhoneNumber(pub(super) String);

impl From<&phone::PhoneNumber> for PhoneNumber {
    fn from(phone: &phone::PhoneNumber) -> Self {
        Self(phone.e164().to_owned())
    }
}

/// A mobile phone number. It comes out in E.164, such as `+8613711112222`. It goes in as E.164, or as a national number
/// of the server's default region, such as `137 1111 2222`; spaces, hyphens and brackets do not matter.
#[Scalar]
impl ScalarType for PhoneNumber {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else {
            return Err(InputValueError::expected_type(value));
        };
        Ok(Self(text))
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}
