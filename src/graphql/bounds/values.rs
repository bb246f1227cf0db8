//! The size of values, and the reading of variables from JSON.
//!
//! After the first exceeded bound no more values are kept, so a large body uses no more memory than the bound allows.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Number, Value as ConstValue, Variables};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::text::MAX_NAME_BYTES;
use super::{MAX_VARIABLE_VALUES, Refusal};

/// This many bytes of text count like one value, which is about the memory of one value.
const BYTES_PER_UNIT: usize = 64;

/// Returns the size of a text.
pub(super) fn text_size(bytes: usize) -> u32 {
    u32::try_from(1 + bytes / BYTES_PER_UNIT).unwrap_or(u32::MAX)
}

/// Returns the size of a value, including nested values.
pub(super) fn const_size(value: &ConstValue) -> u32 {
    match value {
        ConstValue::Null | ConstValue::Number(_) | ConstValue::Boolean(_) | ConstValue::Enum(_) => 1,
        ConstValue::String(text) => text_size(text.len()),
        ConstValue::Binary(bytes) => text_size(bytes.len()),
        ConstValue::List(values) => values.iter().fold(1, |sum: u32, value| sum.saturating_add(const_size(value))),
        ConstValue::Object(fields) => fields.iter().fold(1, |sum: u32, (name, value)| {
            sum.saturating_add(const_size(value)).saturating_add(text_size(name.len()) - 1)
        }),
    }
}

/// The `variables` of a request, or the first bound that they exceed.
#[derive(Debug)]
pub(crate) struct BoundedVariables(pub(crate) Result<Variables, Refusal>);

impl Default for BoundedVariables {
    fn default() -> Self {
        Self(Ok(Variables::default()))
    }
}

impl<'de> Deserialize<'de> for BoundedVariables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reading = Reading { left: Cell::new(MAX_VARIABLE_VALUES), refusal: Cell::new(None) };
        let value = ValueOf(&reading).deserialize(deserializer)?;
        if let Some(refusal) = reading.refusal.get() {
            return Ok(Self(Err(refusal)));
        }
        match value {
            ConstValue::Null => Ok(Self::default()),
            ConstValue::Object(_) => Ok(Self(Ok(Variables::from_value(value)))),
            ConstValue::Number(_)
            | ConstValue::String(_)
            | ConstValue::Boolean(_)
            | ConstValue::Binary(_)
            | ConstValue::Enum(_)
            | ConstValue::List(_) => Err(D::Error::custom("`variables` must be an object")),
        }
    }
}

/// The state of reading one `variables` object.
struct Reading {
    /// The number of values that may still be read.
    left: Cell<u32>,
    /// The first bound that was exceeded. The rest of the JSON is then parsed, to find syntax errors, but not kept.
    refusal: Cell<Option<Refusal>>,
}

impl Reading {
    fn refuse(&self, refusal: Refusal) {
        self.refusal.set(self.refusal.get().or(Some(refusal)));
    }
}

/// Deserializes one value.
#[derive(Clone, Copy)]
struct ValueOf<'a>(&'a Reading);

impl ValueOf<'_> {
    /// Counts one value, and records the refusal if there are too many.
    fn count(self) {
        match self.0.left.get().checked_sub(1) {
            Some(left) => self.0.left.set(left),
            None => self.0.refuse(Refusal::VariableValues),
        }
    }

    fn is_refused(self) -> bool {
        self.0.refusal.get().is_some()
    }
}

impl<'de> DeserializeSeed<'de> for ValueOf<'_> {
    type Value = ConstValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ConstValue, D::Error> {
        if self.is_refused() {
            return IgnoredAny::deserialize(deserializer).map(|_| ConstValue::Null);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueOf<'_> {
    type Value = ConstValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<ConstValue, E> {
        Ok(ConstValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<ConstValue, E> {
        Ok(ConstValue::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<ConstValue, E> {
        Ok(ConstValue::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<ConstValue, E> {
        Ok(ConstValue::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<ConstValue, E> {
        Ok(Number::from_f64(value).map_or(ConstValue::Null, ConstValue::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<ConstValue, E> {
        Ok(ConstValue::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<ConstValue, E> {
        Ok(ConstValue::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<ConstValue, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element_seed(self)? {
            self.count();
            if !self.is_refused() {
                list.push(value);
            }
        }
        Ok(ConstValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<ConstValue, A::Error> {
        let mut object = IndexMap::new();
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            if name.len() > MAX_NAME_BYTES {
                self.0.refuse(Refusal::LongName);
            }
            let value = fields.next_value_seed(self)?;
            self.count();
            if !self.is_refused() && object.insert(Name::new(name), value).is_some() {
                // JSON parsers disagree on which of two equal names counts, so reject both.
                self.0.refuse(Refusal::DuplicateInputField);
            }
        }
        Ok(ConstValue::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Variables, Refusal> {
        serde_json::from_str::<BoundedVariables>(json).expect("variables").0
    }

    #[test]
    fn variables_are_the_same_as_in_the_library() {
        let json = r#"{ "a": null, "b": true, "c": -7, "d": 1.5, "e": "x\n\u00e9", "f": [1, [2]], "g": { "h": { "i": [] } } }"#;
        let expected = Variables::from_json(serde_json::from_str(json).expect("JSON"));
        assert_eq!(read(json), Ok(expected));
        assert_eq!(read("null"), Ok(Variables::default()));
        for wrong in ["[]", "1", "\"x\"", "true"] {
            assert!(serde_json::from_str::<BoundedVariables>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn at_most_a_thousand_values_are_read() {
        let list = |values: u32| format!(r#"{{ "a": [{}0] }}"#, "0,".repeat(values as usize - 2));
        assert!(read(&list(MAX_VARIABLE_VALUES)).is_ok());
        assert_eq!(read(&list(MAX_VARIABLE_VALUES + 1)), Err(Refusal::VariableValues));
        let nested = format!(r#"{{ "a": [{}[]] }}"#, "[{\"x\": 1}],".repeat(500));
        assert_eq!(read(&nested), Err(Refusal::VariableValues));
    }

    #[test]
    fn long_and_repeated_names_are_rejected() {
        let named = |bytes: usize| format!(r#"{{ "{}": 1 }}"#, "n".repeat(bytes));
        assert!(read(&named(MAX_NAME_BYTES)).is_ok());
        assert_eq!(read(&named(MAX_NAME_BYTES + 1)), Err(Refusal::LongName));
        assert_eq!(read(r#"{ "a": { "b": 1, "c": 2, "b": 3 } }"#), Err(Refusal::DuplicateInputField));
    }

    #[test]
    fn the_size_of_a_value_follows_its_memory() {
        let size = |json: &str| read(json).expect("variables").values().map(const_size).sum::<u32>();
        assert_eq!(size(r#"{ "a": 1, "b": "x" }"#), 2);
        assert_eq!(size(r#"{ "a": [1, 2, { "b": [] }] }"#), 5);
        assert_eq!(size(&format!(r#"{{ "a": "{}" }}"#, "x".repeat(6400))), 101);
    }
}
