//! The operating system's random source, the only one that anything here draws from.

use rand::Rng;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

/// The source.
///
/// # Panics
/// Its draws panic where the operating system has no randomness to give.
#[must_use]
pub const fn source() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Draws `N` bytes.
///
/// # Panics
/// If the operating system has no randomness to give.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    source().fill_bytes(&mut bytes);
    bytes
}
