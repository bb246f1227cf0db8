//! Proofs: signed statements, for other services, that a user has a phone.
//!
//! A proof leaves this module only after its code is consumed, so there is at most one proof for each code.

use std::sync::Arc;

use crate::client::ClientAddress;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::tokens::keys::KeyError;
use crate::tokens::{Issued, Tokens};
use crate::verification::{AttemptError, Checking, SubmittedCode};

/// Why no proof is issued.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The code is rejected.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The proof could not be signed. The code stays valid.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The service that issues proofs.
pub struct Proofs {
    checking: Arc<Checking>,
    tokens: Arc<Tokens>,
}

impl Proofs {
    /// Creates the service.
    #[must_use]
    pub const fn new(checking: Arc<Checking>, tokens: Arc<Tokens>) -> Self {
        Self { checking, tokens }
    }

    /// Exchanges a code for a signed proof that the user has the phone. The proof contains the reference that the code was
    /// requested with.
    ///
    /// # Errors
    /// If the code is rejected or the proof cannot be signed.
    pub async fn verify(
        &self,
        phone: &PhoneNumber,
        code: &str,
        challenge_id: &str,
        client: ClientAddress,
    ) -> Result<Issued, ProofError> {
        let (purpose, user) = (Purpose::Verify, None);
        let submitted = SubmittedCode { phone, code, challenge_id, purpose, user, client, device: None, claim: None };
        let redeemed = self
            .checking
            .redeem(submitted, async |reference: Option<String>| -> Result<Issued, ProofError> {
                Ok(self.tokens.issue_proof(phone, reference.as_deref())?)
            })
            .await?;
        redeemed.consumed?;
        Ok(redeemed.value)
    }
}
