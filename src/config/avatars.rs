//! Settings of the avatars of new users.
//!
//! The server's own avatars are small pictures inside their URLs, so that a page loads nothing from another host.

use clap::Args;

use url::Url;

use super::ConfigError;
use crate::users::{MAX_AVATAR_LENGTH, checked_avatar};

const OWN: [&str; 4] = [
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%202%202'%3E%3Cpath%20fill='%230a7'%20d='M0%200h2v2H0z'/%3E%3Ccircle%20fill='%23fff'%20cx='1'%20cy='1'%20r='.5'/%3E%3C/svg%3E",
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%202%202'%3E%3Cpath%20fill='%2336c'%20d='M0%200h2v2H0z'/%3E%3Cpath%20fill='%23fff'%20d='M1%20.5l.5%201h-1z'/%3E%3C/svg%3E",
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%202%202'%3E%3Cpath%20fill='%23c53'%20d='M0%200h2v2H0z'/%3E%3Cpath%20fill='%23fff'%20d='M.6%20.6h.8v.8H.6z'/%3E%3C/svg%3E",
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%202%202'%3E%3Cpath%20fill='%2385b'%20d='M0%200h2v2H0z'/%3E%3Cpath%20fill='%23fff'%20d='M1%20.5l.5.5-.5.5-.5-.5z'/%3E%3C/svg%3E",
];

/// Settings of the avatars of new users.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "New users")]
pub struct AvatarSettings {
    /// Avatars of new users: https: or data:image/ URLs of at most 512 characters, comma-separated
    /// [default: pictures of the server]
    #[arg(long, value_name = "URL,…", value_delimiter = ',')]
    pub avatars: Vec<String>,
}

/// Returns the avatars that were set, each in its normal form, or the server's own if no avatar is set.
///
/// An avatar is an `https` URL, as `updateProfile` accepts it, or a picture inside a `data:` URL. `http` is refused, also on
/// loopback: the URL goes into tokens and onto other people's pages, which do not load a picture without TLS.
///
/// # Errors
/// If one is not of this form or too long.
pub(super) fn or_own(set: Vec<String>) -> Result<Vec<String>, ConfigError> {
    if set.is_empty() {
        return Ok(OWN.map(str::to_owned).to_vec());
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
        or_own(list.split(',').map(str::to_owned).collect()).map_err(|error| error.to_string())
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
        for own in or_own(Vec::new()).expect("the server's own") {
            assert_eq!(checked_picture(&own), Some(own));
        }
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
