//! The form of a user's name and avatar.

use url::Url;

use crate::text;

/// The most characters of a name, as a person counts them.
const MAX_NAME_CHARACTERS: usize = 32;
/// The most characters of an avatar's URL. The database's column has room for as many.
pub const MAX_AVATAR_LENGTH: usize = 512;
/// A URL that is longer by far than it may be in its normal form is refused before any work.
const MAX_AVATAR_INPUT: usize = 8 * MAX_AVATAR_LENGTH;

/// Returns the name in its normal form. `None` if it is not a text of 1 to 32 characters, see [`text::checked`].
#[must_use]
pub fn checked_name(name: &str) -> Option<String> {
    text::checked(name, MAX_NAME_CHARACTERS)
}

/// Returns the URL in its normal form, as the URL standard serializes it: `https://EXAMPLE.com/"` becomes
/// `https://example.com/%22`. So a stored URL is ASCII without quotes and angle brackets, and the host that a client
/// contacts is the one that it shows.
///
/// `None` if it is not an `https` URL with a host and without user name and password, or if its normal form has more than
/// 512 characters.
#[must_use]
pub fn checked_avatar(avatar: &str) -> Option<String> {
    // A parser of URLs drops line breaks and the white space around them; a URL that has any is a mistake.
    if avatar.len() > MAX_AVATAR_INPUT || avatar.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }

    let url = Url::parse(avatar).ok()?;
    let is_plain = url.has_host() && url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" && is_plain && url.as_str().len() <= MAX_AVATAR_LENGTH).then(|| url.into())
}
