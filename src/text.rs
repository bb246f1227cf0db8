//! Short texts that one person writes and others read: the names of users and of devices.
//!
//! Such a text has something to see, and nothing that controls a terminal or reorders the text around it.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// The most code points of a text. A character can consist of any number of code points, so the columns of the database
/// need a limit of their own.
pub const MAX_CODE_POINTS: usize = 255;
/// NFC makes a text at most three times as long (UAX #15), and a code point has at most four bytes. A text that is
/// longer by far is refused before any work.
const MAX_BYTES: usize = 16 * MAX_CODE_POINTS;

/// Returns the text in NFC, without white space around it. `None` if it is not acceptable.
///
/// An acceptable text has 1 to `max_characters` characters as a person counts them (extended grapheme clusters, UAX #29)
/// and at most `MAX_CODE_POINTS` code points. At least one of them is visible, and none is a control character.
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
