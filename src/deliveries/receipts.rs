//! Receipts as providers send them: the bodies of their calls, parsed into what the service records.
//!
//! Who may send receipts is not decided here.

use serde::Deserialize;
use serde_json::Value;

use super::store::{FailureReason, State};
use super::{ProviderReceipt, ReceiptSource};
use crate::phone::PhoneNumber;

/// The most receipts of one call.
const MAX_RECEIPTS: usize = 200;

/// The longest serial number. Real ones have fewer than 50 bytes.
const MAX_SERIAL_BYTES: usize = 128;

/// The reasons of Tencent's `errmsg` that have a meaning for clients: the states of SMPP 3.4, section 5.2.28. Carriers also
/// send other codes, which count as `Other`.
const TENCENT_REASONS: [(&str, FailureReason); 4] = [
    ("UNDELIV", FailureReason::Unreachable),
    ("EXPIRED", FailureReason::Unreachable),
    ("REJECTD", FailureReason::Blocked),
    ("BLACK", FailureReason::Blocked),
];

/// The body of a call is not what the provider should send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receipts cannot be read")]
pub struct MalformedReceipts;

/// Parses a call of Tencent: an array of receipts. Receipts without a usable serial number, phone or status are ignored.
///
/// # Errors
/// If the body is not a JSON array, or has too many receipts.
pub fn tencent(body: &[u8]) -> Result<Vec<ProviderReceipt>, MalformedReceipts> {
    let entries: Vec<Value> = serde_json::from_slice(body).map_err(|_| MalformedReceipts)?;
    if entries.len() > MAX_RECEIPTS {
        return Err(MalformedReceipts);
    }
    Ok(entries.iter().filter_map(tencent_entry).collect())
}

fn tencent_entry(entry: &Value) -> Option<ProviderReceipt> {
    let text = |name: &str| match entry.get(name) {
        Some(Value::String(text)) => Some(text.trim().to_owned()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => None,
    };
    let state = match text("report_status")?.as_str() {
        "SUCCESS" => State::Delivered,
        "FAIL" => State::Failed(tencent_reason(&text("errmsg").unwrap_or_default())),
        _ => return None,
    };
    let phone = format!("+{}{}", text("nationcode")?, text("mobile")?);
    receipt(ReceiptSource::Tencent, text("sid")?, phone, state)
}

fn tencent_reason(errmsg: &str) -> FailureReason {
    let known = TENCENT_REASONS.into_iter().find(|(name, _)| *name == errmsg);
    known.map_or(FailureReason::Other, |(_, reason)| reason)
}

/// The body of a webhook's receipt.
#[derive(Deserialize)]
struct WebhookReceipt {
    id: String,
    phone: String,
    status: String,
    reason: Option<String>,
}

/// Parses a call of the gateway of a webhook route: one receipt.
///
/// # Errors
/// If the body is not a receipt with an id, a phone and a known status.
pub fn webhook(route: &str, body: &[u8]) -> Result<ProviderReceipt, MalformedReceipts> {
    let WebhookReceipt { id, phone, status, reason } = serde_json::from_slice(body).map_err(|_| MalformedReceipts)?;
    let state = match status.as_str() {
        "accepted" => State::Accepted,
        "delivered" => State::Delivered,
        "failed" => State::Failed(match reason.as_deref() {
            Some("unreachable") => FailureReason::Unreachable,
            Some("blocked") => FailureReason::Blocked,
            Some("invalid_number") => FailureReason::InvalidNumber,
            Some(_) | None => FailureReason::Other,
        }),
        _ => return Err(MalformedReceipts),
    };
    receipt(ReceiptSource::Webhook(route.to_owned()), id, phone, state).ok_or(MalformedReceipts)
}

fn receipt(source: ReceiptSource, serial: String, phone: String, state: State) -> Option<ProviderReceipt> {
    let phone = PhoneNumber::from_e164(phone).ok()?;
    (1..=MAX_SERIAL_BYTES).contains(&serial.len()).then_some(ProviderReceipt { source, serial, phone, state })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNREACHABLE: State = State::Failed(FailureReason::Unreachable);

    fn read(body: &str) -> Vec<(String, String, State)> {
        let receipts = tencent(body.as_bytes()).expect("receipts").into_iter();
        receipts.map(|receipt| (receipt.serial, receipt.phone.e164().to_owned(), receipt.state)).collect()
    }

    #[test]
    fn receipts_of_tencent_have_a_serial_number_a_phone_and_a_status() {
        let body = r#"[
            {"user_receive_time": "2015-10-17 08:03:04", "nationcode": "86", "mobile": "13711112222", "report_status": "SUCCESS",
             "errmsg": "DELIVRD", "description": "x", "sid": "1:1"},
            {"nationcode": 852, "mobile": "51234567", "report_status": "FAIL", "errmsg": "EXPIRED", "sid": "1:2"},
            {"nationcode": "86", "mobile": "13711112222", "report_status": "FAIL", "errmsg": "MK:0001", "sid": "1:3"},
            {"nationcode": "86", "mobile": "13711112222", "report_status": "FAIL", "sid": ""},
            {"nationcode": "86", "mobile": "137-1111", "report_status": "SUCCESS", "sid": "1:4"},
            {"nationcode": "86", "mobile": "13711112222", "report_status": "MAYBE", "sid": "1:5"},
            {}, 7, null, [], "text"
        ]"#;
        let phone = || "+8613711112222".to_owned();
        let expected = [
            ("1:1".to_owned(), phone(), State::Delivered),
            ("1:2".to_owned(), "+85251234567".to_owned(), UNREACHABLE),
            ("1:3".to_owned(), phone(), State::Failed(FailureReason::Other)),
        ];
        assert_eq!(read(body), expected);
        assert!(read("[]").is_empty());
        assert_eq!(tencent(format!("[{}]", vec!["{}"; 200].join(",")).as_bytes()).map(|all| all.len()), Ok(0));
        for wrong in ["", "{}", "[", "[}", &format!("[{}]", vec!["{}"; 201].join(","))] {
            assert_eq!(tencent(wrong.as_bytes()).map(|all| all.len()), Err(MalformedReceipts), "{wrong}");
        }
    }

    #[test]
    fn a_receipt_of_a_webhook_is_complete() {
        let read = |status: &str| {
            let body = format!(r#"{{"id": "m", "phone": "+8613711112222", "more": 1, {status}}}"#);
            webhook("gateway", body.as_bytes()).map(|receipt| receipt.state)
        };
        assert_eq!(read(r#""status": "accepted""#), Ok(State::Accepted));
        assert_eq!(read(r#""status": "delivered""#), Ok(State::Delivered));
        assert_eq!(read(r#""status": "failed", "reason": "unreachable""#), Ok(UNREACHABLE));
        assert_eq!(read(r#""status": "failed", "reason": "other""#), Ok(State::Failed(FailureReason::Other)));
        assert_eq!(read(r#""status": "failed""#), Ok(State::Failed(FailureReason::Other)));
        assert_eq!(read(r#""status": "maybe""#), Err(MalformedReceipts));
        for wrong in
            ["", "[]", r#"{"id": "m", "status": "delivered"}"#, r#"{"id": "", "phone": "+86137", "status": "x"}"#]
        {
            assert_eq!(
                webhook("gateway", wrong.as_bytes()).map(|receipt| receipt.state),
                Err(MalformedReceipts),
                "{wrong}"
            );
        }
    }
}
