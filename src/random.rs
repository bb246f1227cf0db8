//! The random source of the operating system. All code gets its randomness from here.

use jiff::Timestamp;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use uuid::Uuid;

/// Returns the random source.
///
/// # Panics
/// If the operating system fails to provide randomness, at the first use of the result.
#[must_use]
pub const fn source() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Returns a random number from 0 to 1, without 1.
///
/// # Panics
/// If the operating system fails to provide randomness.
#[must_use]
pub fn fraction() -> f64 {
    source().random()
}

/// Returns `N` random bytes.
///
/// # Panics
/// If the operating system fails to provide randomness.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    source().fill_bytes(&mut bytes);
    bytes
}

/// Creates a UUIDv7 (RFC 9562 5.7) from the current time.
///
/// # Panics
/// If the operating system fails to provide randomness.
#[must_use]
pub fn id(now: Timestamp) -> Uuid {
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(now, &bytes()).into_uuid()
}

/// Returns one of the items. `None` if there is none.
pub(crate) fn choose<T>(items: &[T]) -> Option<&T> {
    items.choose(&mut source())
}
