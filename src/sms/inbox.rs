//! The latest messages of the console sender, for the playground's page on the same machine.
//!
//! They hold codes: they are kept in memory only, few of them, and are served to this machine alone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::CodeMessage;
use crate::clock::Clock;

const KEPT: usize = 20;

/// One message, as it would have been sent.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxMessage {
    id: u64,
    phone: String,
    code: String,
    text: String,
    sent_at: String,
}

/// The latest messages.
pub struct Inbox {
    clock: Arc<dyn Clock>,
    messages: Mutex<VecDeque<InboxMessage>>,
}

impl Inbox {
    /// An empty one.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, messages: Mutex::default() }
    }

    /// Keeps a message, and drops the oldest where there are too many.
    pub(super) fn keep(&self, message: &CodeMessage<'_>, text: String) {
        let sent_at = self.clock.now().to_string();
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let id = messages.front().map_or(1, |newest| newest.id + 1);
        messages.push_front(InboxMessage {
            id,
            phone: message.phone.e164().to_owned(),
            code: message.code.expose_digits().to_owned(),
            text,
            sent_at,
        });
        messages.truncate(KEPT);
    }

    /// What is kept, the newest first.
    pub fn messages(&self) -> Vec<InboxMessage> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::SystemClock;
    use crate::code::Code;
    use crate::phone::PhoneNumber;
    use crate::purpose::Purpose;

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let inbox = Inbox::new(Arc::new(SystemClock));
        let phone = PhoneNumber::parse("+8613711112222", "CN".parse().expect("a region")).expect("a phone");
        for number in 0..25 {
            let code = Code::parse(&format!("{number:06}")).expect("a code");
            let message =
                CodeMessage { phone: &phone, code: &code, purpose: Purpose::Login, valid_for: Duration::from_mins(5) };
            inbox.keep(&message, String::new());
        }
        let codes: Vec<_> = inbox.messages().into_iter().map(|message| message.code).collect();
        assert_eq!(codes.len(), KEPT);
        assert_eq!(
            (codes.first().map(String::as_str), codes.last().map(String::as_str)),
            (Some("000024"), Some("000005"))
        );
    }
}
