//! File descriptors: each connection needs one, and so do files, stores and providers.

use std::num::TryFromIntError;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything that is not a client's connection: the database's and Redis' connections, providers,
/// metrics and files.
const RESERVE: u64 = 96;
/// On a large limit, the reserve is this part of it: requests to providers grow with the number of clients.
const RESERVE_SHARE: u64 = 8;
/// More connections than this need memory that the operator should plan for: about 200 MB when all are idle.
const MAX_DEFAULT_CONNECTIONS: u64 = 10_000;

/// Why connections do not fit under the descriptor limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DescriptorError {
    /// Nothing is left for clients.
    #[error("the descriptor limit is {limit} (ulimit -n), and the server needs {RESERVE} and one for each connection")]
    NoRoom { limit: u64 },
    /// The setting asks for more than is left.
    #[error("at most {most} fit under the descriptor limit of {limit} (ulimit -n)")]
    TooMany { most: u64, limit: u64 },
    /// The number is too large for this machine.
    #[error(transparent)]
    OutOfRange(#[from] TryFromIntError),
}

/// Raises the soft descriptor limit to the hard one, and returns the limit that is in force then.
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

/// How many client connections fit under a descriptor limit: as many as `wanted`, or a default.
///
/// # Errors
/// If they do not fit.
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
    fn connections_leave_room_under_the_limit() {
        for (limit, default) in [(97, 1), (256, 160), (1024, 896), (4096, 3584), (20_000, 10_000), (u64::MAX, 10_000)] {
            assert_eq!(connections(limit, None), Ok(default), "{limit}");
        }
        assert_eq!(connections(96, None), Err(DescriptorError::NoRoom { limit: 96 }));
        assert_eq!(connections(256, Some(160)), Ok(160));
        assert_eq!(connections(256, Some(161)), Err(DescriptorError::TooMany { most: 160, limit: 256 }));
        assert_eq!(connections(1_048_576, Some(500_000)), Ok(500_000));
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        assert_eq!(Some(raise()), getrlimit(Resource::Nofile).maximum.or(Some(u64::MAX)));
        let limits = getrlimit(Resource::Nofile);
        assert_eq!(limits.current, limits.maximum);
    }
}
