//! Phone numbers: which inputs are accepted, the one spelling of a number, and its masked form.

use proptest::prelude::*;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};
use sms_login::phone::{PhoneError, PhoneNumber, Region, RegionError};

fn region(code: &str) -> Region {
    code.parse().expect("a region code")
}

fn parse_in_china(input: &str) -> Result<PhoneNumber, PhoneError> {
    PhoneNumber::parse(input, region("CN"))
}

#[test]
fn mobile_numbers_of_many_regions_are_accepted() {
    let numbers = [
        ("+8613011112222", "CN"),
        ("+8614711112222", "CN"),
        ("+8615711112222", "CN"),
        ("+8616611112222", "CN"),
        ("+8617711112222", "CN"),
        ("+8618711112222", "CN"),
        ("+8619211112222", "CN"),
        ("+85251234567", "HK"),
        ("+886912345678", "TW"),
        ("+85366123456", "MO"),
        ("+12133734253", "US"),
        ("+13453231234", "KY"),
        ("+447400123456", "GB"),
        ("+447624123456", "IM"),
        ("+4915123456789", "DE"),
        ("+33612345678", "FR"),
        ("+919876543210", "IN"),
        ("+5511961234567", "BR"),
        ("+2348021234567", "NG"),
        ("+79161234567", "RU"),
        ("+77011234567", "KZ"),
        ("+24740123", "AC"),
    ];
    for (number, of) in numbers {
        let phone = parse_in_china(number).unwrap_or_else(|error| panic!("{number}: {error}"));
        assert_eq!(phone.e164(), number);
        assert_eq!(phone.region(), Some(region(of)), "{number}");
    }
}

#[test]
fn all_usual_spellings_are_the_same_number() {
    let spellings = [
        "13711112222",
        "013711112222",
        "8613711112222",
        "008613711112222",
        "+86 137-1111-2222",
        "(137) 1111 2222",
        "(+86) 137 1111 2222",
        "137.1111.2222",
        "+86\u{a0}137\u{2011}1111\u{2011}2222",
        "  +8613711112222  ",
        "１３７１１１１２２２２",
        "＋８６１３７１１１１２２２２",
        "＋８６（１３７）１１１１－２２２２",
        "+٨٦١٣٧١١١١٢٢٢٢",
        "+۸۶۱۳۷۱۱۱۱۲۲۲۲",
    ];
    for spelling in spellings {
        let phone = parse_in_china(spelling).unwrap_or_else(|error| panic!("{spelling}: {error}"));
        assert_eq!(phone.e164(), "+8613711112222", "{spelling}");
    }
}

#[test]
fn national_numbers_belong_to_the_default_region() {
    let numbers = [
        ("07400 123456", "GB", "+447400123456"),
        ("(213) 373-4253", "US", "+12133734253"),
        ("0151/23456789", "DE", "+4915123456789"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("011 15 2345-6789", "AR", "+5491123456789"),
        ("5123 4567", "HK", "+85251234567"),
        ("011 86 137 1111 2222", "US", "+8613711112222"),
    ];
    for (typed, default_region, e164) in numbers {
        let phone = PhoneNumber::parse(typed, region(default_region));
        assert_eq!(phone.as_ref().map(PhoneNumber::e164), Ok(e164), "{typed}");
    }
}

#[test]
fn other_than_mobile_numbers_are_rejected() {
    let not_mobile = [
        ("01012345678", "a landline in Beijing"),
        ("1371111222", "too short"),
        ("137111122223", "too long"),
        ("12711112222", "a prefix that is not in use"),
        ("4008123456", "shared cost"),
        ("8008123456", "freephone"),
        ("+85221234567", "a landline in Hong Kong"),
        ("+85290012345678", "premium rate in Hong Kong"),
        ("+85281123456", "a personal number in Hong Kong"),
        ("+442071838750", "a landline in London"),
        ("+447640123456", "a pager in Great Britain"),
        ("+445612345678", "a telephone of the internet in Great Britain"),
        ("+445512345678", "a company's number in Great Britain"),
        ("+493012345678", "a landline in Berlin"),
        ("+18005551234", "freephone in the USA"),
        ("+19002345678", "premium rate in the USA"),
        ("+870773111632", "a satellite phone"),
        ("+881612345678", "a satellite phone"),
        ("+882312345678", "an international network"),
        ("+883510001234567", "an international network"),
        ("+80012345678", "international freephone"),
        ("+80812345678", "international shared cost"),
        ("+979123456789", "international premium rate"),
    ];
    for (input, what) in not_mobile {
        assert_eq!(parse_in_china(input), Err(PhoneError::NotMobile), "{what}");
    }
    for input in ["", " ", "+", "-", "1", "110", "+1", "+99913711112222", "13711112222 13711113333"] {
        let refused = parse_in_china(input);
        assert!(matches!(refused, Err(PhoneError::NotANumber | PhoneError::NotMobile)), "{input:?}: {refused:?}");
    }
}

#[test]
fn invalid_characters_are_rejected() {
    let inputs = [
        "13711112222x5",
        "+8613711112222;ext=5",
        "13711112222 ext. 5",
        "13711112222#5",
        "13711112222,5",
        "1-800-FLOWERS",
        "tel:+8613711112222",
        "tel:13711112222;phone-context=+86",
        "call 13711112222",
        "someletters13711112222@example.com",
        "+86+13711112222",
        "++8613711112222",
        "137+11112222",
        "13711112222\0",
        "13711112222\n",
        "\t13711112222",
        "\u{202d}13711112222\u{202c}",
        "\u{200e}13711112222",
        "137\u{200b}11112222",
        "1371111222²",
        "1371111222½",
        "１３７１１１１２２２Ⅱ",
        "*13711112222",
        "'; DROP TABLE users; --",
    ];
    for input in inputs {
        assert_eq!(parse_in_china(input), Err(PhoneError::UnexpectedCharacter), "{input:?}");
    }
}

#[test]
fn every_long_input_is_rejected() {
    let forty = format!("{:>40}", "+8613711112222");
    assert!(parse_in_china(&forty).is_ok());
    assert_eq!(parse_in_china(&format!(" {forty}")), Err(PhoneError::TooLong));
    assert_eq!(parse_in_china(&"１".repeat(41)), Err(PhoneError::TooLong));
    assert_eq!(parse_in_china(&"9".repeat(1 << 20)), Err(PhoneError::TooLong));
}

#[test]
fn debug_and_display_mask_the_number() {
    let numbers = [
        ("+8613711112222", "+86137****2222"),
        ("+12133734253", "+121****4253"),
        ("+4915123456789", "+49151****6789"),
        ("+33612345678", "+336****5678"),
        ("+85251234567", "+852****4567"),
        ("+24740123", "+247****23"),
        ("+6831234", "+683****34"),
        ("+77011234567", "+770****4567"),
        ("+123456789012345", "+1234****2345"),
        ("+0000000", "+000****00"),
    ];
    for (number, masked) in numbers {
        let phone = PhoneNumber::from_e164(number.to_owned()).expect("E.164");
        assert_eq!(phone.to_string(), masked);
        assert_eq!(format!("{phone:?}"), masked);
    }
}

#[test]
fn country_codes_are_the_same_as_in_the_metadata() {
    for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
        let phone = PhoneNumber::from_e164(format!("+{code}12345678")).expect("E.164");
        assert_eq!(phone.to_string(), format!("+{code}****5678"));
    }
}

#[test]
fn only_the_form_of_a_stored_number_is_checked() {
    for stored in ["+8613711112222", "+1234567", "+123456789012345", "+9990000000"] {
        assert_eq!(PhoneNumber::from_e164(stored.to_owned()).as_ref().map(PhoneNumber::e164), Ok(stored));
    }
    for stored in ["", "+", "13711112222", "+123456", "+1234567890123456", "+86 13711112222", "+861371111222２"] {
        assert_eq!(PhoneNumber::from_e164(stored.to_owned()), Err(PhoneError::NotE164), "{stored:?}");
    }
    assert_eq!(PhoneNumber::from_e164("+9990000000".to_owned()).expect("E.164").region(), None);
    assert_eq!(PhoneNumber::from_e164("+870773111632".to_owned()).expect("E.164").region(), None);
}

#[test]
fn a_region_is_two_letters_with_a_numbering_plan() {
    for code in ["CN", "cn", "Cn"] {
        assert_eq!(region(code).to_string(), "CN");
        assert_eq!(format!("{:?}", region(code)), "CN");
    }
    for code in ["", "C", "CHN", "001", "AQ", "ZZ", "XX", "86", " CN", "C\0", "中"] {
        assert_eq!(code.parse::<Region>(), Err(RegionError), "{code:?}");
    }
    assert_eq!(RegionError.to_string(), "not a two-letter region code such as CN");
}

#[test]
fn the_example_number_of_every_region_keeps_its_spelling() {
    let mut seen = 0;
    for known in PHONE_NUMBER_UTIL.get_supported_regions() {
        let Ok(example) = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(known, PhoneNumberType::Mobile)
        else {
            continue;
        };
        let home = region(&known.to_string());
        let e164 = PHONE_NUMBER_UTIL.format(&example, PhoneNumberFormat::E164).into_owned();
        let national = PHONE_NUMBER_UTIL.format(&example, PhoneNumberFormat::National);
        for (typed, default_region) in [(e164.as_str(), region("CN")), (&e164, home), (&national, home)] {
            let phone = PhoneNumber::parse(typed, default_region).unwrap_or_else(|error| panic!("{typed}: {error}"));
            assert_eq!(phone.e164(), e164);
            // Some regions share their numbers with a neighbour: Christmas Island with Australia.
            let of = PHONE_NUMBER_UTIL.get_region_for_number(&example).map(|of| region(&of.to_string()));
            assert_eq!(phone.region(), of, "{typed}");
        }
        seen += 1;
    }
    assert!(seen > 200, "only {seen} regions have an example");
}

/// Generates texts that resemble phone numbers, so that most of them reach the metadata.
fn nearly_a_number() -> impl Strategy<Value = String> {
    let start =
        prop::sample::select(vec!["", "+", "+86", "+1", "+44", "+49", "+52", "+54 9", "+55", "00", "0", "(0)", "＋"]);
    (start, "[0-9]{0,4}[0-9 ()./０-９٠-٩-]{0,16}[0-9]{0,9}").prop_map(|(start, rest)| start.to_owned() + &rest)
}

/// Generates numbers close to real ones: a region's example with other last digits.
fn near_an_example() -> impl Strategy<Value = String> {
    let mut examples: Vec<String> = PHONE_NUMBER_UTIL
        .get_supported_regions()
        .filter_map(|known| {
            PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(known, PhoneNumberType::Mobile).ok()
        })
        .map(|example| PHONE_NUMBER_UTIL.format(&example, PhoneNumberFormat::E164).into_owned())
        .collect();
    examples.sort();
    (prop::sample::select(examples), "[0-9]{0,7}").prop_map(|(mut number, tail)| {
        number.truncate(number.len() - tail.len().min(number.len() - 4));
        number + &tail
    })
}

fn check(input: &str, default_region: Region) -> Result<(), TestCaseError> {
    let phone = match PhoneNumber::parse(input, default_region) {
        Ok(phone) => phone,
        Err(error) => {
            // An error must not contain the input.
            prop_assert!(input.len() < 4 || !error.to_string().contains(input));
            return Ok(());
        }
    };
    let e164 = phone.e164();
    prop_assert!(phone.region().is_some());
    for again in ["CN", "US", "AR"] {
        prop_assert_eq!(PhoneNumber::parse(e164, region(again)), Ok(phone.clone()), "{} read again in {}", e164, again);
    }
    prop_assert_eq!(PhoneNumber::from_e164(e164.to_owned()), Ok(phone.clone()));

    let shown = phone.to_string();
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    prop_assert!(shown.contains("****") && digits(&shown) + 2 <= digits(e164), "{} shows too much", shown);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { ..crate::fuzz::cases(2000) })]

    #[test]
    fn every_text_is_a_number_with_one_spelling_or_rejected(input in any::<String>()) {
        check(&input, region("CN"))?;
    }

    #[test]
    fn every_text_like_a_number_is_a_number_with_one_spelling_or_rejected(
        input in prop_oneof![nearly_a_number(), near_an_example()],
        home in prop::sample::select(vec!["CN", "US", "GB", "DE", "BR", "AR", "MX", "IT", "NG"]),
    ) {
        check(&input, region(home))?;
    }
}
