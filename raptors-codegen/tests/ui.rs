//! Each diagnostic with its exact text.
//!
//! `ui/<case>.toml` is a spec, `ui/<case>/` a folder of specs, and `ui/<case>.txt` what loading it says. A case is named
//! after the rule it breaks, or `<rule>--<what>`. `RAPTORS_BLESS=1 cargo test -p raptors-codegen` writes what is said
//! now, and the generated files that hold the field table; the difference is then read before it is committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use raptors_codegen::spec::{self, Rule, Source};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}

/// Compares a file with what it should hold, or writes it.
fn same(file: &Path, text: &str) -> Result<(), String> {
    if env::var_os("RAPTORS_BLESS").is_some_and(|value| value == "1") {
        if fs::read_to_string(file).ok().as_deref() != Some(text) {
            fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        return Ok(());
    }
    let held = fs::read_to_string(file).unwrap_or_default();
    if held == text {
        return Ok(());
    }
    let line = held.lines().zip(text.lines()).take_while(|(a, b)| a == b).count() + 1;
    Err(format!("{} differs from line {line} on; it should hold\n{text}", file.display()))
}

/// Every case: its name and its files. A single file is shown as `ops/op.toml`, since its name is the rule's.
fn cases() -> BTreeMap<String, Vec<Source>> {
    let mut cases = BTreeMap::new();
    for source in spec::load_dir(&here(), "ops").expect("tests/ui is here") {
        let case = source.stem().to_owned();
        cases.insert(case, vec![Source { name: "ops/op.toml".to_owned(), text: source.text }]);
    }
    for entry in fs::read_dir(here()).expect("tests/ui is here") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            let case = path.file_name().expect("a folder has a name").to_string_lossy().into_owned();
            cases.insert(case, spec::load_dir(&path, "ops").expect("a readable folder"));
        }
    }
    cases.insert("unreadable".to_owned(), UNREADABLE.clone());
    // Too large to be kept as a file.
    let large = format!("# {}\n", "-".repeat(70)).repeat(1000);
    cases.insert("file-too-large".to_owned(), vec![Source { name: "ops/op.toml".to_owned(), text: large }]);
    cases
}

/// Made once: the tests run at the same time.
static UNREADABLE: LazyLock<Vec<Source>> = LazyLock::new(unreadable);

/// A folder with a link to nowhere, beside a spec that is wrong: git could keep it, but not every system.
fn unreadable() -> Vec<Source> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unreadable");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let wrong = "summary = \"S.\"\ninputs = { x = \"matrix\" }\noutput = \"x + y\"\ndtypes = [\"f64\"]\n";
    fs::write(folder.join("wrong.toml"), wrong).expect("the target folder can be written");
    #[cfg(unix)]
    for (link, to) in [("link.toml", "nowhere.toml"), (".#wrong.toml", "someone@somewhere.1")] {
        fs::remove_file(folder.join(link)).ok();
        std::os::unix::fs::symlink(to, folder.join(link)).expect("the target folder can be written");
    }
    spec::load_dir(&folder, "ops").expect("a readable folder")
}

/// The ids that stand in a text.
fn ids(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("error[")?.split_once(']')).map(|(id, _)| id).collect()
}

#[test]
fn each_case_says_what_it_said() {
    let mut wrong = Vec::new();
    for (case, sources) in cases() {
        let said = match spec::load(&sources) {
            Ok(_) => panic!("{case} loads, and should not"),
            Err(errors) => errors.to_string(),
        };
        let rule = case.split("--").next().unwrap_or_default();
        if Rule::ALL.iter().any(|known| known.id() == rule) {
            assert!(ids(&said).contains(rule), "{case} does not break its rule:\n{said}");
        }
        wrong.extend(same(&here().join(format!("{case}.txt")), &said).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_rule_has_a_case() {
    let said: Vec<String> = cases()
        .values()
        .filter_map(|sources| spec::load(sources).err())
        .map(|errors| errors.to_string())
        .collect();
    let broken: BTreeSet<&str> = said.iter().flat_map(|text| ids(text)).collect();
    let rules: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(broken, rules);
}

#[test]
fn each_text_has_a_case() {
    let cases = cases();
    for entry in fs::read_dir(here()).expect("tests/ui is here") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let case = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            assert!(cases.contains_key(&case), "{case}.txt belongs to no case");
        }
    }
}

#[test]
fn messages_fit_into_80_columns() {
    for (case, sources) in cases() {
        let Err(errors) = spec::load(&sources) else { continue };
        for line in errors
            .to_string()
            .lines()
            .filter(|line| !line.trim_start_matches([' ', '|', '_']).starts_with('^'))
        {
            assert!(line.chars().count() <= 80, "{case}: {line}");
        }
    }
}

#[test]
fn every_error_has_a_label_and_a_fix() {
    for (case, sources) in cases() {
        let Err(errors) = spec::load(&sources) else { continue };
        for error in errors.all() {
            assert!(!error.label.is_empty() && error.fix.is_some(), "{case}: {error:?}");
        }
    }
}

#[test]
fn generated_files_are_those_of_the_field_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = same(&root.join("../kernel-specs/schema.json"), &spec::schema());
    let fields = same(&root.join("src/spec/fields.md"), &spec::reference());
    let wrong: Vec<String> = [schema, fields].into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "RAPTORS_BLESS=1 writes them again\n{}", wrong.join("\n"));
}
