//! The metrics of the server.
//!
//! All names and label values are fixed words, codes of regions, or names of routes from
//! the settings. A label must never contain a phone, an address or an id.

use std::time::Instant;

mod codes;

const CODES_REQUESTED: &str = "sms_login_codes_requested_total";
const ATTEMPTS: &str = "sms_login_attempts_total";
const SUSPECT: &str = "sms_login_suspect_sends_total";
const WRONG_CODES: &str = "sms_login_wrong_codes_ratio";
pub(crate) const ROUTE_STATE: &str = "sms_login_route_state";
/// The value of `ROUTE_STATE` for a route that is skipped, as the page of metrics shows it.
pub(crate) const ROUTE_IS_SKIPPED: &str = "2";
const PROVIDER_ANSWERS: &str = "sms_login_provider_answers_total";
const MESSAGES: &str = "sms_login_messages_total";
const CAPTCHA_CHECKS: &str = "sms_login_captcha_checks_total";
const CAPTCHA_SECONDS: &str = "sms_login_captcha_seconds";
const EVENT_DELIVERIES: &str = "sms_login_event_deliveries_total";
const REPLICA_READS: &str = "sms_login_replica_reads_total";
const SHED: &str = "sms_login_requests_shed_total";
const SPEND: &str = "sms_login_spend_total";
const SEND_SECONDS: &str = "sms_login_sms_send_seconds";

const STORE_BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0];

/// The buckets of each histogram, in seconds.
pub(crate) const BUCKETS: [(&str, &[f64]); 5] = [
    (REDIS_SECONDS, STORE_BUCKETS),
    (SQL_SECONDS, STORE_BUCKETS),
    (SEND_SECONDS, &[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0]),
    (CAPTCHA_SECONDS, &[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0]),
    (OPERATION_SECONDS, &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
];

const OPERATIONS: &str = "sms_login_operations_total";
const OPERATION_SECONDS: &str = "sms_login_operation_seconds";
const RATE_LIMITED: &str = "sms_login_rate_limited_total";
const BUILD_INFO: &str = "sms_login_build_info";

const CONNECTIONS: &str = "sms_login_connections";
const REFUSED: &str = "sms_login_connections_refused_total";
const EVICTED: &str = "sms_login_connections_evicted_total";
const SQL_CONNECTIONS: &str = "sms_login_sql_connections";
const RUNNING: &str = "sms_login_operations_running";
const REDIS_SECONDS: &str = "sms_login_redis_seconds";
const SQL_SECONDS: &str = "sms_login_sql_seconds";
const CLOCK_SKEW: &str = "sms_login_clock_skew_seconds";
const EVENTS_PENDING: &str = "sms_login_events_pending";
const EVENTS_OLDEST: &str = "sms_login_events_oldest_pending_seconds";

/// Registers the description of every metric.
pub(crate) fn describe() {
    metrics::describe_counter!(CODES_REQUESTED, "Requests for a code, by purpose and outcome.");
    metrics::describe_counter!(ATTEMPTS, "Attempts with a code, by purpose and outcome.");
    metrics::describe_counter!(SUSPECT, "Sends that the pumping guard considers suspect, by reason and mode.");
    metrics::describe_gauge!(WRONG_CODES, "Share of wrong codes in all attempts of the past hour, from 0 to 1.");
    metrics::describe_gauge!(ROUTE_STATE, "State of a message route: 0 is in use, 1 is on trial, 2 is skipped.");
    metrics::describe_counter!(
        OPERATIONS,
        "GraphQL operations, by their only field and outcome: ok, or the code of the failure."
    );
    metrics::describe_histogram!(OPERATION_SECONDS, "Duration of GraphQL operations, in seconds.");
    metrics::describe_counter!(RATE_LIMITED, "Rejections by a rate limit.");
    metrics::describe_gauge!(CONNECTIONS, "Connections of clients, by state: busy or idle.");
    metrics::describe_counter!(REFUSED, "Connections refused because a limit was reached.");
    metrics::describe_counter!(EVICTED, "Idle connections closed to make room for others.");
    metrics::describe_gauge!(SQL_CONNECTIONS, "Connections to the database, by state: busy or idle.");
    metrics::describe_gauge!(RUNNING, "GraphQL operations that are running.");
    metrics::describe_counter!(
        SHED,
        "Requests rejected because the server had no capacity for them, by what was full."
    );
    metrics::describe_counter!(
        REPLICA_READS,
        "Reads of the read replica, by outcome. The primary answers the failed ones."
    );
    metrics::describe_histogram!(REDIS_SECONDS, "Duration of scripts on Redis, in seconds, by script and outcome.");
    metrics::describe_histogram!(SQL_SECONDS, "Duration of calls to the database, in seconds, by kind and outcome.");
    metrics::describe_gauge!(CLOCK_SKEW, "How far this server's clock is ahead of Redis's, in seconds.");
    metrics::describe_gauge!(EVENTS_PENDING, "Events that wait for delivery.");
    metrics::describe_gauge!(EVENTS_OLDEST, "Age of the oldest event that waits for delivery, in seconds.");
    metrics::describe_gauge!(BUILD_INFO, "Version of the program. The value is always 1.");
    metrics::describe_counter!(PROVIDER_ANSWERS, "Answers of SMS providers, by route, region and the provider's code.");
    metrics::describe_counter!(MESSAGES, "Messages that reached a state, by route, region, purpose and state.");
    metrics::describe_gauge!(
        SPEND,
        "Price of the messages since the start of the server, in the unit of the routes' prices."
    );
    metrics::describe_histogram!(SEND_SECONDS, "Duration of calls to the SMS provider, in seconds.");
    metrics::describe_counter!(
        CAPTCHA_CHECKS,
        "Answers to captchas that the service verified or could not, by outcome."
    );
    metrics::describe_histogram!(CAPTCHA_SECONDS, "Duration of calls to the captcha service, in seconds.");
    metrics::describe_counter!(EVENT_DELIVERIES, "Attempts to deliver an event to the webhook, by outcome.");
}

/// Sets counters to zero whose first failure must alert: Prometheus sees no increase in a series that begins with 1.
pub(crate) fn start_at_zero() {
    for outcome in CAPTCHA_OUTCOMES {
        metrics::counter!(CAPTCHA_CHECKS, "outcome" => outcome).absolute(0);
    }
    for outcome in EVENT_OUTCOMES {
        metrics::counter!(EVENT_DELIVERIES, "outcome" => outcome).absolute(0);
    }
}

/// The outcomes of calls to the captcha service.
const CAPTCHA_OUTCOMES: [&str; 3] = ["passed", "failed", "unavailable"];
/// The outcomes of attempts to deliver an event.
const EVENT_OUTCOMES: [&str; 3] = ["delivered", "failed", "dead"];

/// Counts a call to the captcha service, and records its duration. `outcome` is `passed`, `failed`, or `unavailable` if the
/// service could not verify the answer.
pub(crate) fn captcha_checked(outcome: &'static str, started: Instant) {
    debug_assert!(CAPTCHA_OUTCOMES.contains(&outcome), "{outcome}");
    metrics::counter!(CAPTCHA_CHECKS, "outcome" => outcome).increment(1);
    metrics::histogram!(CAPTCHA_SECONDS).record(started.elapsed());
}

/// Counts an attempt to deliver an event. `outcome` is `delivered`, `failed` if it is tried again, or `dead` if it is not.
pub(crate) fn event_delivery(outcome: &'static str) {
    debug_assert!(EVENT_OUTCOMES.contains(&outcome), "{outcome}");
    metrics::counter!(EVENT_DELIVERIES, "outcome" => outcome).increment(1);
}

/// Sets the version of the program.
pub(crate) fn build_info() {
    metrics::gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

/// Sets the numbers of clients' connections.
pub(crate) fn connections(open: usize, idle: usize, refused: u64, evicted: u64) {
    metrics::gauge!(CONNECTIONS, "state" => "busy").set(as_f64(open.saturating_sub(idle)));
    metrics::gauge!(CONNECTIONS, "state" => "idle").set(as_f64(idle));
    metrics::counter!(REFUSED).absolute(refused);
    metrics::counter!(EVICTED).absolute(evicted);
}

/// Sets the numbers of connections to the database.
pub(crate) fn sql_pool(open: u32, idle: usize) {
    metrics::gauge!(SQL_CONNECTIONS, "state" => "busy").set(f64::from(open) - as_f64(idle));
    metrics::gauge!(SQL_CONNECTIONS, "state" => "idle").set(as_f64(idle));
}

/// Sets the number of running operations.
pub(crate) fn running_operations(running: usize) {
    metrics::gauge!(RUNNING).set(as_f64(running));
}

/// Counts a request that is rejected because the server has no capacity for it. `full` is what has no place left.
pub(crate) fn request_shed(full: &'static str) {
    metrics::counter!(SHED, "full" => full).increment(1);
}

/// Counts a read of the read replica. `outcome` is `ok`, `failed`, or `skipped` for a while after a failure.
pub(crate) fn replica_read(outcome: &'static str) {
    metrics::counter!(REPLICA_READS, "outcome" => outcome).increment(1);
}

/// Records the duration of a script on Redis.
pub(crate) fn redis_called(script: &'static str, is_ok: bool, started: Instant) {
    metrics::histogram!(REDIS_SECONDS, "script" => script, "outcome" => outcome(is_ok)).record(started.elapsed());
}

/// Records the duration of a call to the database.
pub(crate) fn sql_called(kind: &'static str, is_ok: bool, started: Instant) {
    metrics::histogram!(SQL_SECONDS, "kind" => kind, "outcome" => outcome(is_ok)).record(started.elapsed());
}

/// Sets how far this server's clock is ahead of Redis's.
pub(crate) fn clock_skew(seconds: f64) {
    metrics::gauge!(CLOCK_SKEW).set(seconds);
}

/// Sets the number of events that wait for delivery, and the age of the oldest one.
pub(crate) fn event_backlog(pending: u32, oldest_seconds: f64) {
    metrics::gauge!(EVENTS_PENDING).set(pending);
    metrics::gauge!(EVENTS_OLDEST).set(oldest_seconds);
}

const fn outcome(is_ok: bool) -> &'static str {
    if is_ok { "ok" } else { "error" }
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Counts a GraphQL operation that ended, and records its duration.
pub(crate) fn operation_ended(operation: &'static str, outcome: &str, started: Instant) {
    metrics::counter!(OPERATIONS, "operation" => operation, "outcome" => outcome.to_owned()).increment(1);
    metrics::histogram!(OPERATION_SECONDS, "operation" => operation).record(started.elapsed());
}

/// Counts a request or an attempt that a limit rejects.
pub(crate) fn rate_limited(limit: &'static str) {
    metrics::counter!(RATE_LIMITED, "limit" => limit).increment(1);
}

/// Counts a request for a code.
pub(crate) fn code_requested(purpose: &'static str, outcome: &'static str) {
    metrics::counter!(CODES_REQUESTED, "purpose" => purpose, "outcome" => outcome).increment(1);
}

/// Counts an attempt with a code.
pub(crate) fn attempt(purpose: &'static str, outcome: &'static str) {
    metrics::counter!(ATTEMPTS, "purpose" => purpose, "outcome" => outcome).increment(1);
}

/// Counts a send that the pumping guard considers suspect.
pub(crate) fn suspect(reason: &'static str, mode: &'static str) {
    metrics::counter!(SUSPECT, "reason" => reason, "mode" => mode).increment(1);
}

/// Sets the share of wrong codes in all attempts of the past hour, as it was before the latest attempt. Servers that share a
/// store count together, but each of them sets its share only when it gets an attempt.
pub(crate) fn wrong_codes(share: f64) {
    metrics::gauge!(WRONG_CODES).set(share);
}

/// Sets the state of a message route: 0 is in use, 1 is on trial, 2 is skipped.
pub(crate) fn route_state(route: &str, state: u8) {
    metrics::gauge!(ROUTE_STATE, "route" => route.to_owned()).set(state);
}

/// What messages are counted by.
pub(crate) struct MessageLabels<'a> {
    pub(crate) route: &'a str,
    pub(crate) region: &'a str,
    pub(crate) purpose: &'static str,
    pub(crate) state: &'static str,
}

/// Counts a message that reached a state, and what it adds to the price, in the operator's unit.
pub(crate) fn message(labels: &MessageLabels<'_>, cost: f64) {
    let MessageLabels { route, region, purpose, state } = labels;
    let labels = [
        ("route", (*route).to_owned()),
        ("region", (*region).to_owned()),
        ("purpose", (*purpose).to_owned()),
        ("state", (*state).to_owned()),
    ];
    metrics::counter!(MESSAGES, &labels).increment(1);
    if cost > 0.0 {
        // A counter has whole numbers only.
        metrics::gauge!(SPEND, "route" => (*route).to_owned()).increment(cost);
    }
}

/// Records the outcome and the duration of a call to a provider. `code` is the provider's own, or a fixed word.
pub(crate) fn sent(route: &str, region: &str, provider: &'static str, code: &str, begun: Instant) {
    let labels = [("route", route.to_owned()), ("region", region.to_owned()), ("code", codes::label(code))];
    metrics::counter!(PROVIDER_ANSWERS, &labels).increment(1);
    metrics::histogram!(SEND_SECONDS, "provider" => provider).record(begun.elapsed());
}
