//! The verifier for `CAPTCHA=off`.
//!
//! It is never called, because no request needs a captcha then. It must not contact a service.

use std::net::IpAddr;

use async_trait::async_trait;

use super::{CaptchaAnswer, CaptchaOutcome, CaptchaVerifier, VerifierError};

/// Accepts every answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct DisabledCaptcha;

#[async_trait]
impl CaptchaVerifier for DisabledCaptcha {
    async fn check(&self) -> Result<(), VerifierError> {
        Ok(())
    }

    async fn verify(&self, _: &CaptchaAnswer, _: IpAddr) -> CaptchaOutcome {
        CaptchaOutcome::Passed
    }
}
