//! Tencent Cloud's API 3.0, as its products share it: the signature, and one signed call.
//!
//! Senders and verifiers build on it. It knows nothing of what a product is asked; nothing else speaks HTTP outwards.

pub use reqwest::Url;

pub mod api;
pub mod tc3;

const MAX_TEXT: usize = 96;

/// A provider's text, bounded, and free of all that could forge a log line: codes and request ids need no more.
pub(crate) fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.chars().take(MAX_TEXT).map(|c| if is_plain(c) { c } else { '?' }).collect()
}
