//! Embeds the playground page in the program if `playground/dist` exists. `make run` and `make build` build it.
//!
//! Must not fail if it does not exist: the server can be built without npm.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const DIST: &str = "playground/dist";

fn main() -> io::Result<()> {
    let dist = Path::new(DIST);
    // If cargo watched a folder that does not exist, it would run this script in every build.
    let watched = if dist.is_dir() { dist } else { Path::new("playground") };
    println!("cargo:rerun-if-changed={}", watched.display());
    println!("cargo:rerun-if-changed=build.rs");

    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist.canonicalize()?, &mut files)?;
    } else if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!(
            "cargo::warning=this program is built without its page, because {DIST} does not exist: use `make build`"
        );
    }
    files.sort();

    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo did not set OUT_DIR"))?;
    fs::write(Path::new(&out).join("playground_files.rs"), table(&files)?)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Writes the files as a Rust expression, an array of `File`. Each file has its compressed forms. The uncompressed form
/// is only there if the file has no other, or is the page itself, which clients without compression must be able to
/// load.
fn table(files: &[PathBuf]) -> io::Result<String> {
    let root = Path::new(DIST).canonicalize().unwrap_or_default();
    let mut table = String::from("&[\n");
    for path in files {
        let text = path.to_str().ok_or_else(|| io::Error::other("a file's name is not UTF-8"))?;
        if [".br", ".gz"].iter().any(|ending| text.ends_with(ending)) {
            continue;
        }
        let form = |ending: &str| {
            let path = format!("{text}{ending}");
            if Path::new(&path).is_file() { format!("Some(include_bytes!({path:?}))") } else { "None".to_owned() }
        };

        let (brotli, gzip) = (form(".br"), form(".gz"));
        let plain = if brotli == "None" || path.extension().is_some_and(|ending| ending == "html") {
            form("")
        } else {
            "None".to_owned()
        };

        let url = path.strip_prefix(&root).map_err(io::Error::other)?.display().to_string();
        writeln!(table, "File {{ path: {url:?}, plain: {plain}, brotli: {brotli}, gzip: {gzip} }},")
            .map_err(io::Error::other)?;
    }
    table.push(']');
    Ok(table)
}
