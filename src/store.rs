//! How a store fails. Every store trait answers with this, so that services need not know which store it is.

use std::error::Error;

/// A store's failure, apart from any outcome that the caller can expect.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store could not be reached, or did not answer in time. Whether it acted is not known.
    #[error("the store cannot be reached")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The store answered, and would not do it.
    #[error("the store refused")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
}
