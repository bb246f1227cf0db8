//! `Locale`: the language of a user, as a language tag of BCP 47 such as `zh-Hans-CN`.
//!
//! Only the form of a tag is checked, because the registry of languages grows. This module is a leaf: it imports nothing
//! of the crate.

use std::fmt;

/// The longest tag. RFC 5646, 4.4.1 says that 35 characters are enough for every tag in practice.
const MAX_CHARS: usize = 35;

/// The most languages that are read from an `Accept-Language` header. Browsers send fewer than ten.
const MAX_ACCEPTED: usize = 20;

/// A language tag, as the client wrote it. Tags differ by more than upper and lower case.
#[derive(Debug, Clone)]
pub struct Locale(String);

impl Locale {
    /// Parses a language tag. `None` if it does not have the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let language = parts.next()?;
        let is_language = (2..=8).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_subtag =
            |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (text.len() <= MAX_CHARS && is_language && parts.all(is_subtag)).then(|| Self(text.to_owned()))
    }

    /// Returns the language that an `Accept-Language` header (RFC 9110, 12.5.4) prefers. Malformed parts are ignored.
    #[must_use]
    pub fn preferred(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in header.split(',').take(MAX_ACCEPTED) {
            let (tag, parameter) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight = parameter.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            let weight = weight.filter(|weight| *weight > 0.0 && *weight <= 1.0);
            let (Some(weight), Some(locale)) = (weight, Self::parse(tag.trim())) else {
                continue;
            };
            // Of two languages with the same weight, the first one is preferred.
            if best.as_ref().is_none_or(|(highest, _)| weight > *highest) {
                best = Some((weight, locale));
            }
        }
        best.map(|(_, locale)| locale)
    }

    /// Returns the choice for this language. If there is no exact one, subtags are removed from the end (RFC 4647, 3.4):
    /// `zh-Hans-CN` finds `zh-Hans`, and then `zh`.
    #[must_use]
    pub fn lookup<'a, T>(&self, choices: &'a [(Self, T)]) -> Option<&'a T> {
        let mut wanted = self.0.as_str();
        loop {
            let found = choices.iter().find(|(locale, _)| locale.0.eq_ignore_ascii_case(wanted));
            if let Some((_, choice)) = found {
                return Some(choice);
            }
            wanted = wanted.rsplit_once('-')?.0;
        }
    }

    /// Returns the tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Locale {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Locale {}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_the_form_of_bcp_47() {
        for tag in ["zh", "en-GB", "zh-Hans-CN", "es-419", "sl-rozaj-biske-1994"] {
            assert_eq!(Locale::parse(tag).map(|locale| locale.to_string()), Some(tag.to_owned()));
        }
        for wrong in ["", "z", "*", "zh_CN", "zh-", "-zh", "zh--CN", "deutschland", "中文", "zh CN", "12"] {
            assert!(Locale::parse(wrong).is_none(), "{wrong}");
        }
        assert!(Locale::parse(&format!("en{}", "-abcdefgh".repeat(4))).is_none());
    }

    #[test]
    fn the_highest_weight_is_preferred() {
        let preferred = |header| Locale::preferred(header).map(|locale| locale.to_string());
        assert_eq!(preferred("fr;q=0.5, zh-CN, en;q=0.9"), Some("zh-CN".to_owned()));
        assert_eq!(preferred("en-GB,zh"), Some("en-GB".to_owned()));
        assert_eq!(preferred("*, de;q=0.1"), Some("de".to_owned()));
        for none in ["", "*", "en;q=0", "en;q=2", "en;q=NaN", "en;level=1", ";;,,"] {
            assert_eq!(preferred(none), None, "{none}");
        }
    }

    #[test]
    fn a_look_up_removes_subtags_from_the_end() {
        let choices = ["zh", "zh-Hant", "en"].map(|tag| (Locale::parse(tag).expect("a tag"), tag));
        let found = |tag| Locale::parse(tag).expect("a tag").lookup(&choices).copied();
        assert_eq!(found("zh-Hant-TW"), Some("zh-Hant"));
        assert_eq!(found("ZH-hans-CN"), Some("zh"));
        assert_eq!(found("fr"), None);
    }
}
