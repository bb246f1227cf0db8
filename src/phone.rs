//! Phone numbers: `PhoneNumber`, read from what a person types or from what the database holds, and `Region`.
//!
//! A `PhoneNumber` out of `parse` is a possible, valid mobile number by Google's metadata, in E.164, so that one phone
//! has one spelling. `Debug` and `Display` mask it: the whole number comes out only by `e164`, and no error here
//! repeats what was typed. The metadata's library knows the numbers it is given and may log them at trace level, so
//! its log target stays off (see the subscriber's set-up). Nothing of the crate is used here.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

mod destination;
mod regions;

pub use destination::Destination;
pub use regions::PhoneRegions;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

/// The longest input that is looked at, in characters: an E.164 number has 16, people add spaces and brackets.
const MAX_INPUT_CHARS: usize = 40;

/// The fewest and most digits of a stored number. E.164 (ITU-T E.164 6.2.1) sets the most.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// A phone number in E.164, such as `+8613711112222`.
///
/// `Debug` and `Display` show it masked, as `+86137****2222`: country code, up to three digits, four asterisks, up to
/// the last four digits. At least four digits of the national number stay hidden, and of one with eight or fewer at
/// least half, so the shorter the number the fewer are shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads what a person typed: E.164, or a number as it is dialled in `default_region`.
    ///
    /// Spaces, brackets, dots, dashes and slashes between digits are ignored, full-width and Arabic digits are digits.
    ///
    /// # Errors
    /// `PhoneError` where the input is no phone number, has an extension or letters, or is not a mobile's number.
    /// If landlines and mobiles can't be told apart (the USA), any number of that kind is taken.
    pub fn parse(input: &str, default_region: Region) -> Result<Self, PhoneError> {
        let number =
            PHONE_NUMBER_UTIL.parse(plain_ascii(input)?, Some(default_region.0)).map_err(|_| PhoneError::NotANumber)?;
        // A world-wide country code (satellite phones, freephone) belongs to no region, and its SMS cost a fortune.
        let region = PHONE_NUMBER_UTIL.get_region_for_number(&number);
        if region.is_none_or(|region| region == rlibphonenumber::Region::World) {
            return Err(PhoneError::NotMobile);
        }
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
        Self::from_e164(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned())
    }

    /// Reads a number that was stored as E.164. Only the form is checked, `+` and 7 to 15 digits: numbering plans
    /// change, and an account must not be lost by that.
    ///
    /// # Errors
    /// `PhoneError::NotE164` where the form is another.
    pub fn from_e164(stored: String) -> Result<Self, PhoneError> {
        match stored.strip_prefix('+') {
            Some(digits) if E164_DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Self(stored))
            }
            _ => Err(PhoneError::NotE164),
        }
    }

    /// The whole number, `+` and digits. For providers, stores and the number's owner, never for logs.
    #[must_use]
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// The region that the number belongs to. Where several share a country code (+1, +44, +7) the number itself
    /// decides. `None` where the metadata knows no such number.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        let number = PHONE_NUMBER_UTIL.parse(&self.0, None).ok()?;
        let region = PHONE_NUMBER_UTIL.get_region_for_number(&number)?;
        (region != rlibphonenumber::Region::World).then_some(Region(region))
    }

    fn masked(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.trim_start_matches('+');
        let (country, national) = digits.split_at(country_code_len(digits));
        let head = national.len().saturating_sub(8).min(3);
        let tail = national.len() - (national.len() / 2).min(4);
        write!(f, "+{country}{}****{}", &national[..head], &national[tail..])
    }
}

impl PhoneNumber {
    /// The country code and the three digits after it, which name the operator's block: `+86137`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        let code = country_code_len(self.0.trim_start_matches('+'));
        self.0.get(..1 + code + 3).unwrap_or(&self.0)
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

/// Why a text is no phone number to send a code to. Never says what the text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// More characters than any phone number is written with.
    #[error("the phone number is too long")]
    TooLong,
    /// Letters, extensions, control or direction characters, or anything else that numbers are not written with.
    #[error("the phone number has characters that do not belong in one")]
    UnexpectedCharacter,
    /// No country code, no such country code, or far too many or few digits.
    #[error("this is not a phone number")]
    NotANumber,
    /// No such number is in use, or it is a landline, a service number or a satellite phone.
    #[error("this is not the number of a mobile phone")]
    NotMobile,
    /// A stored value that is not `+` and 7 to 15 digits.
    #[error("this is not a phone number in E.164")]
    NotE164,
}

/// A region of the world with its own numbering plan, by its ISO 3166 code, such as `CN`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(rlibphonenumber::Region);

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let region: rlibphonenumber::Region = code.parse().map_err(|_| RegionError)?;
        // The library reads any two letters, and `001` for the whole world; a numbering plan is what counts.
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

/// The text is no code of a region with a numbering plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a two-letter region code such as CN")]
pub struct RegionError;

/// Loads the metadata, which takes some milliseconds once, so that no request has to wait for it.
pub fn warm_up() {
    LazyLock::force(&PHONE_NUMBER_UTIL);
}

/// What was typed as ASCII digits and punctuation, a plus before the first digit at most. The library would also take
/// vanity letters, extensions and `tel:` URIs, and look for a number inside longer text; this leaves it none of them.
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

/// The ASCII form of a character that phone numbers are written with: digits, plus, brackets, dot, slash, dash, space.
fn ascii_of(typed: char) -> Option<char> {
    let digit = |zero: char| char::from_digit(u32::from(typed) - u32::from(zero), 10);
    match typed {
        '0'..='9' | '+' | '(' | ')' | '.' | '/' | '-' | ' ' => Some(typed),
        // Full width, as East Asian input methods write.
        '\u{FF10}'..='\u{FF19}' => digit('\u{FF10}'),
        '\u{FF0B}' => Some('+'),
        '\u{FF08}' => Some('('),
        '\u{FF09}' => Some(')'),
        '\u{FF0E}' => Some('.'),
        '\u{FF0F}' => Some('/'),
        // Arabic-Indic, and its Persian and Urdu forms.
        '\u{0660}'..='\u{0669}' => digit('\u{0660}'),
        '\u{06F0}'..='\u{06F9}' => digit('\u{06F0}'),
        // Hyphens, dashes, minus; no-break, narrow and ideographic spaces.
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF0D}' => Some('-'),
        '\u{00A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{3000}' => Some(' '),
        _ => None,
    }
}

/// How many digits of an international number are its country code (ITU-T E.164, list of country codes). Codes are
/// free of common prefixes, so the first digits tell; the metadata is not asked since a log line must cost nothing.
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
