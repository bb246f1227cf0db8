//! What a name and an avatar may be.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;
use url::Url;

/// The most characters of a name, as a person counts them.
const MAX_NAME_GRAPHEMES: usize = 32;
/// The most code points of a name: what one character is made of has no bound of its own. The column has as many.
const MAX_NAME_CODE_POINTS: usize = 255;
/// The most characters of an avatar's URL.
const MAX_AVATAR_CHARS: usize = 512;

/// The name in NFC, without white space around it, where it is one: 1 to 32 characters as a person counts them (extended
/// grapheme clusters, UAX #29), with something to see, and nothing that steers a terminal or turns the text around it.
#[must_use]
pub fn checked_name(name: &str) -> Option<String> {
    // NFC lengthens a text at most threefold (UAX #15); what is far too long is not worked on.
    if name.len() > 16 * MAX_NAME_CODE_POINTS {
        return None;
    }
    let name: String = name.trim().nfc().collect();
    let length = 1..=MAX_NAME_GRAPHEMES;
    let good = length.contains(&name.graphemes(true).count())
        && name.chars().count() <= MAX_NAME_CODE_POINTS
        && name.chars().any(|c| !is_invisible(c))
        && !name.chars().any(is_steering);
    good.then_some(name)
}

/// The URL as it was given, where it is an `https` one of at most 512 characters with a host and no password.
#[must_use]
pub fn checked_avatar(avatar: &str) -> Option<String> {
    if avatar.chars().count() > MAX_AVATAR_CHARS || avatar.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let url = Url::parse(avatar).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" && url.has_host() && plain).then(|| avatar.to_owned())
}

/// Control characters, line and paragraph separators, and the controls of bidirectional text (UAX #9 2).
fn is_steering(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Characters that leave no mark of their own.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{206A}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}'
        )
}
