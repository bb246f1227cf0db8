//! What the log says of an error: all its causes, and the store that failed.
//!
//! The library writes the causes of an error in text, as the field `error.sources`, but not in JSON. This module adds them
//! there, and the field `store` in both formats.

use std::error::Error;
use std::fmt;

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::store::StoreName;

/// What an error of an event has beyond its own text.
#[derive(Default)]
struct Causes {
    texts: Vec<String>,
    store: Option<StoreName>,
}

impl Causes {
    fn of(fields: &impl RecordFields) -> Self {
        let mut causes = Self::default();
        fields.record(&mut causes);
        causes
    }
}

impl Visit for Causes {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_error(&mut self, _: &Field, error: &(dyn Error + 'static)) {
        let causes = std::iter::successors(error.source(), |cause| (*cause).source());
        self.texts = causes.map(ToString::to_string).collect();
        self.store = StoreName::of(error);
    }
}

/// Writes fields as text.
pub(super) struct TextFields(pub(super) DefaultFields);

impl<'writer> FormatFields<'writer> for TextFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer.by_ref(), &fields)?;
        match Causes::of(&fields).store {
            Some(store) => write!(writer, " store=\"{}\"", store.label()),
            None => Ok(()),
        }
    }
}

/// Writes events as JSON, one object a line.
pub(super) struct JsonLines(pub(super) Format<Json>);

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Causes { texts, store } = Causes::of(event);
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;

        // The fields belong before the end of the object.
        let Some(object) = line.strip_suffix("}\n") else {
            return writer.write_str(&line);
        };
        writer.write_str(object)?;
        if !texts.is_empty() {
            write!(writer, ",\"error.sources\":{}", json!(texts))?;
        }
        if let Some(store) = store {
            write!(writer, ",\"store\":\"{}\"", store.label())?;
        }
        writer.write_str("}\n")
    }
}
