//! The delivery of a code's message, as a client sees it.

use async_graphql::{Enum, SimpleObject};

use super::scalars::DateTime;
use crate::deliveries::{self, Delivery, FailureReason};

/// How far a message has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum DeliveryStatus {
    /// The server's gateway has queued the message.
    Queued,
    /// The provider accepted the message.
    Accepted,
    /// The message arrived.
    Delivered,
    /// The message could not be delivered. `reason` says why.
    Failed,
    /// The code has expired, and the server does not know whether the message arrived.
    Unknown,
}

/// The delivery of a code's message. `DELIVERED`, `FAILED` and `UNKNOWN` are final.
#[derive(SimpleObject)]
pub(super) struct CodeDelivery {
    /// How far the message has got.
    status: DeliveryStatus,
    /// When the message got this status.
    updated_at: DateTime,
    /// Why the message could not be delivered, in one plain English sentence. Null unless the status is `FAILED`.
    reason: Option<&'static str>,
}

impl From<Delivery> for CodeDelivery {
    fn from(delivery: Delivery) -> Self {
        let (status, reason) = match delivery.status {
            deliveries::DeliveryStatus::Queued => (DeliveryStatus::Queued, None),
            deliveries::DeliveryStatus::Accepted => (DeliveryStatus::Accepted, None),
            deliveries::DeliveryStatus::Delivered => (DeliveryStatus::Delivered, None),
            deliveries::DeliveryStatus::Failed(reason) => (DeliveryStatus::Failed, Some(sentence(reason))),
            deliveries::DeliveryStatus::Unknown => (DeliveryStatus::Unknown, None),
        };
        Self { status, updated_at: DateTime(delivery.updated_at), reason }
    }
}

const fn sentence(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::Unreachable => "The phone is switched off, out of coverage, or full.",
        FailureReason::Blocked => "The carrier or the user blocks such messages.",
        FailureReason::InvalidNumber => "No phone has this number.",
        FailureReason::Other => "The carrier could not deliver the message.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failed_delivery_has_a_reason() {
        let (updated_at, expires_at) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
        let node = |status| CodeDelivery::from(Delivery { status, updated_at, expires_at });
        let failed = node(deliveries::DeliveryStatus::Failed(FailureReason::InvalidNumber));
        assert_eq!((failed.status, failed.reason), (DeliveryStatus::Failed, Some("No phone has this number.")));
        let delivered = node(deliveries::DeliveryStatus::Delivered);
        assert_eq!((delivered.status, delivered.reason), (DeliveryStatus::Delivered, None));
    }
}
