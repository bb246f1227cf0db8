//! The error of every store trait, and the time that an operation may wait for stores.
//!
//! Services can handle a failure without knowing the store. An operator must know it, so the text of an error names the
//! store. Outcomes that a caller can expect are not errors: each store method returns them in its result.

use std::error::Error;
use std::fmt;

mod budget;

pub(crate) use budget::{BUDGET, bounded, left, with_budget};

/// A store, for logs and messages to operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreName {
    /// Redis.
    Redis,
    /// MySQL or SQLite.
    Database,
}

impl StoreName {
    /// Returns the value of the field `store` in logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Database => "database",
        }
    }

    /// Returns the store that failed, if an error or one of its causes says so.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut chain = std::iter::successors(Some(error), |error| (*error).source());
        chain.find_map(|error| match error.downcast_ref::<StoreError>() {
            Some(error) => error.store(),
            None => error.downcast_ref::<Named>().map(|named| named.store),
        })
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "Redis",
            Self::Database => "the database",
        })
    }
}

/// The failure of a store.
#[derive(Debug)]
pub enum StoreError {
    /// The store could not be reached or did not answer in time. It may or may not have executed the call.
    Unavailable(Box<dyn Error + Send + Sync>),
    /// The store answered with an error.
    Refused(Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Creates the error of a store that could not be reached or did not answer in time.
    pub(crate) fn unavailable(store: StoreName, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(Box::new(Named { store, cause: cause.into() }))
    }

    /// Creates the error of a store that answered with an error.
    pub(crate) fn refused(store: StoreName, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Refused(Box::new(Named { store, cause: cause.into() }))
    }

    /// Returns the store, if it is known.
    fn store(&self) -> Option<StoreName> {
        self.named().map(|named| named.store)
    }

    fn named(&self) -> Option<&Named> {
        self.cause().downcast_ref()
    }

    fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        let (Self::Unavailable(cause) | Self::Refused(cause)) = self;
        cause.as_ref()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.store().map_or_else(|| "the store".to_owned(), |store| store.to_string());
        match self {
            Self::Unavailable(_) => write!(f, "{store} cannot be reached"),
            Self::Refused(_) => write!(f, "{store} refused"),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The text above has the name already.
        let cause = self.named().map_or_else(|| self.cause(), |named| named.cause.as_ref());
        Some(cause)
    }
}

/// The cause of a failure, and the store that failed. It reads like the cause.
#[derive(Debug)]
struct Named {
    store: StoreName,
    cause: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for Named {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_names_its_store_and_keeps_its_cause() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        for (error, store, text) in [
            (StoreError::unavailable(StoreName::Redis, refused()), Some(StoreName::Redis), "Redis cannot be reached"),
            (StoreError::refused(StoreName::Database, refused()), Some(StoreName::Database), "the database refused"),
            (StoreError::Unavailable(refused().into()), None, "the store cannot be reached"),
        ] {
            assert_eq!((error.to_string().as_str(), StoreName::of(&error)), (text, store));
            let source = error.source().expect("a cause");
            assert!(source.downcast_ref::<io::Error>().is_some(), "{source:?}");
            assert!(source.source().is_none(), "the name is no cause");
        }

        let StoreError::Refused(cause) = StoreError::refused(StoreName::Database, refused()) else {
            panic!("another error");
        };
        assert_eq!((StoreName::of(&*cause), cause.to_string()), (Some(StoreName::Database), refused().to_string()));
    }
}
