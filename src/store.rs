//! The error of every store trait, and the time that an operation may wait for stores.
//!
//! Services can handle a failure without knowing the store. Outcomes that a caller can expect are not errors: each
//! store method returns them in its result.

use std::error::Error;

mod budget;

pub(crate) use budget::{BUDGET, bounded, left, with_budget};

/// The failure of a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store could not be reached or did not answer in time. It may or may not have executed the call.
    #[error("the store cannot be reached")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The store answered with an error.
    #[error("the store refused")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
}
