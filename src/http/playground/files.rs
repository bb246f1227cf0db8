//! The files of the playground page, which the build script embeds in the program.
//!
//! Picks a compressed form of a file that the client accepts; compresses nothing itself.
//!
//! Why this and `build.rs` are our own code: Vite writes `.br` and `.gz` files, and the program should contain just
//! these. `memory-serve` 2.4 ignores them, compresses every file itself, reads from disk in debug builds, and cannot be
//! built without the page, so not without npm. `rust-embed` is a macro and does not choose an encoding; `axum-embed` is
//! for axum 0.7; `ServeDir` of `tower-http` only reads from disk.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::plain;

/// The files that `build.rs` found. Empty if the page has not been built.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/playground_files.rs"));

/// A file of the page, in one or more encodings.
struct File {
    path: &'static str,
    plain: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// Whether the program contains the page.
pub(super) fn are_embedded() -> bool {
    !FILES.is_empty()
}

/// Serves a file, with `cache` as its `Cache-Control`.
pub(super) fn serve(path: &str, cache: &'static str, headers: &HeaderMap) -> Response {
    let Some(file) = FILES.iter().find(|file| file.path == path) else {
        return plain(StatusCode::NOT_FOUND, "not found\n");
    };

    let accepted = Encodings::accepted(headers);
    let (body, encoding) = match file {
        File { brotli: Some(body), .. } if accepted.brotli => (body, Some("br")),
        File { gzip: Some(body), .. } if accepted.gzip => (body, Some("gzip")),
        File { plain: Some(body), .. } => (body, None),
        _ => return plain(StatusCode::NOT_ACCEPTABLE, "this file is only available as br and gzip\n"),
    };

    let headers =
        [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, cache), (header::VARY, "accept-encoding")];
    let mut response = (headers, *body).into_response();
    if let Some(encoding) = encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("ttf") => "font/ttf",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// The compressed encodings that a client accepts.
#[derive(Debug, PartialEq, Eq)]
struct Encodings {
    brotli: bool,
    gzip: bool,
}

impl Encodings {
    /// Parses `Accept-Encoding`. A client that does not send it accepts every encoding (RFC 9110, 12.5.3), but not
    /// every such client can decode brotli.
    fn accepted(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::ACCEPT_ENCODING).iter().peekable();
        if values.peek().is_none() {
            return Self { brotli: false, gzip: true };
        }

        let encodings: Vec<&str> =
            values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
        let accepts = |name: &str| {
            encodings.iter().find_map(|encoding| {
                let (encoding, parameter) = encoding.split_once(';').unwrap_or((encoding, ""));
                let is_refused = parameter.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
                encoding.trim().eq_ignore_ascii_case(name).then_some(!is_refused)
            })
        };
        let any = accepts("*").unwrap_or(false);
        Self { brotli: accepts("br").unwrap_or(any), gzip: accepts("gzip").unwrap_or(any) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_gets_an_encoding_that_it_accepts() {
        let plain = Encodings { brotli: false, gzip: false };
        assert_eq!(Encodings::accepted(&HeaderMap::new()), Encodings { brotli: false, gzip: true });
        for (accept, expected) in [
            ("gzip, deflate, br", Encodings { brotli: true, gzip: true }),
            ("gzip;q=0.5, br;q=0", Encodings { brotli: false, gzip: true }),
            ("*", Encodings { brotli: true, gzip: true }),
            ("*, br; q=0.0", Encodings { brotli: false, gzip: true }),
            ("identity", plain),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accept))]);
            assert_eq!(Encodings::accepted(&headers), expected, "{accept}");
        }
    }
}
