//! The prefix of all keys in Redis, so that several environments can share one Redis server.
//!
//! A prefix must not have braces, because a Redis Cluster hashes the text between the first pair of braces of a key.

use std::fmt;
use std::str::FromStr;

/// The maximum length of a prefix in characters.
const MAX_CHARS: usize = 64;

const DEFAULT: &str = "sms-login:";

/// The start of every key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl Default for KeyPrefix {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl FromStr for KeyPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}'));
        if !is_plain || !(1..=MAX_CHARS).contains(&text.len()) {
            return Err("not 1 to 64 printable ASCII characters without spaces and braces".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_only_printable_ascii_without_braces() {
        let longest = "p".repeat(MAX_CHARS);
        for right in [DEFAULT, "staging:", "a", &longest] {
            assert_eq!(right.parse::<KeyPrefix>().map(|prefix| prefix.to_string()), Ok(right.to_owned()));
        }
        let too_long = "p".repeat(MAX_CHARS + 1);
        for wrong in ["", "a b", "a{b", "a}b", "{}", "a\n", "测试:", &too_long] {
            assert!(wrong.parse::<KeyPrefix>().is_err(), "{wrong}");
        }
    }
}
