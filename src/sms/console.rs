//! The sender that prints messages to the terminal, for developers who try the server on their own machine.
//!
//! It prints the code and the whole phone number, so it must only be used if the server listens on loopback.

use std::io::{self, Write};
use std::sync::Arc;

use async_trait::async_trait;

use super::inbox::Inbox;
use super::{Acceptance, CodeMessage, Progress, SendError, SendOutcome, SmsSender};
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
impl SmsSender for ConsoleSms {
    fn name(&self) -> &'static str {
        "console"
    }

    /// Standard output needs no check.
    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let text = compose(message);
        let framed = frame(message, &text);
        let mut out = io::stdout().lock();
        out.write_all(framed.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| SendError::Unreachable(error.into()))?;

        if let Some(inbox) = &self.inbox {
            inbox.add(message, text.join(" "));
        }
        Ok(SendOutcome::Accepted(Acceptance { progress: Progress::Delivered, ..Acceptance::default() }))
    }
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

/// Draws a frame around the message, so that it stands out among log lines.
fn frame(message: &CodeMessage<'_>, [what, how_long]: &[String; 2]) -> String {
    let to = format!("SMS to {}", message.phone.e164());
    let lines = [to.as_str(), "", what, how_long];
    let rule = "─".repeat(WIDTH);
    let body = lines.map(|line| format!("│ {line:<width$} │", width = WIDTH - 2)).join("\n");
    format!("\n┌{rule}┐\n{body}\n└{rule}┘\n\n")
}
