//! What is checked of a document's text before it is read: a parser's work and its stack grow with it.

use super::Excess;

/// How many tokens a document may have. GraphiQL's introspection has 184.
pub const MAX_TOKENS: usize = 1000;
/// How many brackets of any kind may be open at once.
pub const MAX_NESTING: usize = 50;

/// Counts tokens and open brackets, no further than they are allowed.
///
/// What the grammar takes for one token counts as one at least: a number's sign and point count for themselves, as do
/// leading zeros, between which the library's grammar needs no space.
///
/// # Errors
/// The bound that the text does not keep.
pub fn check_text(text: &str) -> Result<(), Excess> {
    let (mut rest, mut tokens, mut open) = (text.as_bytes(), 0, 0_usize);
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
                (run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_'), true)
            }
            _ => (1, true),
        };
        match first {
            b'{' | b'[' | b'(' => open += 1,
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            _ => {}
        }
        tokens += usize::from(counts);
        if tokens > MAX_TOKENS {
            return Err(Excess::Tokens);
        }
        if open > MAX_NESTING {
            return Err(Excess::Nesting);
        }
        rest = &rest[length..];
    }
    Ok(())
}

/// For how many bytes this holds.
fn run(text: &[u8], holds: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|byte| !holds(*byte)).unwrap_or(text.len())
}

/// The length of a string that stands on one line.
fn string(text: &[u8]) -> Result<usize, Excess> {
    let mut at = 1;
    loop {
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at += 2,
            None | Some(b'\r' | b'\n') => return Err(Excess::OpenString),
            Some(_) => at += 1,
        }
    }
}

/// The length of a string between triple quotes.
fn block_string(text: &[u8]) -> Result<usize, Excess> {
    let mut at = 3;
    loop {
        match text.get(at..).unwrap_or_default() {
            [b'\\', b'"', b'"', b'"', ..] => at += 4,
            [b'"', b'"', b'"', ..] => return Ok(at + 3),
            [] => return Err(Excess::OpenString),
            [_, ..] => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    /// Asserts that a text that repeats `part` has this many tokens a part, `around` them aside.
    #[track_caller]
    fn counts(frame: &str, part: &str, tokens: usize, around: usize) {
        let times = (MAX_TOKENS - around) / tokens;
        let text = |times| frame.replace('$', &part.repeat(times));
        assert_eq!(check_text(&text(times)), Ok(()), "{part}");
        assert_eq!(check_text(&text(times + 1)), Err(Excess::Tokens), "{part}");
    }

    #[test]
    fn tokens_are_counted_as_the_grammar_has_them() {
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
    fn the_library_reads_no_more_tokens_than_are_counted() {
        // Side by side without space, yet values of their own.
        for (values, count) in [("000", 3), ("1-2-3", 3), (r#""a""b""""#, 3), ("1.5-0", 2), (r#""""a"""1"#, 2)] {
            let document = parse_query(format!("{{ a(b: [{values}]) }}")).expect("a document");
            let text = format!("{document:?}");
            let read = text.matches("Number(Number(").count() + text.matches("String(").count();
            assert_eq!(read, count, "{values}");
            let flood = format!("{{ a(b: [{}]) }}", format!("{values} ").repeat(MAX_TOKENS / count + 1));
            assert_eq!(check_text(&flood), Err(Excess::Tokens), "{values}");
        }
    }

    #[test]
    fn strings_have_an_end() {
        for open in ["\"", "\"a\n\"", "\"a\\\"", "\"\"\"a\"", "\"\"\"a\\\"\"\"", "{ a(b: \"\"\"x\") { c } }"] {
            assert_eq!(check_text(open), Err(Excess::OpenString), "{open}");
        }
    }

    #[test]
    fn brackets_are_counted_while_they_are_open() {
        for (open, close) in [("{", "}"), ("[", "]"), ("(", ")")] {
            let nested = |depth| format!("{}{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(check_text(&nested(MAX_NESTING)), Ok(()));
            assert_eq!(check_text(&nested(MAX_NESTING + 1)), Err(Excess::Nesting));
            assert_eq!(check_text(&format!("{open}{close}").repeat(400)), Ok(()));
        }
        assert_eq!(check_text(&format!("\"{}\"", "{".repeat(1000))), Ok(()), "within a string they are letters");
    }
}
