//! The integration tests, a file a behaviour, in one binary.

mod phone;
mod servers;
