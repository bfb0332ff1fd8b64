//! Lists the descriptions under `isa/` and the functions under `functions/`, so that adding a file there is all it takes
//! to add one.

use std::{env, fmt::Write as _, fs, path::PathBuf};

fn main() {
    for folder in ["isa", "functions"] {
        list(folder);
    }
}

/// Writes `<folder>_files.rs`: the names and texts of the TOML files in a folder of this crate.
fn list(name: &str) {
    println!("cargo::rerun-if-changed={name}");
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join(name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is part of this crate")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let mut text = String::from("&[\n");
    for file in files {
        let name = file.file_stem().expect("a file name").to_string_lossy().into_owned();
        writeln!(text, "    ({name:?}, include_str!({:?})),", file.display().to_string()).expect("a String");
    }
    text.push_str("]\n");
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(PathBuf::from(out).join(format!("{name}_files.rs")), text).expect("OUT_DIR is writable");
}
