//! The set-up of logs and traces: destination, format and filter.
//!
//! Logs go to standard error, because standard output belongs to the results of commands. Libraries must not log below
//! `warn` by default, because they may log secrets and phone numbers. Traces contain only spans of this crate, for the same
//! reason. This is the only module that knows OpenTelemetry.

use std::io::{self, IsTerminal};

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{ConfigError, LogFormat, LogSettings};

mod causes;

use self::causes::{JsonLines, TextFields};

const SERVICE: &str = "sms-login";

/// The path below the endpoint that takes traces, as the OTLP specification says.
const TRACES_PATH: &str = "v1/traces";

/// The running export of traces, if it is on.
#[must_use = "spans that are not exported yet are lost"]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Exports the spans that are left.
    pub fn finish(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the last traces could not be exported");
        }
    }
}

/// Starts logging and, if an endpoint is set, the export of traces.
///
/// # Errors
/// If the filter is not a level or a filter, or the endpoint cannot be used.
pub fn init(settings: &LogSettings) -> Result<Telemetry, ConfigError> {
    let filter = env_filter(&settings.log)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    // A file or a journal would contain the control characters of colours.
    let lines = if io::stderr().is_terminal() { lines } else { lines.with_ansi(false) };
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match settings.log_format {
        LogFormat::Text => lines.map_fmt_fields(TextFields).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).map_event_format(JsonLines).with_filter(filter).boxed(),
    };

    let provider = settings.otel_exporter_otlp_endpoint.as_ref().map(|endpoint| provider(endpoint.as_str()));
    let refuse = |error| ConfigError::new("OTEL_EXPORTER_OTLP_ENDPOINT", error);
    let provider = provider.transpose().map_err(refuse)?;
    let spans = provider.as_ref().map(|provider| traces(provider.tracer(SERVICE)));
    tracing_subscriber::registry().with(lines).with(spans).init();
    Ok(Telemetry(provider))
}

/// Continues the trace of the `traceparent` header of a request in `span`. Without a valid header, the span begins a trace.
pub(crate) fn continue_trace(span: &Span, traceparent: Option<&str>) {
    let parent = TraceContextPropagator::new().extract(&Traceparent(traceparent));
    let context = parent.span().span_context().clone();
    if context.is_valid() {
        span.record("trace.id", context.trace_id().to_string());
        // This fails only if traces are not exported.
        drop(span.set_parent(Context::new().with_remote_span_context(context)));
    }
}

struct Traceparent<'a>(Option<&'a str>);

impl Extractor for Traceparent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.filter(|_| key == "traceparent")
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

/// Creates the exporter. Besides the endpoint, it obeys the standard variables, such as those for headers.
fn provider(endpoint: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let url = format!("{}/{TRACES_PATH}", endpoint.trim_end_matches('/'));
    let exporter =
        SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(url).build()?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name(SERVICE).with_attribute(version).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

fn traces<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false);
    layer.with_filter(Targets::new().with_target("sms_login", LevelFilter::DEBUG))
}

/// Parses the setting. A bare level applies to the server only; libraries stay at `warn`, unless the setting names
/// them.
fn env_filter(filter: &str) -> Result<EnvFilter, ConfigError> {
    let filter = match filter.parse::<LevelFilter>() {
        Ok(level) => format!("{},sms_login={level}", level.min(LevelFilter::WARN)),
        Err(_) => filter.to_owned(),
    };
    let reason = "must be a level such as info or a filter such as sms_login=debug";
    EnvFilter::try_new(filter).map_err(|_| ConfigError::new("LOG", reason))
}
