//! The SMS printed to the terminal, for whoever tries the server on their own machine.
//!
//! It shows the code and the whole phone number: that is its job, and why it is for loopback only.

use std::io::{self, Write};

use async_trait::async_trait;

use super::{CodeMessage, SendError, SendOutcome, SmsSender};
use crate::verification::code::Purpose;

const WIDTH: usize = 46;

/// Prints messages to standard output.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsoleSms;

#[async_trait]
impl SmsSender for ConsoleSms {
    fn name(&self) -> &'static str {
        "console"
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let text = render(message);
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| SendError::Unreachable(error.into()))?;
        Ok(SendOutcome::Accepted)
    }
}

/// The message in a frame that cannot be missed among log lines.
fn render(message: &CodeMessage<'_>) -> String {
    let what = match message.purpose {
        Purpose::Login => "sign in",
        Purpose::ChangePhone => "change your phone",
        Purpose::DeleteAccount => "delete your account",
        Purpose::Verify => "verify your phone",
    };
    let minutes = message.valid_for.as_secs().div_ceil(60);
    let lines = [
        format!("SMS to {}", message.phone.e164()),
        String::new(),
        format!("{} is your code to {what}.", message.code.expose_digits()),
        format!("It is good for {minutes} min."),
    ];
    let rule = "─".repeat(WIDTH);
    let body = lines.map(|line| format!("│ {line:<width$} │", width = WIDTH - 2)).join("\n");
    format!("\n┌{rule}┐\n{body}\n└{rule}┘\n\n")
}
