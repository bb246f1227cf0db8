//! Chooses the media type of an answer from the `Accept` header (RFC 9110, 12.5.1; GraphQL over HTTP, "Accept").
//!
//! Must accept every header: a malformed range is ignored, and the rest still counts.
//!
//! Why this is our own code: `headers-accept` 0.3 rejects the whole header for one malformed or empty range, treats a
//! malformed quality as 1, and does not match `application/json; charset=utf-8` with `application/json`. `accept-header`
//! 0.2 does not match `application/*` and ignores a quality of 0. `mediatype` does not parse qualities. They do not have
//! the rule of the GraphQL-over-HTTP draft for clients that accept any type.

use axum::http::{HeaderMap, header};

/// The most media ranges that are read. Browsers send fewer than ten.
const MAX_RANGES: usize = 64;

/// A quality of 1, in thousandths.
const BEST: u16 = 1000;

/// The specificity of a range without wildcards.
const EXACT: u8 = 2;

/// A media type for answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the HTTP status says whether the request succeeded.
    GraphQlResponse,
    /// `application/json`: the HTTP status is 200 for every well-formed request.
    Json,
}

impl MediaType {
    /// The value of the `Content-Type` header.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    const fn essence(self) -> &'static str {
        match self {
            Self::GraphQlResponse => "application/graphql-response+json",
            Self::Json => "application/json",
        }
    }

    /// Returns the type that the client prefers; `None` if the client does not accept either.
    pub(super) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        if !headers.contains_key(header::ACCEPT) {
            return Some(Self::Json);
        }

        let ranges: Vec<Range<'_>> = ranges(headers).collect();
        let graphql = quality(&ranges, Self::GraphQlResponse);
        let json = quality(&ranges, Self::Json);

        // A client that only accepts the draft's type by a wildcard is probably older than that type.
        let is_by_wildcard = ranges.iter().all(|range| range.specificity(Self::GraphQlResponse) < EXACT);
        match (graphql, json) {
            (0, 0) => None,
            _ if is_by_wildcard || json > graphql => Some(Self::Json),
            _ => Some(Self::GraphQlResponse),
        }
    }
}

/// Returns whether the client names HTML among the types that it accepts, as browsers do when they open a page.
pub(super) fn accepts_html(headers: &HeaderMap) -> bool {
    let html = |range: Range<'_>| range.essence.eq_ignore_ascii_case("text/html") && range.quality > 0;
    ranges(headers).any(html)
}

/// Returns the well-formed ranges of the header.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = Range<'_>> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).take(MAX_RANGES).filter_map(Range::parse)
}

/// Returns the quality of the most specific range that matches the type, in thousandths.
fn quality(ranges: &[Range<'_>], media_type: MediaType) -> u16 {
    let matching = ranges.iter().filter(|range| range.specificity(media_type) > 0);
    matching.max_by_key(|range| range.specificity(media_type)).map_or(0, |range| range.quality)
}

/// Parses a quality such as `0.75`: from 0 to 1, with at most three decimals (RFC 9110, 12.4.2).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_decimal = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !is_decimal {
        return None;
    }

    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" => (thousandths == 0).then_some(BEST),
        _ => None,
    }
}

/// A media range of the header, such as `application/*;q=0.5`.
struct Range<'a> {
    essence: &'a str,
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().filter(|essence| essence.contains('/'))?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = weight.map_or(Some(BEST), thousandths)?;
        Some(Self { essence, quality })
    }

    /// Returns `EXACT` if the range names the type, 1 if it matches by a wildcard, and 0 if it does not match.
    fn specificity(&self, media_type: MediaType) -> u8 {
        if self.essence.eq_ignore_ascii_case(media_type.essence()) {
            return EXACT;
        }
        u8::from(self.essence == "*/*" || self.essence.eq_ignore_ascii_case("application/*"))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn negotiated(accept: &'static str) -> Option<MediaType> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        MediaType::negotiate(&headers)
    }

    #[test]
    fn the_client_gets_the_type_that_it_prefers() {
        assert_eq!(MediaType::negotiate(&HeaderMap::new()), Some(MediaType::Json));
        for (accept, expected) in [
            ("application/json", Some(MediaType::Json)),
            ("*/*", Some(MediaType::Json)),
            ("application/*", Some(MediaType::Json)),
            ("application/graphql-response+json", Some(MediaType::GraphQlResponse)),
            ("application/graphql-response+json, application/json;q=0.9", Some(MediaType::GraphQlResponse)),
            ("application/json, application/graphql-response+json", Some(MediaType::GraphQlResponse)),
            ("application/json, application/graphql-response+json;q=0.5", Some(MediaType::Json)),
            ("APPLICATION/JSON; charset=utf-8", Some(MediaType::Json)),
            ("application/json;q=0", None),
            ("text/html", None),
            ("text/html, */*;q=0.1", Some(MediaType::Json)),
            ("nonsense", None),
        ] {
            assert_eq!(negotiated(accept), expected, "{accept}");
        }
    }

    #[test]
    fn only_well_formed_qualities_are_parsed() {
        for (text, expected) in
            [("0", 0), ("0.", 0), ("0.5", 500), ("0.001", 1), ("0.75", 750), ("1", 1000), ("1.000", 1000)]
        {
            assert_eq!(thousandths(text), Some(expected), "{text}");
        }
        for text in ["", ".", ".5", "00", "1.001", "2", "-1", "+1", "0.0001", "1e0", "inf", "NaN", "0.+1", "0,5", "٠"]
        {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }

    /// A long list must not keep the server busy.
    #[test]
    fn only_the_first_ranges_are_read() {
        let accept = |count: usize| {
            let ranges = format!("{}application/json", "text/html;q=0.1,".repeat(count));
            let value = HeaderValue::from_str(&ranges).expect("a value");
            MediaType::negotiate(&HeaderMap::from_iter([(header::ACCEPT, value)]))
        };
        assert_eq!((accept(MAX_RANGES - 1), accept(MAX_RANGES)), (Some(MediaType::Json), None));
    }

    /// Plausible ranges, or any bytes that a header can have.
    fn accept_header() -> impl Strategy<Value = Vec<u8>> {
        let name = prop_oneof![
            Just("application/json"),
            Just("Application/GraphQL-Response+JSON"),
            Just("application/*"),
            Just("*/*"),
            Just("text/html"),
            Just("/"),
        ];
        let range = (name, "(;[ a-zA-Z=]{0,9})?", "(;[qQ]=[01]?\\.?[0-9]{0,4})?");
        let range = range.prop_map(|(name, parameter, weight)| format!("{name}{parameter}{weight}"));
        let ranges = proptest::collection::vec(range, 0..200).prop_map(|ranges| ranges.join(", ").into_bytes());
        let bytes = proptest::collection::vec(prop_oneof![0x20..0x7f_u8, 0x80..=0xff_u8, Just(b'\t')], 0..2000);
        prop_oneof![ranges, bytes]
    }

    proptest! {
        #[test]
        fn every_header_is_accepted(values in proptest::collection::vec(accept_header(), 0..4)) {
            let value = |bytes: &Vec<u8>| HeaderValue::from_bytes(bytes).expect("a value");
            let headers: HeaderMap = values.iter().map(|bytes| (header::ACCEPT, value(bytes))).collect();
            let chosen = MediaType::negotiate(&headers);
            prop_assert!(!values.is_empty() || chosen == Some(MediaType::Json));

            // A type is only chosen if a range names it or matches it by a wildcard.
            let text = String::from_utf8_lossy(&values.concat()).to_lowercase();
            let is_named = |name: &str| ["*/*", "application/*", name].iter().any(|name| text.contains(name));
            if let Some(chosen) = chosen && !values.is_empty() {
                prop_assert!(is_named(chosen.essence()));
            }
        }

        #[test]
        fn qualities_are_at_most_1(text in "[01]?[.]?[0-9]{0,5}") {
            let expected = text.parse::<f64>().ok().filter(|quality| *quality <= 1.0);
            if let Some(read) = thousandths(&text) {
                let difference = expected.map(|expected| (expected * 1000.0 - f64::from(read)).abs());
                prop_assert!(difference.is_some_and(|difference| difference < 1e-6));
            }
        }
    }
}
