//! Proofs: what another service is told of a phone that was shown to be held.

use std::sync::Arc;

use crate::client::ClientAddress;
use crate::phone::PhoneNumber;
use crate::tokens::keys::KeyError;
use crate::tokens::{Issued, Tokens};
use crate::verification::code::Purpose;
use crate::verification::{AttemptError, ShownCode, Verification};

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The code is not taken.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The proof could not be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The service of proofs.
pub struct Proofs {
    verification: Arc<Verification>,
    tokens: Arc<Tokens>,
}

impl Proofs {
    /// A service of these parts.
    #[must_use]
    pub const fn new(verification: Arc<Verification>, tokens: Arc<Tokens>) -> Self {
        Self { verification, tokens }
    }

    /// Takes a code for a signed proof that its phone is held, for the reference that it was asked for with.
    ///
    /// # Errors
    /// `ProofError`; a proof is made only after its code is used up.
    pub async fn verify(
        &self,
        phone: &PhoneNumber,
        code: &str,
        challenge_id: &str,
        client: ClientAddress,
    ) -> Result<Issued, ProofError> {
        let shown = ShownCode { phone, code, challenge_id, purpose: Purpose::Verify, user: None, client };
        let claimed = self.verification.attempt(shown).await?;
        let reference = claimed.reference.clone();
        self.verification.consume(claimed).await?;
        Ok(self.tokens.issue_proof(phone, reference.as_deref())?)
    }
}
