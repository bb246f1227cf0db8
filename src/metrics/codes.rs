//! The codes of providers as labels. A provider chooses its codes, so their number and their form are bounded.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The most codes that get their own label.
const MAX_CODES: usize = 64;

/// The longest code that gets its own label.
const MAX_BYTES: usize = 96;

const OTHER: &str = "other";

static SEEN: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// Returns the code, or `other` if it is malformed or there are too many codes already.
pub(super) fn label(code: &str) -> String {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    bounded(seen.get_or_insert_default(), code)
}

fn bounded(seen: &mut HashSet<String>, code: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b' ');
    let begins = code.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let is_code = begins && code.len() <= MAX_BYTES && code.bytes().all(is_plain);
    if !is_code || (!seen.contains(code) && seen.len() >= MAX_CODES) {
        return OTHER.to_owned();
    }
    seen.insert(code.to_owned());
    code.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_bounded_in_number_and_form() {
        let mut seen = HashSet::new();
        assert_eq!(bounded(&mut seen, "LimitExceeded.AppDailyLimit"), "LimitExceeded.AppDailyLimit");
        for malformed in ["", "a\nb", "13711112222", &"a".repeat(97)] {
            assert_eq!(bounded(&mut seen, malformed), OTHER);
        }
        for number in 1..100 {
            bounded(&mut seen, &format!("code-{number}"));
        }
        assert_eq!((seen.len(), bounded(&mut seen, "another")), (MAX_CODES, OTHER.to_owned()));
        assert_eq!(bounded(&mut seen, "code-1"), "code-1");
    }
}
