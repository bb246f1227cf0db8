//! Puts the playground page into the binary if `playground/dist` has been built, which `make run` and `make build` do.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const DIST: &str = "playground/dist";

fn main() -> io::Result<()> {
    let dist = Path::new(DIST);
    // If cargo watched a folder that does not exist, it would run this script at every build.
    let watched = if dist.is_dir() { dist } else { Path::new("playground") };
    println!("cargo:rerun-if-changed={}", watched.display());
    println!("cargo:rerun-if-changed=build.rs");
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist.canonicalize()?, &mut files)?;
    } else if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::warning=this program has no page, because {DIST} is not built: use `make build`");
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

/// The files as Rust: each with its compressed forms, and with its plain one where it has no other.
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
