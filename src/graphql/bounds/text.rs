//! The bounds of a document's text, checked before it is parsed, because the parser's time and stack grow with the
//! text.
//!
//! The scan here must never count fewer tokens than the parser finds. It is not a parser: it accepts texts that the
//! parser rejects.

use std::collections::HashSet;

use super::Refusal;

/// The maximum number of tokens in a document. GraphiQL's introspection query has 184.
pub const MAX_TOKENS: usize = 1000;
/// The maximum number of brackets of any kind that are open at the same time.
pub const MAX_NESTING: usize = 50;
/// The maximum number of bytes in a name. Validation errors repeat names, some of them once for each operation.
pub const MAX_NAME_BYTES: usize = 256;

/// Checks the number of tokens, the nesting of brackets and the length of names. It also finds input objects that set a
/// field twice: the parser keeps only the last value of such a field, so later checks cannot see the mistake.
///
/// Every token of the grammar counts at least once. The sign, the point and the leading zeros of a number count
/// separately, because the library's grammar needs no space between numbers.
///
/// # Errors
/// If the text exceeds a bound, has an open string, or sets an input field twice.
pub fn check_text(text: &str) -> Result<(), Refusal> {
    let mut rest = text.as_bytes();
    let mut tokens = 0;
    let mut open: Vec<Bracket<'_>> = Vec::new();
    let mut last_name: &[u8] = b"";

    while let [first, ..] = rest {
        let (length, counts) = match rest {
            [b' ' | b'\t' | b'\r' | b'\n' | b',', ..] => (1, false),
            [0xef, 0xbb, 0xbf, ..] => (3, false),
            [b'#', ..] => (run(rest, |byte| !matches!(byte, b'\r' | b'\n')), false),
            [b'"', b'"', b'"', ..] => (block_string(rest)?, true),
            [b'"', ..] => (string(rest)?, true),
            [b'.', b'.', b'.', ..] => (3, true),
            [b'1'..=b'9', ..] => (run(rest, |byte| byte.is_ascii_digit()), true),
            [b'a'..=b'z' | b'A'..=b'Z' | b'_', ..] => {
                let length = run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if length > MAX_NAME_BYTES {
                    return Err(Refusal::LongName);
                }
                last_name = &rest[..length];
                (length, true)
            }
            _ => (1, true),
        };

        // Names before a colon are response keys in a selection set, but fields in an input object.
        match first {
            b'{' | b'[' | b'(' => open.push(Bracket::opened_by(*first, open.last())),
            b'}' | b']' | b')' => drop(open.pop()),
            b':' => {
                if let Some(Bracket::Object(names)) = open.last_mut()
                    && !names.insert(last_name)
                {
                    return Err(Refusal::DuplicateInputField);
                }
            }
            _ => {}
        }

        tokens += usize::from(counts);
        if tokens > MAX_TOKENS {
            return Err(Refusal::Tokens);
        }
        if open.len() > MAX_NESTING {
            return Err(Refusal::Nesting);
        }
        rest = &rest[length..];
    }
    Ok(())
}

/// An open bracket.
enum Bracket<'a> {
    /// A selection set.
    Selections,
    /// Arguments, variable definitions, or a list value.
    Values,
    /// An input object, with the names of the fields that it has set so far.
    Object(HashSet<&'a [u8]>),
}

impl Bracket<'_> {
    /// Returns the kind of a bracket. A brace opens an input object among values, and a selection set elsewhere.
    fn opened_by(byte: u8, around: Option<&Self>) -> Self {
        match (byte, around) {
            (b'{', Some(Self::Values | Self::Object(_))) => Self::Object(HashSet::new()),
            (b'{', Some(Self::Selections) | None) => Self::Selections,
            _ => Self::Values,
        }
    }
}

/// Returns how many bytes at the start of the text satisfy the condition.
fn run(text: &[u8], holds: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|byte| !holds(*byte)).unwrap_or(text.len())
}

/// Returns the length of a string in single quotation marks, which ends on its line.
fn string(text: &[u8]) -> Result<usize, Refusal> {
    let mut at = 1;
    loop {
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at += 2,
            None | Some(b'\r' | b'\n') => return Err(Refusal::OpenString),
            Some(_) => at += 1,
        }
    }
}

/// Returns the length of a block string, between triple quotation marks.
fn block_string(text: &[u8]) -> Result<usize, Refusal> {
    let mut at = 3;
    loop {
        match text.get(at..).unwrap_or_default() {
            [b'\\', b'"', b'"', b'"', ..] => at += 4,
            [b'"', b'"', b'"', ..] => return Ok(at + 3),
            [] => return Err(Refusal::OpenString),
            [_, ..] => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    /// Asserts that each repetition of `part` counts as `tokens`. The `frame` around the parts counts as `around`.
    #[track_caller]
    fn counts(frame: &str, part: &str, tokens: usize, around: usize) {
        let times = (MAX_TOKENS - around) / tokens;
        let text = |times| frame.replace('$', &part.repeat(times));
        assert_eq!(check_text(&text(times)), Ok(()), "{part}");
        assert_eq!(check_text(&text(times + 1)), Err(Refusal::Tokens), "{part}");
    }

    #[test]
    fn tokens_are_counted_as_in_the_grammar() {
        counts("$", "a ", 1, 0);
        counts("{ $ }", "name,", 1, 2);
        counts("{ $ }", "alias: name # a comment { ( \" \n", 3, 2);
        counts("{ $ }", "...Name\u{feff}", 2, 2);
        counts("{ a(b: [$]) }", r#""a \" b""#, 1, 9);
        counts("{ a(b: [$]) }", r#""\\""#, 1, 9);
        counts("{ a(b: [$]) }", r#""" "#, 1, 9);
        counts("{ a(b: [$]) }", r#""""a " "" \""" b""""#, 1, 9);
        counts("{ a(b: [$]) }", "[]", 2, 9);
        counts("{ a(b: [$]) }", "0", 1, 9);
        counts("{ a(b: [$]) }", "-1", 2, 9);
        counts("{ a(b: [$]) }", "12 ", 1, 9);
    }

    #[test]
    fn the_library_finds_no_more_tokens_than_are_counted() {
        // These are several values, although no space separates them.
        for (values, count) in [("000", 3), ("1-2-3", 3), (r#""a""b""""#, 3), ("1.5-0", 2), (r#""""a"""1"#, 2)] {
            let document = parse_query(format!("{{ a(b: [{values}]) }}")).expect("a document");
            let text = format!("{document:?}");
            let read = text.matches("Number(Number(").count() + text.matches("String(").count();
            assert_eq!(read, count, "{values}");
            let flood = format!("{{ a(b: [{}]) }}", format!("{values} ").repeat(MAX_TOKENS / count + 1));
            assert_eq!(check_text(&flood), Err(Refusal::Tokens), "{values}");
        }
    }

    #[test]
    fn an_open_string_is_rejected() {
        for open in ["\"", "\"a\n\"", "\"a\\\"", "\"\"\"a\"", "\"\"\"a\\\"\"\"", "{ a(b: \"\"\"x\") { c } }"] {
            assert_eq!(check_text(open), Err(Refusal::OpenString), "{open}");
        }
    }

    #[test]
    fn an_input_object_must_not_set_a_field_twice() {
        for right in [
            "{ a: b(x: { y: 1, z: { y: 2 } }) { a: c } a: d }",
            "{ a(x: [{ y: 1 }, { y: 2 }]) b(x: { y: 1 }) }",
            "query($a: T = { y: 1 }, $b: T = { y: 1 }) { a: b a: b @skip(if: { y: 1 }) }",
            "{ a(x: \"{ y: 1, y: 2 }\") }",
        ] {
            assert_eq!(check_text(right), Ok(()), "{right}");
        }
        for wrong in [
            "{ a(x: { y: 1, y: 2 }) }",
            "{ a(x: { y: 1, z: { y: 1 }, y: 2 }) }",
            "{ a(x: [{ z: 1 }, { y : 1 #c\n y :2 }]) }",
            "query($a: T = { y: 1, y: 1 }) { a }",
            "{ a @x(if: { y: { y: 1 }, y: 1 }) }",
        ] {
            assert_eq!(check_text(wrong), Err(Refusal::DuplicateInputField), "{wrong}");
        }
    }

    #[test]
    fn a_name_has_at_most_256_bytes() {
        let named = |bytes| format!("{{ {} }}", "n".repeat(bytes));
        assert_eq!(check_text(&named(MAX_NAME_BYTES)), Ok(()));
        assert_eq!(check_text(&named(MAX_NAME_BYTES + 1)), Err(Refusal::LongName));
    }

    #[test]
    fn brackets_are_counted_while_they_are_open() {
        for (open, close) in [("{", "}"), ("[", "]"), ("(", ")")] {
            let nested = |depth| format!("{}{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(check_text(&nested(MAX_NESTING)), Ok(()));
            assert_eq!(check_text(&nested(MAX_NESTING + 1)), Err(Refusal::Nesting));
            assert_eq!(check_text(&format!("{open}{close}").repeat(400)), Ok(()));
        }
        assert_eq!(check_text(&format!("\"{}\"", "{".repeat(1000))), Ok(()), "brackets in a string are not counted");
    }
}
