//! Phone numbers and regions: `PhoneNumber`, parsed from users' input or from the database, and `Region`.
//!
//! A number from `PhoneNumber::parse` is a valid mobile number by Google's metadata, in E.164, so one phone has exactly
//! one spelling. `Debug` and `Display` mask the number: only `e164` returns all of it, and no error repeats the input.
//! The metadata's library may log numbers at trace level, so `telemetry` keeps libraries at `warn`. This module is a
//! leaf: it imports nothing of the crate.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::LazyLock;

mod destination;
mod prefixes;
mod regions;

pub use destination::Destination;
pub use prefixes::{PhonePrefixes, PrefixError};
pub use regions::PhoneRegions;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

/// The maximum length of an input in characters. An E.164 number has 16, and users add spaces and brackets.
const MAX_INPUT_CHARS: usize = 40;

/// The allowed numbers of digits of a stored number. The maximum is that of ITU-T E.164, 6.2.1.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// A phone number in E.164, such as `+8613711112222`.
///
/// `Debug` and `Display` print it masked, as `+86137****2222`: the country code, up to three digits, four asterisks,
/// and up to the last four digits. At least four digits of the national number stay hidden. If it has eight digits or
/// fewer, at least half of them stay hidden.
#[derive(Clone)]
pub struct PhoneNumber {
    e164: String,
    /// The region, if the number comes from a user's input: to find it takes longer than to parse the number.
    region: Option<Region>,
}

impl PhoneNumber {
    /// Parses a user's input: E.164, or a number as it is dialled in `default_region`.
    ///
    /// Spaces, brackets, dots, dashes and slashes are ignored. Full-width and Arabic digits are accepted. In a region
    /// whose landlines and mobiles have the same kind of number (such as the USA), both are accepted.
    ///
    /// # Errors
    /// If the input is not a phone number, has an extension or letters, or is not the number of a mobile phone.
    pub fn parse(input: &str, default_region: Region) -> Result<Self, PhoneError> {
        let number =
            PHONE_NUMBER_UTIL.parse(plain_ascii(input)?, Some(default_region.0)).map_err(|_| PhoneError::NotANumber)?;

        // A worldwide country code (satellite phones, freephone) belongs to no region, and an SMS to it is very
        // expensive.
        let region = region_of(&number).ok_or(PhoneError::NotMobile)?;

        match PHONE_NUMBER_UTIL.get_number_type(&number) {
            PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile => {}
            PhoneNumberType::FixedLine
            | PhoneNumberType::TollFree
            | PhoneNumberType::PremiumRate
            | PhoneNumberType::SharedCost
            | PhoneNumberType::VoIP
            | PhoneNumberType::PersonalNumber
            | PhoneNumberType::Pager
            | PhoneNumberType::UAN
            | PhoneNumberType::VoiceMail
            | PhoneNumberType::Unknown => return Err(PhoneError::NotMobile),
        }

        let phone = Self::from_e164(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned())?;
        Ok(Self { region: Some(region), ..phone })
    }

    /// Parses a number that was stored as E.164. Only the form is checked, `+` and 7 to 15 digits: if a numbering plan
    /// changes, users must not lose their accounts.
    ///
    /// # Errors
    /// If the text does not have this form (`PhoneError::NotE164`).
    pub fn from_e164(stored: String) -> Result<Self, PhoneError> {
        match stored.strip_prefix('+') {
            Some(digits) if E164_DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Self { e164: stored, region: None })
            }
            _ => Err(PhoneError::NotE164),
        }
    }

    /// Returns the whole number, `+` and digits. It is for providers, stores and the number's owner, never for logs.
    #[must_use]
    pub fn e164(&self) -> &str {
        &self.e164
    }

    /// Returns the region of the number. If several regions share its country code (+1, +44, +7), the other digits
    /// decide. `None` if the metadata does not know the number.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.region.or_else(|| region_of(&PHONE_NUMBER_UTIL.parse(&self.e164, None).ok()?))
    }

    fn masked(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.e164.trim_start_matches('+');
        let (country, national) = digits.split_at(country_code_len(digits));
        let head = national.len().saturating_sub(8).min(3);
        let tail = national.len() - (national.len() / 2).min(4);
        write!(f, "+{country}{}****{}", &national[..head], &national[tail..])
    }
}

impl PhoneNumber {
    /// Returns the country code and the three digits after it, such as `+86137`. They identify a block of one operator.
    #[must_use]
    pub fn prefix(&self) -> &str {
        let code = country_code_len(self.e164.trim_start_matches('+'));
        self.e164.get(..1 + code + 3).unwrap_or(&self.e164)
    }
}

/// Returns the region of a number, if the metadata knows one.
fn region_of(number: &rlibphonenumber::PhoneNumber) -> Option<Region> {
    let region = PHONE_NUMBER_UTIL.get_region_for_number(number)?;
    (region != rlibphonenumber::Region::World).then_some(Region(region))
}

/// Numbers are equal if their spellings in E.164 are.
impl PartialEq for PhoneNumber {
    fn eq(&self, other: &Self) -> bool {
        self.e164 == other.e164
    }
}

impl Eq for PhoneNumber {}

impl Hash for PhoneNumber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.e164.hash(state);
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.masked(f)
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.masked(f)
    }
}

/// The reason to reject a phone number. It never contains the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// The text has more characters than any phone number.
    #[error("the phone number is too long")]
    TooLong,
    /// The text has letters, an extension, control or direction characters, or other characters that numbers do not
    /// have.
    #[error("the phone number has an invalid character")]
    UnexpectedCharacter,
    /// The text has no known country code, or far too many or too few digits.
    #[error("this is not a phone number")]
    NotANumber,
    /// The number is not in use, or it belongs to a landline, a service or a satellite phone.
    #[error("this is not the number of a mobile phone")]
    NotMobile,
    /// The stored text is not `+` and 7 to 15 digits.
    #[error("this is not a phone number in E.164")]
    NotE164,
}

/// A region with a numbering plan, identified by its ISO 3166 code, such as `CN`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(rlibphonenumber::Region);

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let region: rlibphonenumber::Region = code.parse().map_err(|_| RegionError)?;
        // The library accepts any two letters, and `001` for the whole world, so check that there is a numbering plan.
        PHONE_NUMBER_UTIL.get_country_code_for_region(region).ok_or(RegionError)?;
        Ok(Self(region))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.as_region_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not the code of a region with a numbering plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a two-letter region code such as CN")]
pub struct RegionError;

/// Loads the metadata, which takes a few milliseconds, at start, so that no request has to wait for it.
pub fn warm_up() {
    LazyLock::force(&PHONE_NUMBER_UTIL);
}

/// Converts a user's input to ASCII digits and punctuation, with at most one plus, before the first digit.
///
/// The library would also accept vanity letters, extensions and `tel:` URIs, and would find a number inside a longer
/// text. This conversion rejects all of them.
fn plain_ascii(input: &str) -> Result<String, PhoneError> {
    if input.chars().nth(MAX_INPUT_CHARS).is_some() {
        return Err(PhoneError::TooLong);
    }
    let mut plain = String::with_capacity(MAX_INPUT_CHARS);
    for typed in input.chars() {
        let ascii = ascii_of(typed).ok_or(PhoneError::UnexpectedCharacter)?;
        if ascii == '+' && plain.contains(|earlier: char| earlier == '+' || earlier.is_ascii_digit()) {
            return Err(PhoneError::UnexpectedCharacter);
        }
        plain.push(ascii);
    }
    Ok(plain)
}

/// Returns the ASCII form of a digit, plus, bracket, dot, slash, dash or space. `None` for other characters.
fn ascii_of(typed: char) -> Option<char> {
    let digit = |zero: char| char::from_digit(u32::from(typed) - u32::from(zero), 10);
    match typed {
        '0'..='9' | '+' | '(' | ')' | '.' | '/' | '-' | ' ' => Some(typed),
        // Full-width forms, from East Asian input methods.
        '\u{FF10}'..='\u{FF19}' => digit('\u{FF10}'),
        '\u{FF0B}' => Some('+'),
        '\u{FF08}' => Some('('),
        '\u{FF09}' => Some(')'),
        '\u{FF0E}' => Some('.'),
        '\u{FF0F}' => Some('/'),
        // Arabic-Indic digits, and their Persian and Urdu forms.
        '\u{0660}'..='\u{0669}' => digit('\u{0660}'),
        '\u{06F0}'..='\u{06F9}' => digit('\u{06F0}'),
        // Hyphens, dashes, minus; no-break, narrow and ideographic spaces.
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF0D}' => Some('-'),
        '\u{00A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{3000}' => Some(' '),
        _ => None,
    }
}

/// Returns how many digits of an international number are its country code (ITU-T E.164, list of country codes).
///
/// No country code is a prefix of another, so the first two digits decide. The metadata is not used, because masking a
/// number for a log line must be cheap.
fn country_code_len(digits: &str) -> usize {
    let bytes = digits.as_bytes();
    match (bytes.first(), bytes.get(1)) {
        (Some(b'1' | b'7'), _) => 1,
        (Some(b'2'), Some(b'0' | b'7'))
        | (Some(b'3'), Some(b'0'..=b'4' | b'6' | b'9'))
        | (Some(b'4'), Some(b'0' | b'1' | b'3'..=b'9'))
        | (Some(b'5'), Some(b'1'..=b'8'))
        | (Some(b'6'), Some(b'0'..=b'6'))
        | (Some(b'8'), Some(b'1' | b'2' | b'4' | b'6'))
        | (Some(b'9'), Some(b'0'..=b'5' | b'8')) => 2,
        _ => 3.min(digits.len()),
    }
}
