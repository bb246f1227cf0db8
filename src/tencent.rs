//! Tencent Cloud's API 3.0: the signature and the signed call that all its products share.
//!
//! The SMS sender and the captcha verifier use it. It must not know the requests or answers of a product, and it leaves
//! HTTP to `outbound`.

pub mod api;
pub mod tc3;

const MAX_TEXT: usize = 96;

/// Makes a provider's text safe to log: keeps the first 96 characters, and replaces each one that is not a letter, a digit,
/// `.`, `_` or `-` by `?`. Real error codes and request ids contain only these characters.
pub(crate) fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.chars().take(MAX_TEXT).map(|c| if is_plain(c) { c } else { '?' }).collect()
}
