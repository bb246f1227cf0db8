//! The latest messages of the console sender, for the playground page.
//!
//! Messages contain codes. So they are only in memory, at most 20 of them, and must only be served to clients on the
//! same machine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::CodeMessage;
use crate::clock::Clock;

const MAX_MESSAGES: usize = 20;

/// A message that the console sender printed.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxMessage {
    id: u64,
    phone: String,
    code: String,
    text: String,
    sent_at: String,
}

/// Keeps the latest messages.
pub struct Inbox {
    clock: Arc<dyn Clock>,
    messages: Mutex<VecDeque<InboxMessage>>,
}

impl Inbox {
    /// Creates an empty inbox.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, messages: Mutex::default() }
    }

    /// Adds a message, and removes the oldest if there are too many.
    pub(super) fn add(&self, message: &CodeMessage<'_>, text: String) {
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
        messages.truncate(MAX_MESSAGES);
    }

    /// Returns the messages, newest first.
    pub fn messages(&self) -> Vec<InboxMessage> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::channel::Channel;
    use crate::clock::SystemClock;
    use crate::code::Code;
    use crate::phone::PhoneNumber;
    use crate::purpose::Purpose;

    #[test]
    fn the_newest_messages_come_first_and_the_oldest_are_removed() {
        let inbox = Inbox::new(Arc::new(SystemClock));
        let phone = PhoneNumber::parse("+8613711112222", "CN".parse().expect("a region")).expect("a phone");
        for number in 0..25 {
            let code = Code::parse(&format!("{number:06}")).expect("a code");
            let message = CodeMessage {
                id: "1",
                phone: &phone,
                code: &code,
                purpose: Purpose::Login,
                channel: Channel::Sms,
                valid_for: Duration::from_mins(5),
                expires_at: jiff::Timestamp::MAX,
                locale: None,
                reference: None,
                app_hash: None,
            };
            inbox.add(&message, String::new());
        }
        let codes: Vec<_> = inbox.messages().into_iter().map(|message| message.code).collect();
        assert_eq!(codes.len(), MAX_MESSAGES);
        assert_eq!(
            (codes.first().map(String::as_str), codes.last().map(String::as_str)),
            (Some("000024"), Some("000005"))
        );
    }
}
