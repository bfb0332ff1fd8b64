//! Each file of a vector vocabulary defines the same words with the same signatures, and the page that explains them
//! explains each one. What the words do is tested beside them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Files in the folder that are no vocabulary.
const OTHERS: [&str; 2] = ["mod", "tests"];

fn room() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("raptors/simd")
}

fn stems(folder: &Path, extension: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .map(|path| path.file_stem().expect("it has an extension").to_string_lossy().into_owned())
        .collect()
}

fn vocabularies() -> BTreeSet<String> {
    let mut all = stems(&room(), "rs");
    all.retain(|stem| !OTHERS.contains(&stem.as_str()));
    all
}

fn read(stem: &str) -> String {
    fs::read_to_string(room().join(stem).with_extension("rs")).expect("a listed file")
}

/// The words of a vocabulary: the name of each item that leaves its module, and a function's signature. What stands
/// for a value or a type is the ISA's own.
fn words(source: &str) -> BTreeMap<String, String> {
    let mut words = BTreeMap::new();
    for item in source.split("pub(crate) ").skip(1) {
        let (kind, rest) = item.split_once(' ').expect("an item has a name");
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let signature = match kind {
            "mod" => continue,
            "fn" => {
                let signature = rest.split('{').next().unwrap_or(rest);
                signature.split_whitespace().collect::<String>().replace(",)", ")")
            }
            "type" | "struct" => "type".to_owned(),
            "const" => "const".to_owned(),
            _ => panic!("`{kind} {name}` in a vocabulary"),
        };
        words.insert(name, signature);
    }
    words
}

#[test]
fn vocabularies_have_the_same_words() {
    let portable = words(&read("portable"));
    assert!(portable.len() > 30, "the words were not found: {portable:?}");
    for stem in vocabularies() {
        let own = words(&read(&stem));
        for (word, signature) in &portable {
            assert_eq!(own.get(word), Some(signature), "`{word}` in simd/{stem}.rs");
        }
        for word in own.keys() {
            assert!(portable.contains_key(word), "`{word}` is in simd/{stem}.rs alone");
        }
    }
}

#[test]
fn every_word_is_explained() {
    let page = read("mod");
    let page: String = page.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    // The page writes `add`, `load(…)` and `pairs::<D>`.
    let explained: BTreeSet<String> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|code| code.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect();
    for word in words(&read("portable")).keys() {
        assert!(explained.contains(word), "`{word}` is not explained in simd/mod.rs");
    }
}

#[test]
fn every_isa_has_a_vocabulary() {
    let isas = stems(&Path::new(env!("CARGO_MANIFEST_DIR")).join("raptors-codegen/isa"), "toml");
    assert_eq!(isas, vocabularies(), "raptors-codegen/isa/*.toml and raptors/simd/*.rs");
}

/// The modules of a vocabulary: those it writes, or has a macro write.
fn modules(source: &str) -> BTreeSet<&str> {
    let written = source.split("pub(crate) mod ").skip(1);
    let named = written.map(|rest| rest.split([' ', ';']).next().unwrap_or_default());
    let by_macro = source.split("\nvocabulary!(").skip(1);
    named
        .chain(by_macro.map(|rest| rest.split(',').next().unwrap_or_default()))
        .filter(|name| !name.starts_with('$'))
        .collect()
}

/// Vectors of more than eight lanes have a module of just eight beside them, for kernels of runs; others have none.
#[test]
fn every_vocabulary_has_the_modules_its_vectors_ask_for() {
    for stem in vocabularies() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("raptors-codegen/isa").join(&stem);
        let description =
            fs::read_to_string(path.with_extension("toml")).expect("every ISA has a description");
        let bytes = description.lines().find_map(|line| line.strip_prefix("vector_bytes")?.split('=').nth(1));
        let bytes: usize = bytes.and_then(|number| number.trim().parse().ok()).expect("bytes of a vector");
        let mut expected = BTreeSet::from(["f32", "f64"]);
        expected.extend(
            [("f32x8", 4), ("f64x8", 8)].iter().filter(|(_, size)| bytes / size > 8).map(|(name, _)| name),
        );
        assert_eq!(modules(&read(&stem)), expected, "simd/{stem}.rs");
    }
    assert_eq!(
        modules("pub(crate) mod a {}\n\nvocabulary!(b, 4);\npub(crate) mod $c {}"),
        BTreeSet::from(["a", "b"])
    );
}

#[test]
fn a_difference_is_noticed() {
    let one = words("pub(crate) fn add(a: V, b: V) -> V { a }");
    assert_eq!(one, words("pub(crate) fn add(\n    a: V,\n    b: V,\n) -> V { other }"));
    assert_ne!(one, words("pub(crate) fn add(a: V, b: M) -> V { a }"));
    assert_ne!(one, words("fn add(a: V, b: V) -> V { a }"));
}
