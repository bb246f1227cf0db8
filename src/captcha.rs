//! Captcha: whether a person asks for a code.
//!
//! Owns when an answer is needed, its form, and what an outage means. A verifier says what an answer is worth and
//! decides nothing. No ticket gets into a log or an error.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::client::ClientAddress;

pub mod disabled;
pub mod tencent;

use self::disabled::DisabledCaptcha;

/// The most bytes of a ticket. A real one has a few hundred.
const MAX_TICKET_BYTES: usize = 2048;

/// The most bytes of a random string. A real one has a dozen.
const MAX_RANDSTR_BYTES: usize = 128;

/// How the client library's own ticket begins, where it could not reach Captcha. Nobody signed it, so anybody can write
/// one.
const STAND_IN_TICKET: &str = "trerror_";

/// How long the log is silent about an outage after it has said so: one line a request would be a flood.
const OUTAGE_SILENCE: Duration = Duration::from_mins(1);

/// When a captcha is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptchaMode {
    /// Never.
    Off,
    /// For every code.
    Always,
    /// For a code whose request is suspect.
    Challenge,
}

/// What becomes of a request whose captcha cannot be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOutage {
    /// It fails.
    Refuse,
    /// It goes on, also for whoever only says that Captcha is down.
    Allow,
}

/// When a captcha is needed, for which application, and what an outage means.
#[derive(Debug, Clone, Copy)]
pub struct CaptchaPolicy {
    /// When.
    pub mode: CaptchaMode,
    /// The application that the client library shows.
    pub app_id: u64,
    /// What an outage means.
    pub on_outage: OnOutage,
}

/// What the client library gave when a person had passed.
#[derive(Clone)]
pub struct CaptchaAnswer {
    /// The ticket, good once.
    pub ticket: String,
    /// The random string that goes with it.
    pub randstr: String,
}

impl fmt::Debug for CaptchaAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CaptchaAnswer(..)")
    }
}

/// What an answer is worth.
#[derive(Debug)]
pub enum CaptchaOutcome {
    /// A person gave it.
    Passed,
    /// It is wrong, old or used, or a machine gave it.
    Failed,
    /// The service could not say.
    Unavailable(Box<dyn Error + Send + Sync>),
}

/// Says what an answer is worth.
#[async_trait]
pub trait CaptchaVerifier: Send + Sync {
    /// Verifies an answer that came from this address. Bounded in time by the verifier itself.
    async fn verify(&self, answer: &CaptchaAnswer, address: IpAddr) -> CaptchaOutcome;
}

/// Why a request is not let past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaptchaError {
    /// An answer is needed, and there is none.
    #[error("a captcha is needed")]
    Required {
        /// The application to show.
        app_id: u64,
    },
    /// The answer was not accepted.
    #[error("the captcha was not passed")]
    Failed {
        /// The application to show again.
        app_id: u64,
    },
    /// The answer could not be verified, and the settings refuse such a request.
    #[error("the captcha could not be verified")]
    Unverified {
        /// The application to show again.
        app_id: u64,
    },
    /// The ticket is empty, too long, or not plain ASCII.
    #[error("the ticket is not of its form")]
    BadTicket,
    /// The random string is empty, too long, or not plain ASCII.
    #[error("the random string is not of its form")]
    BadRandstr,
}

impl CaptchaError {
    /// The word in metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Required { .. } => "captcha_required",
            Self::Failed { .. } | Self::Unverified { .. } => "captcha_failed",
            Self::BadTicket | Self::BadRandstr => "bad_input",
        }
    }
}

/// The service of captchas.
pub struct Captcha {
    verifier: Arc<dyn CaptchaVerifier>,
    policy: CaptchaPolicy,
    /// When an outage was last logged, in milliseconds since 1970.
    outage_told_at: AtomicI64,
}

impl Captcha {
    /// Creates the service.
    #[must_use]
    pub fn new(verifier: Arc<dyn CaptchaVerifier>, policy: CaptchaPolicy) -> Self {
        Self { verifier, policy, outage_told_at: AtomicI64::new(i64::MIN) }
    }

    /// A service that never needs a captcha.
    #[must_use]
    pub fn off() -> Self {
        let policy = CaptchaPolicy { mode: CaptchaMode::Off, app_id: 0, on_outage: OnOutage::Refuse };
        Self::new(Arc::new(DisabledCaptcha), policy)
    }

    /// Whether every request that is let past has passed a captcha.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        self.policy.mode == CaptchaMode::Always
    }

    /// Looks at an answer without calling anybody. Gives the answer to verify, or `None` if the request can go on without:
    /// because it needs no captcha, or because the settings let requests past while Captcha is down, as the client says
    /// it is. An answer that is not needed is not looked at, because a ticket is good once.
    ///
    /// # Errors
    /// `CaptchaError` if the request is refused already.
    pub fn screen<'a>(
        &self,
        given: Option<&'a CaptchaAnswer>,
        suspect: bool,
    ) -> Result<Option<&'a CaptchaAnswer>, CaptchaError> {
        let CaptchaPolicy { mode, app_id, on_outage } = self.policy;
        let needed = match mode {
            CaptchaMode::Off => false,
            CaptchaMode::Always => true,
            CaptchaMode::Challenge => suspect,
        };
        if !needed {
            return Ok(None);
        }

        let answer = given.ok_or(CaptchaError::Required { app_id })?;
        if !is_plain(&answer.ticket, MAX_TICKET_BYTES) {
            return Err(CaptchaError::BadTicket);
        }
        if !is_plain(&answer.randstr, MAX_RANDSTR_BYTES) {
            return Err(CaptchaError::BadRandstr);
        }
        if !answer.ticket.starts_with(STAND_IN_TICKET) {
            return Ok(Some(answer));
        }

        // Anybody can send as many of these as they like, so they are not worth a line of the usual log.
        tracing::debug!("the client says that Captcha is down");
        match on_outage {
            OnOutage::Refuse => Err(CaptchaError::Unverified { app_id }),
            OnOutage::Allow => Ok(None),
        }
    }

    /// Has an answer verified that `screen` gave.
    ///
    /// # Errors
    /// `CaptchaError::Failed`; `CaptchaError::Unverified` if the service could not say and the settings refuse then.
    pub async fn verify(
        &self,
        answer: &CaptchaAnswer,
        client: ClientAddress,
        now: Timestamp,
    ) -> Result<(), CaptchaError> {
        let CaptchaPolicy { app_id, on_outage, .. } = self.policy;
        match self.verifier.verify(answer, client.address()).await {
            CaptchaOutcome::Passed => Ok(()),
            CaptchaOutcome::Failed => Err(CaptchaError::Failed { app_id }),
            CaptchaOutcome::Unavailable(cause) => {
                self.tell_outage(&*cause, now);
                match on_outage {
                    OnOutage::Refuse => Err(CaptchaError::Unverified { app_id }),
                    OnOutage::Allow => Ok(()),
                }
            }
        }
    }

    /// Warns of an outage, at most once a minute.
    fn tell_outage(&self, cause: &(dyn Error + 'static), now: Timestamp) {
        let told_at = self.outage_told_at.load(Ordering::Relaxed);
        let silent_for = i64::try_from(OUTAGE_SILENCE.as_millis()).unwrap_or(i64::MAX);
        let is_silent = (0..silent_for).contains(&now.as_millisecond().saturating_sub(told_at));
        let outcome = match self.policy.on_outage {
            OnOutage::Refuse => "refused",
            OnOutage::Allow => "allowed",
        };

        // Of several requests at once, the one that moves the time tells.
        let tells = !is_silent
            && self
                .outage_told_at
                .compare_exchange(told_at, now.as_millisecond(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if tells {
            tracing::warn!(error = cause, outcome, "a captcha could not be verified");
        } else {
            tracing::debug!(error = cause, outcome, "a captcha could not be verified");
        }
    }
}

fn is_plain(text: &str, max_bytes: usize) -> bool {
    (1..=max_bytes).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl CaptchaVerifier for Counting {
        async fn verify(&self, _: &CaptchaAnswer, _: IpAddr) -> CaptchaOutcome {
            self.0.fetch_add(1, Ordering::SeqCst);
            CaptchaOutcome::Failed
        }
    }

    /// Whether there is an answer to verify.
    fn screened(captcha: &Captcha, given: Option<&CaptchaAnswer>, suspect: bool) -> Result<bool, CaptchaError> {
        captcha.screen(given, suspect).map(|answer| answer.is_some())
    }

    #[tokio::test]
    async fn a_challenge_is_for_the_suspect_alone() {
        let verifier = Arc::new(Counting::default());
        let policy = CaptchaPolicy { mode: CaptchaMode::Challenge, app_id: 7, on_outage: OnOutage::Refuse };
        let captcha = Captcha::new(Arc::clone(&verifier) as Arc<dyn CaptchaVerifier>, policy);
        let client = ClientAddress::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let answer = CaptchaAnswer { ticket: "t".to_owned(), randstr: "r".to_owned() };
        assert_eq!(screened(&captcha, None, false), Ok(false));
        assert_eq!(screened(&captcha, Some(&answer), false), Ok(false), "an answer that is not needed is not used up");
        assert_eq!(screened(&captcha, None, true), Err(CaptchaError::Required { app_id: 7 }));
        assert_eq!(screened(&captcha, Some(&answer), true), Ok(true));
        assert_eq!(verifier.0.load(Ordering::SeqCst), 0, "nobody is called to look at an answer");
        assert_eq!(
            captcha.verify(&answer, client, Timestamp::UNIX_EPOCH).await,
            Err(CaptchaError::Failed { app_id: 7 })
        );
        assert_eq!(verifier.0.load(Ordering::SeqCst), 1);
        assert_eq!(screened(&Captcha::off(), None, true), Ok(false), "off is off");
    }
}
