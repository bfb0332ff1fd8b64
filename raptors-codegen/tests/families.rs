//! Families of operations: a feature each, and a build has the operations of those that are on.

use std::{collections::BTreeSet, fs, path::Path};

use raptors_codegen::{
    Input, generate,
    op::{Op, StagedOp},
    spec::{self, FAMILIES, Source, load_dir},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the root")
}

fn sources(folder: &str) -> Vec<Source> {
    load_dir(&root().join(folder), folder).expect("the shipped files are here")
}

#[test]
fn each_family_is_a_feature_that_is_on_by_default_and_has_specs() {
    let families = BTreeSet::from(FAMILIES);
    let specs = spec::load(&sources("kernel-specs/ops")).unwrap();
    let named: BTreeSet<_> = specs.iter().map(|spec| spec.family.unwrap_or("none")).collect();
    assert_eq!(named, families, "of the specs under kernel-specs/ops");

    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let features = &manifest["features"];
    let default: BTreeSet<_> =
        features["default"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    assert_eq!(default, families, "of the features that are on by default");
    for family in FAMILIES {
        assert_eq!(
            features[family].as_array().map(Vec::len),
            Some(0),
            "the feature {family} is that family alone"
        );
    }
}

/// The files of a build with these families, as one text.
fn built(families: Option<&[&str]>, more: Option<&str>) -> String {
    let mut specs = sources("kernel-specs/ops");
    specs.extend(more.map(|text| Source { name: "ops/more.toml".to_owned(), text: text.to_owned() }));
    let families = families.map(|families| families.iter().map(|&family| family.to_owned()).collect());
    let input = Input { specs, profiles: sources("kernel-specs/tuned"), families, ..Input::default() };
    // What profiles say of the others is no error.
    generate(&input).unwrap().files.into_iter().map(|file| file.text).collect()
}

/// The functions for callers in generated text.
fn functions(text: &str) -> BTreeSet<&str> {
    let names = text.lines().filter_map(|line| line.strip_prefix("pub fn ")?.split(['<', '(']).next());
    names
        .filter(|name| !name.ends_with("_into") && !name.ends_with("_inplace") && !name.ends_with("_with"))
        .collect()
}

#[test]
fn a_build_has_the_operations_of_its_families() {
    let specs = spec::load(&sources("kernel-specs/ops")).unwrap();
    let (ops, staged) = (Op::of_specs(&specs), StagedOp::of_specs(&specs));
    let public = ops.iter().filter(|op| !op.is_part()).map(|op| (op.name.as_str(), op.spec));
    let all: Vec<_> = public.chain(staged.iter().map(|op| (op.name.as_str(), op.spec))).collect();
    let of = |families: &[&str]| {
        let ops = all.iter().filter(|(_, spec)| spec.family.is_some_and(|family| families.contains(&family)));
        ops.map(|(name, _)| *name).collect::<BTreeSet<_>>()
    };
    assert!(of(&["sums"]).contains("mean_axis0") && !of(&["sums"]).contains("scale"));
    assert!(of(&["statistics"]).contains("var_axis0"));
    for families in [&[][..], &["sums"], &["statistics"]] {
        assert_eq!(functions(&built(Some(families), None)), of(families), "{families:?}");
    }
    assert_eq!(functions(&built(None, None)), of(&FAMILIES));
}

#[test]
fn a_spec_without_a_family_is_always_built() {
    let more =
        "summary = \"Square.\"\ninputs = { x = \"matrix\" }\noutput = \"x * x + 1\"\ndtypes = [\"f32\"]\n";
    assert_eq!(functions(&built(Some(&[]), Some(more))), BTreeSet::from(["more"]));
}

#[test]
fn a_family_that_is_off_hides_no_mistake() {
    let input = |text: &str| Input {
        specs: vec![Source { name: "ops/more.toml".to_owned(), text: text.to_owned() }],
        families: Some(Vec::new()),
        ..Input::default()
    };
    let wrong = "summary = \"S.\"\ninputs = { x = \"matrix\" }\noutput = \"x * z\"\ndtypes = [\"f32\"]\nfamily = \"sums\"\n";
    let error = generate(&input(wrong)).unwrap_err().to_string();
    assert!(error.contains("unknown-name"), "{error}");
}
