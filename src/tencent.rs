//! Tencent Cloud's API 3.0: the signature and the signed call that all its products share.
//!
//! Senders and verifiers build on it. It knows no product's requests or answers, and sends nothing itself: HTTP is the
//! part of `outbound`.

pub mod api;
pub mod tc3;

const MAX_TEXT: usize = 96;

/// Makes a provider's text safe to log: at most 96 characters, each a letter, a digit, `.`, `_` or `-`, others replaced by
/// `?`. Error codes and request ids have no other characters.
pub(crate) fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.chars().take(MAX_TEXT).map(|c| if is_plain(c) { c } else { '?' }).collect()
}
