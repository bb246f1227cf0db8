//! Which media type a client wants its answer in (GraphQL over HTTP, "Accept"; RFC 9110 12.5.1).

use axum::http::{HeaderMap, header};

/// A media type that answers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the HTTP status says how it went.
    GraphQlResponse,
    /// `application/json`: 200 for whatever is well formed.
    Json,
}

impl MediaType {
    /// The value of `content-type`.
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

    /// The type that the client likes best; `None` where it takes neither.
    pub(super) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Some(Self::Json);
        }
        let ranges: Vec<Range<'_>> = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(Range::parse)
            .collect();
        // A client that says it takes anything is one from before the draft's own type.
        let wildcard_only = ranges.iter().all(|range| range.specificity(Self::GraphQlResponse) < 2);
        let like = |media_type| quality(&ranges, media_type);
        let (graphql, json) = (like(Self::GraphQlResponse), like(Self::Json));
        match (graphql, json) {
            (0, 0) => None,
            _ if wildcard_only || json > graphql => Some(Self::Json),
            _ => Some(Self::GraphQlResponse),
        }
    }
}

/// The quality of the most specific range that names the type, in thousandths.
fn quality(ranges: &[Range<'_>], media_type: MediaType) -> u16 {
    let named = ranges.iter().filter(|range| range.specificity(media_type) > 0);
    named.max_by_key(|range| range.specificity(media_type)).map_or(0, |range| range.quality)
}

struct Range<'a> {
    essence: &'a str,
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().filter(|essence| essence.contains('/'))?;
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality: f32 = quality.map_or(Some(1.0), |quality| quality.parse().ok())?;
        let thousandths = (1..=1000_u16).rev().find(|step| f32::from(*step) / 1000.0 <= quality);
        Some(Self { essence, quality: thousandths.unwrap_or_default() })
    }

    /// 2 for the type by its name, 1 for one that a wildcard takes in, 0 for another.
    fn specificity(&self, media_type: MediaType) -> u8 {
        if self.essence.eq_ignore_ascii_case(media_type.essence()) {
            return 2;
        }
        u8::from(self.essence == "*/*" || self.essence.eq_ignore_ascii_case("application/*"))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn negotiated(accept: &'static str) -> Option<MediaType> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        MediaType::negotiate(&headers)
    }

    #[test]
    fn the_client_gets_what_it_likes_best() {
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
}
