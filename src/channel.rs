//! `Channel`: the way in which a code reaches a phone.

/// The way in which a code reaches a phone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Channel {
    /// A text message.
    #[default]
    Sms,
    /// A call, in which a voice reads the code aloud.
    Voice,
}

impl Channel {
    /// Returns the name in stores, settings, logs and metrics. It is stored, so it must not change.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "SMS",
            Self::Voice => "VOICE",
        }
    }
}
