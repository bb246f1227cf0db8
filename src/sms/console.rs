//! The sender that prints messages to the terminal, for developers who try the server on their own machine.
//!
//! It prints the code and the whole phone number, so it must only be used if the server listens on loopback.

use std::io::{self, Write};
use std::sync::Arc;

use async_trait::async_trait;

use super::inbox::Inbox;
use super::{Acceptance, CodeMessage, MessageSender, Notice, NoticeKind, Progress, SendError, SendOutcome};
use crate::channel::Channel;
use crate::purpose::Purpose;

const WIDTH: usize = 46;

/// Prints messages to standard output, and adds them to the inbox if there is one.
#[derive(Default)]
pub struct ConsoleSms {
    inbox: Option<Arc<Inbox>>,
}

impl ConsoleSms {
    /// Creates a sender. It adds messages to `inbox`, if there is one.
    pub fn new(inbox: Option<Arc<Inbox>>) -> Self {
        Self { inbox }
    }
}

#[async_trait]
impl MessageSender for ConsoleSms {
    fn name(&self) -> &'static str {
        "console"
    }

    /// Standard output needs no check.
    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let text = compose(message);
        let [what, how_long] = &text;
        let kind = match message.channel {
            Channel::Sms => "SMS",
            Channel::Voice => "call",
        };
        print(&frame(&[&format!("{kind} to {}", message.phone.e164()), "", what, how_long]))?;

        if let Some(inbox) = &self.inbox {
            inbox.add(message, text.join(" "));
        }
        Ok(SendOutcome::Accepted(Acceptance { progress: Progress::Delivered, ..Acceptance::default() }))
    }

    fn sends_notices(&self, _kind: NoticeKind) -> bool {
        true
    }

    async fn notify(&self, notice: &Notice<'_>) -> Result<SendOutcome, SendError> {
        let text = match notice.kind {
            NoticeKind::PhoneChanged => "Your account has another phone now.",
        };
        print(&frame(&[&format!("SMS to {}", notice.phone.e164()), "", text]))?;
        Ok(SendOutcome::Accepted(Acceptance::default()))
    }
}

fn print(text: &str) -> Result<(), SendError> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| SendError::Unreachable(error.into()))
}

/// Writes the text of a message, in two sentences.
fn compose(message: &CodeMessage<'_>) -> [String; 2] {
    let what = match message.purpose {
        Purpose::Login => "sign in",
        Purpose::Reauthenticate => "confirm that it is you",
        Purpose::ChangePhone => "change your phone",
        Purpose::DeleteAccount => "delete your account",
        Purpose::Verify => "verify your phone",
    };
    let minutes = message.valid_for.as_secs().div_ceil(60);
    [format!("{} is your code to {what}.", message.code.expose_digits()), format!("It is valid for {minutes} min.")]
}

/// Draws a frame around the lines, so that they stand out among log lines.
fn frame(lines: &[&str]) -> String {
    let rule = "─".repeat(WIDTH);
    let body: Vec<_> = lines.iter().map(|line| format!("│ {line:<width$} │", width = WIDTH - 2)).collect();
    format!("\n┌{rule}┐\n{}\n└{rule}┘\n\n", body.join("\n"))
}
