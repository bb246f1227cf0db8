//! Settings of the avatars of new users.
//!
//! The default avatars are pictures that the server serves itself, at `PUBLIC_URL`.

use clap::Args;

use url::Url;

use super::ConfigError;
use crate::users::{MAX_AVATAR_LENGTH, checked_avatar, default_avatars};

/// Settings of the avatars of new users.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "New users")]
pub struct AvatarSettings {
    /// Avatars of new users: https: or data:image/ URLs of at most 512 characters, comma-separated
    /// [default: pictures of the server]
    #[arg(long, value_name = "URL,…", value_delimiter = ',')]
    pub avatars: Vec<String>,
}

/// Returns the avatars that were set, each in its normal form, or the default avatars at `public_url` if the list is empty.
///
/// An avatar is an `https` URL, as `updateProfile` accepts it, or a picture inside a `data:` URL. `http` is refused, also on
/// loopback: the URL goes into tokens and onto other people's pages, which do not load a picture without TLS.
///
/// # Errors
/// If one is not of this form or too long.
pub(super) fn or_default(set: Vec<String>, public_url: &str) -> Result<Vec<String>, ConfigError> {
    if set.is_empty() {
        return Ok(default_avatars(public_url));
    }

    let check = |(place, url): (usize, String)| {
        let reason =
            || format!("entry {place} is not an https: or data:image/ URL of at most {MAX_AVATAR_LENGTH} characters");
        checked_avatar(&url).or_else(|| checked_picture(&url)).ok_or_else(|| ConfigError::new("AVATARS", reason()))
    };
    (1..).zip(entries(set)).map(check).collect()
}

/// Joins the two halves of each `data:` URL. The list is split at commas, and such a URL has a comma before its data; a
/// comma inside the data is written as `%2C`.
fn entries(pieces: Vec<String>) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for piece in pieces {
        match entries.last_mut().filter(|entry| entry.starts_with("data:") && !entry.contains(',')) {
            Some(entry) => {
                entry.push(',');
                entry.push_str(&piece);
            }
            None => entries.push(piece.trim().to_owned()),
        }
    }
    entries
}

fn checked_picture(url: &str) -> Option<String> {
    let is_picture = url.starts_with("data:image/") && url.contains(',') && !url.chars().any(char::is_control);
    let url = Url::parse(url).ok().filter(|_| is_picture)?;
    (url.as_str().len() <= MAX_AVATAR_LENGTH).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Result<Vec<String>, String> {
        or_default(list.split(',').map(str::to_owned).collect(), "https://a.b").map_err(|error| error.to_string())
    }

    #[test]
    fn avatars_are_https_urls_and_pictures_inside_urls() {
        let longest = format!("https://a.b/{}", "x".repeat(500));
        for (list, expected) in [
            (
                "https://EXAMPLE.com/a, https://例え.jp/<b>",
                &["https://example.com/a", "https://xn--r8jz45g.jp/%3Cb%3E"][..],
            ),
            (
                "data:image/png;base64,iVBORw0KGgo=,https://a.b/",
                &["data:image/png;base64,iVBORw0KGgo=", "https://a.b/"],
            ),
            ("data:image/gif,a%2Cb,data:image/gif,c", &["data:image/gif,a%2Cb", "data:image/gif,c"]),
            (&longest, &[&longest]),
        ] {
            assert_eq!(read(list), Ok(expected.iter().map(ToString::to_string).collect()), "{list}");
        }
        let defaults = or_default(Vec::new(), "https://a.b").expect("the default avatars");
        assert_eq!(defaults.first().map(String::as_str), Some("https://a.b/avatars/1.svg"));
    }

    #[test]
    fn a_refusal_says_which_entry_is_wrong() {
        let long = |url: &str| format!("https://a.b/,{url}{}", "x".repeat(513 - url.len()));
        for (list, place) in [
            ("a.png", 1),
            ("http://127.0.0.1/a.png", 1),
            ("https://a.b/,http://a.b/", 2),
            ("https://a.b/,,https://a.b/", 2),
            ("data:image/gif,c,javascript:alert(1)", 2),
            ("https://a.b/,data:text/html,<script>", 2),
            ("https://a.b/,https://a.b/,data:image/png", 3),
            ("https://user:password@a.b/", 1),
            (&long("https://a.b/"), 2),
            (&long("data:image/png,"), 2),
            (&format!("https://a.b/{}", "é".repeat(84)), 1),
        ] {
            let refusal = read(list).expect_err(list);
            assert!(refusal.starts_with(&format!("AVATARS: entry {place} is not ")), "{list}: {refusal}");
        }
    }
}
