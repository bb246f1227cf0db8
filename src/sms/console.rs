//! The SMS printed to the terminal, for whoever tries the server on their own machine.
//!
//! It shows the code and the whole phone number: that is its job, and why it is for loopback only.

use std::io::{self, Write};
use std::sync::Arc;

use async_trait::async_trait;

use super::inbox::Inbox;
use super::{CodeMessage, SendError, SendOutcome, SmsSender};
use crate::purpose::Purpose;

const WIDTH: usize = 46;

/// Prints messages to standard output, and keeps the latest where there is an inbox.
#[derive(Default)]
pub struct ConsoleSms {
    inbox: Option<Arc<Inbox>>,
}

impl ConsoleSms {
    /// A sender that also fills `inbox`.
    pub fn new(inbox: Option<Arc<Inbox>>) -> Self {
        Self { inbox }
    }
}

#[async_trait]
impl SmsSender for ConsoleSms {
    fn name(&self) -> &'static str {
        "console"
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let text = compose(message);
        let framed = frame(message, &text);
        let mut out = io::stdout().lock();
        out.write_all(framed.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| SendError::Unreachable(error.into()))?;
        if let Some(inbox) = &self.inbox {
            inbox.keep(message, text.join(" "));
        }
        Ok(SendOutcome::Accepted)
    }
}

/// What the message says, in two sentences.
fn compose(message: &CodeMessage<'_>) -> [String; 2] {
    let what = match message.purpose {
        Purpose::Login => "sign in",
        Purpose::ChangePhone => "change your phone",
        Purpose::DeleteAccount => "delete your account",
        Purpose::Verify => "verify your phone",
    };
    let minutes = message.valid_for.as_secs().div_ceil(60);
    [format!("{} is your code to {what}.", message.code.expose_digits()), format!("It is good for {minutes} min.")]
}

/// The message in a frame that cannot be missed among log lines.
fn frame(message: &CodeMessage<'_>, [what, how_long]: &[String; 2]) -> String {
    let to = format!("SMS to {}", message.phone.e164());
    let lines = [to.as_str(), "", what, how_long];
    let rule = "─".repeat(WIDTH);
    let body = lines.map(|line| format!("│ {line:<width$} │", width = WIDTH - 2)).join("\n");
    format!("\n┌{rule}┐\n{body}\n└{rule}┘\n\n")
}
