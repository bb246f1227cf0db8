//! The metrics of the server.
//!
//! All names and label values are fixed words, codes of regions, or names of routes from
//! the settings. A label must never contain a phone, an address or an id.

use std::time::Instant;

use crate::price::Price;
use crate::spend::Parcel;

const CODES_REQUESTED: &str = "sms_login_codes_requested_total";
const ATTEMPTS: &str = "sms_login_attempts_total";
const SUSPECT: &str = "sms_login_suspect_sends_total";
const WRONG_CODES: &str = "sms_login_wrong_codes_ratio";
const ROUTE_STATE: &str = "sms_login_route_state";
const MESSAGES: &str = "sms_login_messages_total";
const SPEND: &str = "sms_login_spend_total";
const SEND_SECONDS: &str = "sms_login_sms_send_seconds";

/// The buckets of the histogram, in seconds.
pub(crate) const SEND_BUCKETS: (&str, [f64; 8]) = (SEND_SECONDS, [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0]);

/// Registers the description of every metric.
pub(crate) fn describe() {
    metrics::describe_counter!(CODES_REQUESTED, "Requests for a code, by purpose and outcome.");
    metrics::describe_counter!(ATTEMPTS, "Attempts with a code, by purpose and outcome.");
    metrics::describe_counter!(SUSPECT, "Sends that the pumping guard considers suspect, by reason and mode.");
    metrics::describe_gauge!(WRONG_CODES, "Share of wrong codes in all attempts of the past hour, from 0 to 1.");
    metrics::describe_gauge!(ROUTE_STATE, "State of a message route: 0 is in use, 1 is on trial, 2 is skipped.");
    metrics::describe_counter!(MESSAGES, "Messages that reached a state, by route, region, purpose and state.");
    metrics::describe_gauge!(
        SPEND,
        "Price of the messages since the start of the server, in the unit of the routes' prices."
    );
    metrics::describe_histogram!(SEND_SECONDS, "Duration of calls to the SMS provider, in seconds.");
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

/// Counts a message that reached a state, and what it adds to the price.
pub(crate) fn message(parcel: &Parcel, state: &'static str, cost: Price) {
    let Parcel { route, region, purpose, day: _ } = parcel;
    let labels = [
        ("route", route.clone()),
        ("region", region.clone()),
        ("purpose", purpose.name().to_owned()),
        ("state", state.to_owned()),
    ];
    metrics::counter!(MESSAGES, &labels).increment(1);
    if cost > Price::ZERO {
        // A counter has whole numbers only.
        metrics::gauge!(SPEND, "route" => route.clone()).increment(cost.units());
    }
}

/// Records the duration of a call to the SMS provider.
pub(crate) fn sent(provider: &'static str, begun: Instant) {
    metrics::histogram!(SEND_SECONDS, "provider" => provider).record(begun.elapsed());
}
