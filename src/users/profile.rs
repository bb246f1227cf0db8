//! Checks of a user's name and avatar.
//!
//! The values that these functions return can be stored and shown to other users without further checks.

use url::Url;

use crate::text;

/// The maximum length of a name, in characters as a reader counts them.
const MAX_NAME_CHARACTERS: usize = 32;
/// The maximum length of an avatar's URL, in characters. The database's column has the same limit.
pub const MAX_AVATAR_LENGTH: usize = 512;
/// A much longer URL is rejected before it is parsed, because parsing takes time.
const MAX_AVATAR_INPUT: usize = 8 * MAX_AVATAR_LENGTH;

/// Returns the name in its normal form, or `None` if it is not a text of 1 to 32 characters. See [`text::checked`].
#[must_use]
pub fn checked_name(name: &str) -> Option<String> {
    text::checked(name, MAX_NAME_CHARACTERS)
}

/// Returns the URL in its normal form, as the URL standard serializes it: `https://EXAMPLE.com/"` becomes
/// `https://example.com/%22`. So a stored URL is ASCII without quotes and angle brackets, and a client contacts the
/// host that it displays.
///
/// Returns `None` if it is not an `https` URL with a host and without user name and password, or if its normal form has
/// more than 512 characters.
#[must_use]
pub fn checked_avatar(avatar: &str) -> Option<String> {
    // The URL parser removes line breaks, tabs and surrounding white space. A URL that contains them is a mistake.
    if avatar.len() > MAX_AVATAR_INPUT || avatar.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }

    let url = Url::parse(avatar).ok()?;
    let is_plain = url.has_host() && url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" && is_plain && url.as_str().len() <= MAX_AVATAR_LENGTH).then(|| url.into())
}
