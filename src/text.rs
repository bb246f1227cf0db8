//! Checks of short texts: the names of users and devices, which one user writes and others read, and idempotency keys.
//! Also the text of an error with its causes.
//!
//! An accepted name is visible, and has no characters that control a terminal or reorder the text around it.

use std::error::Error;
use std::ops::RangeInclusive;

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// The maximum number of code points in a text. A character can consist of any number of code points, so the columns of
/// the database need this limit in addition.
pub const MAX_CODE_POINTS: usize = 255;
/// The maximum number of bytes that are examined at all, to bound the work. It leaves room for texts that NFC shortens.
const MAX_BYTES: usize = 16 * MAX_CODE_POINTS;
/// The length of an idempotency key, in characters.
const IDEMPOTENCY_KEY_CHARS: RangeInclusive<usize> = 16..=128;

/// Returns the text in NFC, without white space around it. `None` if it is not acceptable.
///
/// An acceptable text has 1 to `max_characters` user-perceived characters (extended grapheme clusters, UAX #29) and at
/// most `MAX_CODE_POINTS` code points. It has at least one visible character and no control characters.
#[must_use]
pub fn checked(text: &str, max_characters: usize) -> Option<String> {
    if text.len() > MAX_BYTES {
        return None;
    }

    let text: String = text.trim().nfc().collect();
    let good = (1..=max_characters).contains(&text.graphemes(true).count())
        && text.chars().count() <= MAX_CODE_POINTS
        && text.chars().any(|c| !is_invisible(c))
        && !text.chars().any(is_steering);
    good.then_some(text)
}

/// Returns an error with its causes in one line.
#[must_use]
pub fn in_full(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Returns whether a client's idempotency key has the right length.
#[must_use]
pub fn is_idempotency_key(key: &str) -> bool {
    IDEMPOTENCY_KEY_CHARS.contains(&key.chars().count())
}

/// Returns whether `c` is a control character, a line or paragraph separator, or a control of bidirectional text (UAX
/// #9 2).
fn is_steering(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether `c` is not visible: white space, formatting characters and fillers.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{206A}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}'
        )
}
