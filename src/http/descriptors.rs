//! File descriptors: every connection needs one, and so do files, stores and providers.
//!
//! Owns how many are reserved for the server itself. Connections must never use the reserve.

use std::num::TryFromIntError;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything but client connections: connections to the database, Redis and providers, metrics and
/// files.
const RESERVE: u64 = 96;
/// If the limit is large, one in this many descriptors is reserved: requests to providers grow with the number of
/// clients.
const RESERVE_SHARE: u64 = 8;
/// More connections than this need memory that the operator should plan for: about 200 MB when all are idle.
const MAX_DEFAULT_CONNECTIONS: u64 = 10_000;

/// The connections do not fit under the descriptor limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DescriptorError {
    /// The limit leaves no descriptors for clients.
    #[error("the descriptor limit is {limit} (ulimit -n), and the server needs {RESERVE} and one for each connection")]
    NoRoom { limit: u64 },
    /// The setting allows more connections than the limit.
    #[error("at most {most} fit under the descriptor limit of {limit} (ulimit -n)")]
    TooMany { most: u64, limit: u64 },
    /// The number is too large for this machine.
    #[error(transparent)]
    OutOfRange(#[from] TryFromIntError),
}

/// Raises the soft descriptor limit to the hard limit, and returns the soft limit.
pub(crate) fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };

    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum.unwrap_or(u64::MAX),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the descriptor limit could not be raised");
            current.unwrap_or(u64::MAX)
        }
    }
}

/// Returns the number of client connections: `wanted`, or a default that fits under the descriptor limit.
///
/// # Errors
/// If `wanted` connections do not fit.
pub(crate) fn connections(limit: u64, wanted: Option<usize>) -> Result<usize, DescriptorError> {
    let most = limit.saturating_sub(RESERVE.max(limit / RESERVE_SHARE));
    let count = match wanted {
        _ if most == 0 => return Err(DescriptorError::NoRoom { limit }),
        None => most.min(MAX_DEFAULT_CONNECTIONS),
        Some(wanted) => {
            let wanted = u64::try_from(wanted)?;
            if wanted > most {
                return Err(DescriptorError::TooMany { most, limit });
            }
            wanted
        }
    };
    Ok(usize::try_from(count)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_a_reserve_under_the_limit() {
        for (limit, default) in [(97, 1), (256, 160), (1024, 896), (4096, 3584), (20_000, 10_000), (u64::MAX, 10_000)] {
            assert_eq!(connections(limit, None), Ok(default), "{limit}");
        }
        assert_eq!(connections(96, None), Err(DescriptorError::NoRoom { limit: 96 }));
        assert_eq!(connections(256, Some(160)), Ok(160));
        assert_eq!(connections(256, Some(161)), Err(DescriptorError::TooMany { most: 160, limit: 256 }));
        assert_eq!(connections(1_048_576, Some(500_000)), Ok(500_000));
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_limit() {
        assert_eq!(Some(raise()), getrlimit(Resource::Nofile).maximum.or(Some(u64::MAX)));
        let limits = getrlimit(Resource::Nofile);
        assert_eq!(limits.current, limits.maximum);
    }
}
