//! Captchas: proofs that a person, not a program, requests a code.
//!
//! Owns when a request needs an answer to a captcha, the form of answers, and what happens during an outage. A verifier
//! only verifies answers; the rules are here. Tickets must not get into a log or an error.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::client::ClientAddress;
use crate::metrics;

pub mod disabled;
pub mod tencent;

use self::disabled::DisabledCaptcha;

/// The most bytes of a ticket. Real tickets have a few hundred.
const MAX_TICKET_BYTES: usize = 2048;

/// The most bytes of a random string. Real ones have a dozen.
const MAX_RANDSTR_BYTES: usize = 128;

/// The beginning of the substitute ticket that the client library makes if it cannot reach Tencent Captcha. It is not
/// signed, so any client can make one.
const STAND_IN_TICKET: &str = "trerror_";

/// The shortest time between two warnings of an outage: a warning for every request would flood the log.
const OUTAGE_WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Which requests for a code need a captcha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptchaMode {
    /// No request.
    Off,
    /// Every request.
    Always,
    /// Requests that the pumping guard suspects, or that a limit of the client's address would reject.
    Challenge,
}

/// What happens to a request if its captcha cannot be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOutage {
    /// It is rejected.
    Refuse,
    /// It is accepted, even if only the client says that the captcha service is down.
    Allow,
}

/// The rules for captchas.
#[derive(Debug, Clone, Copy)]
pub struct CaptchaPolicy {
    /// Which requests need a captcha.
    pub mode: CaptchaMode,
    /// The captcha application that the client must show.
    pub app_id: u64,
    /// Whether an answer needs a random string: on web pages and in apps, but not in mini-programs.
    pub needs_randstr: bool,
    /// What happens to requests during an outage.
    pub on_outage: OnOutage,
}

/// The result that the client library returns when a person has solved a captcha.
#[derive(Clone)]
pub struct CaptchaAnswer {
    /// The ticket, valid once.
    pub ticket: String,
    /// The random string that belongs to the ticket. A mini-program's captcha has no such string.
    pub randstr: Option<String>,
}

impl fmt::Debug for CaptchaAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CaptchaAnswer(..)")
    }
}

/// An error of a verifier's service.
pub type VerifierError = Box<dyn Error + Send + Sync>;

/// The result of a verification.
#[derive(Debug)]
pub enum CaptchaOutcome {
    /// A person solved the captcha.
    Passed,
    /// The answer is wrong, expired or already used, or the service believes that a program made it.
    Failed,
    /// The service could not verify the answer.
    Unavailable(VerifierError),
}

impl CaptchaOutcome {
    /// Returns the label in metrics.
    const fn label(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// Verifies answers to captchas. Every method limits its own duration.
#[async_trait]
pub trait CaptchaVerifier: Send + Sync {
    /// Checks that the service can be reached and accepts the settings.
    async fn check(&self) -> Result<(), VerifierError>;

    /// Verifies an answer that a client at `address` sent.
    async fn verify(&self, answer: &CaptchaAnswer, address: IpAddr) -> CaptchaOutcome;
}

/// Why a request may go ahead after its answer was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// A person solved the captcha.
    Solved,
    /// The service could not verify the answer, and the settings accept requests then.
    Waived,
}

/// A request is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaptchaError {
    /// The request needs a captcha and has no answer to one.
    #[error("a captcha is needed")]
    Required {
        /// The captcha application that the client must show.
        app_id: u64,
    },
    /// The answer was rejected.
    #[error("the captcha was not passed")]
    Failed {
        /// The captcha application that the client must show.
        app_id: u64,
    },
    /// The answer could not be verified, and the settings reject such requests.
    #[error("the captcha could not be verified")]
    Unverified {
        /// The captcha application that the client must show.
        app_id: u64,
    },
    /// The ticket is empty, too long, or not plain ASCII.
    #[error("the ticket is malformed")]
    BadTicket,
    /// The random string is empty, too long, or not plain ASCII.
    #[error("the random string is malformed")]
    BadRandstr,
}

impl CaptchaError {
    /// The label in metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Required { .. } => "captcha_required",
            Self::Failed { .. } | Self::Unverified { .. } => "captcha_failed",
            Self::BadTicket | Self::BadRandstr => "bad_input",
        }
    }
}

/// Decides which requests need a captcha, and has answers verified.
pub struct Captcha {
    verifier: Arc<dyn CaptchaVerifier>,
    policy: CaptchaPolicy,
    /// The time of the last warning of an outage, in milliseconds since 1970.
    outage_warned_at: AtomicI64,
}

impl Captcha {
    /// Creates the service.
    #[must_use]
    pub fn new(verifier: Arc<dyn CaptchaVerifier>, policy: CaptchaPolicy) -> Self {
        Self { verifier, policy, outage_warned_at: AtomicI64::new(i64::MIN) }
    }

    /// Creates a service that never requires a captcha.
    #[must_use]
    pub fn off() -> Self {
        let policy =
            CaptchaPolicy { mode: CaptchaMode::Off, app_id: 0, needs_randstr: true, on_outage: OnOutage::Refuse };
        Self::new(Arc::new(DisabledCaptcha), policy)
    }

    /// Whether every accepted request has passed a captcha.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        self.policy.mode == CaptchaMode::Always
    }

    /// Returns whether some requests need a captcha: a limit asks for one before it rejects them.
    #[must_use]
    pub fn is_for_some(&self) -> bool {
        self.policy.mode == CaptchaMode::Challenge
    }

    /// Returns the rejection of an answer that has admitted another request.
    #[must_use]
    pub fn used(&self) -> CaptchaError {
        tracing::info!("a captcha was not passed: it was used before");
        CaptchaError::Failed { app_id: self.policy.app_id }
    }

    /// Screens an answer without calling the verifier. Returns the answer to verify, or `None` if the request needs no
    /// verification: because it needs no captcha, or because the client says that Captcha is down and the settings
    /// accept requests then. An answer that is not needed is ignored, so that its ticket can still be used later.
    ///
    /// # Errors
    /// If the request is rejected without a verification.
    pub fn screen<'a>(
        &self,
        given: Option<&'a CaptchaAnswer>,
        suspect: bool,
    ) -> Result<Option<&'a CaptchaAnswer>, CaptchaError> {
        let CaptchaPolicy { mode, app_id, needs_randstr, on_outage } = self.policy;
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
        let is_well_formed = match &answer.randstr {
            Some(randstr) => is_plain(randstr, MAX_RANDSTR_BYTES),
            None => !needs_randstr,
        };
        if !is_well_formed {
            return Err(CaptchaError::BadRandstr);
        }
        if !answer.ticket.starts_with(STAND_IN_TICKET) {
            return Ok(Some(answer));
        }

        // Any client can send any number of these, so they must not fill the log.
        tracing::debug!("the client says that Captcha is down");
        match on_outage {
            OnOutage::Refuse => Err(CaptchaError::Unverified { app_id }),
            OnOutage::Allow => Ok(None),
        }
    }

    /// Verifies an answer that `screen` returned.
    ///
    /// # Errors
    /// If the verifier rejects the answer, or it cannot verify the answer and the settings reject such requests.
    pub async fn verify(
        &self,
        answer: &CaptchaAnswer,
        client: ClientAddress,
        now: Timestamp,
    ) -> Result<Passage, CaptchaError> {
        let CaptchaPolicy { app_id, on_outage, .. } = self.policy;
        let started = Instant::now();
        let outcome = self.verifier.verify(answer, client.address()).await;
        metrics::captcha_checked(outcome.label(), started);
        match outcome {
            CaptchaOutcome::Passed => Ok(Passage::Solved),
            CaptchaOutcome::Failed => Err(CaptchaError::Failed { app_id }),
            CaptchaOutcome::Unavailable(cause) => {
                self.log_outage(&*cause, now);
                match on_outage {
                    OnOutage::Refuse => Err(CaptchaError::Unverified { app_id }),
                    OnOutage::Allow => Ok(Passage::Waived),
                }
            }
        }
    }

    /// Logs an outage: as a warning at most once a minute, else at debug level.
    fn log_outage(&self, cause: &(dyn Error + 'static), now: Timestamp) {
        let warned_at = self.outage_warned_at.load(Ordering::Relaxed);
        let interval = i64::try_from(OUTAGE_WARNING_INTERVAL.as_millis()).unwrap_or(i64::MAX);
        let is_too_early = (0..interval).contains(&now.as_millisecond().saturating_sub(warned_at));
        let outcome = match self.policy.on_outage {
            OnOutage::Refuse => "refused",
            OnOutage::Allow => "allowed",
        };

        // Of several simultaneous requests, only the one that updates the time warns.
        let warns = !is_too_early
            && self
                .outage_warned_at
                .compare_exchange(warned_at, now.as_millisecond(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if warns {
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
        async fn check(&self) -> Result<(), VerifierError> {
            Ok(())
        }

        async fn verify(&self, _: &CaptchaAnswer, _: IpAddr) -> CaptchaOutcome {
            self.0.fetch_add(1, Ordering::SeqCst);
            CaptchaOutcome::Failed
        }
    }

    /// Whether `screen` returns an answer to verify.
    fn screened(captcha: &Captcha, given: Option<&CaptchaAnswer>, suspect: bool) -> Result<bool, CaptchaError> {
        captcha.screen(given, suspect).map(|answer| answer.is_some())
    }

    #[tokio::test]
    async fn only_suspicious_requests_are_challenged() {
        let verifier = Arc::new(Counting::default());
        let mode = CaptchaMode::Challenge;
        let policy = CaptchaPolicy { mode, app_id: 7, needs_randstr: true, on_outage: OnOutage::Refuse };
        let captcha = Captcha::new(Arc::clone(&verifier) as Arc<dyn CaptchaVerifier>, policy);
        let client = ClientAddress::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let answer = CaptchaAnswer { ticket: "t".to_owned(), randstr: Some("r".to_owned()) };
        assert_eq!(screened(&captcha, None, false), Ok(false));
        assert_eq!(screened(&captcha, Some(&answer), false), Ok(false), "an answer that is not needed is not used");
        assert_eq!(screened(&captcha, None, true), Err(CaptchaError::Required { app_id: 7 }));
        assert_eq!(screened(&captcha, Some(&answer), true), Ok(true));
        assert_eq!(verifier.0.load(Ordering::SeqCst), 0, "screening does not call the verifier");
        assert_eq!(
            captcha.verify(&answer, client, Timestamp::UNIX_EPOCH).await,
            Err(CaptchaError::Failed { app_id: 7 })
        );
        assert_eq!(verifier.0.load(Ordering::SeqCst), 1);
        assert_eq!(screened(&Captcha::off(), None, true), Ok(false), "off is off");
    }
}
