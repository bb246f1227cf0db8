//! The English of sources and documents: no phrase that a reader who is not a native speaker has to read twice.
//!
//! Only the words of a file are compared, so a phrase is found in comments, messages, names of tests and documents, and
//! across line breaks. `where` is correct for places: the phrases with it are conditions.

use std::fs;
use std::path::{Path, PathBuf};

/// The files and folders to check, relative to the project.
const ROOTS: [&str; 16] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "Makefile",
    "build.rs",
    "bench",
    "benches",
    "clients",
    "docs",
    "examples",
    "playground",
    "schema.graphql",
    "scripts",
    "src",
    "tests",
];

/// What is never checked: other people's files, migrations (an applied one must not change), and this list of phrases.
const SKIPPED: [&str; 8] =
    ["node_modules", "dist", "build", "target", "migrations", "proptest-regressions", "package-lock.json", "prose.rs"];

const ENDINGS: [&str; 13] =
    ["css", "graphql", "html", "lua", "md", "mjs", "py", "rs", "sh", "toml", "ts", "tsx", "yml"];

/// What to write, and the phrases to avoid.
const PHRASES: [(&str, &[&str]); 19] = [
    (
        "if …",
        &[
            "even where",
            "false where",
            "none where",
            "raises where",
            "returns 0 where",
            "returns 1 where",
            "throws where",
            "true where",
            "where all are",
            "where another",
            "where it did",
            "where it does",
            "where it gave",
            "where it has",
            "where it is",
            "where none",
            "where nothing",
            "where one fails",
            "where one is",
            "where settings do",
            "where signed in",
            "where that fails",
            "where that is",
            "where the claim",
            "where the database",
            "where the provider",
            "where the settings say",
            "where the store",
            "where there are",
            "where there is",
            "where there was",
            "where this fails",
            "with 1 where",
        ],
    ),
    ("the client, the user, the attacker", &["whoever", "who asks", "who shows", "its asker", "its askers"]),
    ("except that", &["save that"]),
    ("at most", &["at the most"]),
    ("the outcome, the result", &["what came of"]),
    ("because there is no …", &["for want of"]),
    (
        "is valid",
        &[
            "are good for",
            "be good for",
            "good any more",
            "good once",
            "is good for",
            "is still good",
            "stay good",
            "stays good",
        ],
    ),
    ("gets the refund, is refunded", &["has it back", "have it back"]),
    ("is treated as, is accepted as", &["is taken for", "are taken for"]),
    ("not … and not …", &["neither", "nor"]),
    ("there is no …", &["is had", "to be had"]),
    ("has, may have", &["bears"]),
    ("gets, learns; or say who tells it", &["is told", "are told", "be told"]),
    ("the current …", &["the present"]),
    ("the user submits a code", &["code is shown", "codes shown", "shows a code", "what is shown"]),
    ("Creates …", &["of these parts"]),
    ("again", &["anew"]),
    ("its own …, a separate …", &["of its own", "of one's own", "of their own"]),
    ("the user has the phone", &["phone is held", "phone was held"]),
];

/// A word in lower case, and the number of its line.
type Word = (String, usize);

/// Returns the words of a text. Everything but letters, digits and apostrophes separates words, so names of functions
/// are split, too.
fn words(text: &str) -> Vec<Word> {
    let mut all = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let parts = line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’'));
        let parts = parts.filter(|part| !part.is_empty());
        all.extend(parts.map(|part| (part.to_lowercase().replace('’', "'"), number)));
    }
    all
}

/// Returns a line for each phrase to avoid in a text: where it is, and what to write instead.
fn faults(path: &str, text: &str) -> Vec<String> {
    let words = words(text);
    let mut found = Vec::new();
    for (better, phrases) in PHRASES {
        for phrase in phrases {
            let parts: Vec<&str> = phrase.split(' ').collect();
            for window in words.windows(parts.len()) {
                if window.iter().map(|(word, _)| word).eq(parts.iter()) {
                    found.push(format!("{path}:{}: \"{phrase}\"; write: {better}", window[0].1));
                }
            }
        }
    }
    found
}

/// Returns the files to check below a path.
fn files(path: &Path) -> Vec<PathBuf> {
    let is_skipped = path.file_name().is_some_and(|name| SKIPPED.iter().any(|skipped| name == *skipped));
    if is_skipped {
        return Vec::new();
    }
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path());
        return entries.flat_map(|entry| files(&entry)).collect();
    }
    // Scripts and the Makefile have no ending.
    let ending = path.extension().and_then(|ending| ending.to_str());
    if ending.is_none_or(|ending| ENDINGS.contains(&ending)) { vec![path.to_owned()] } else { Vec::new() }
}

#[test]
fn english_is_plain() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for root in ROOTS {
        let files = files(&project.join(root));
        assert!(!files.is_empty(), "{root} has no files to check");
        for file in files {
            let text = fs::read_to_string(&file).expect("a text file");
            let path = file.strip_prefix(project).expect("a file of the project");
            found.extend(faults(&path.display().to_string(), &text));
        }
    }
    found.sort_unstable();
    assert!(found.is_empty(), "{} phrases to replace:\n{}", found.len(), found.join("\n"));
}

#[test]
fn phrases_are_found_in_comments_names_and_across_lines() {
    for (text, line) in [
        ("/// Ends the session, save\n/// that the last token stays.", 1),
        ("\nfn waits_for_whoever_guesses() {}", 2),
        ("-- Returns 1 where it was counted.", 1),
        ("A code is good for five minutes.", 1),
        ("`None`, where there\n    // is no limit", 1),
    ] {
        let found = faults("file", text);
        let place = format!("file:{line}: ");
        assert!(!found.is_empty() && found.iter().all(|fault| fault.starts_with(&place)), "{text}: {found:?}");
    }
    let fine = "/// The folder where codes are stored.\nfn f<T>(t: T) where T: Copy {}\nDELETE FROM codes WHERE id = 1";
    assert_eq!(faults("file", fine), Vec::<String>::new());
}
