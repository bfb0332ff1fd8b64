//! Profiles: the rows they put in the place of the default ones, and what is said of those that name what is not there.
//!
//! `profiles/<case>.toml` is a profile of the specs below, and `profiles/<case>.txt` what a build says of it. A case is
//! named after the rule it breaks, or `<rule>--<what>`. `RAPTORS_BLESS=1 cargo test -p raptors-codegen` writes what is
//! said now; the difference is then read before it is committed.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use raptors_codegen::{
    Carry, Input, Output,
    diagnostics::Diagnostics,
    emit::body_hash,
    expand::expand,
    generate,
    op::Op,
    profiles,
    select::{Table, Tuned, select},
    spec::{self, Source},
};

const OP: &str = r#"
summary = "A map."
inputs  = { x = "matrix", k = "scalar" }
output  = "x * k"
dtypes  = ["f32", "f64"]
[variants]
unroll  = [2, 4]
store   = ["cached", "streaming"]
[tasks]
chunk   = ["256 KiB", "1 MiB"]
[shapes]
square  = [16]
"#;

const TOTAL: &str = r#"
summary = "A sum."
inputs  = { x = "matrix" }
dtypes  = ["f32"]
[reduce]
axes    = ["all"]
of      = "x"
combine = "add"
[tasks]
threads = ["one"]
"#;

const HEAD: &str = r#"version = 1
cpu     = "amd-zen4"
caches  = { l1 = "32 KiB", l2 = "1 MiB", l3 = "32 MiB" }
rustc   = "1.95.0"
date    = "2026-11-25"
"#;

fn specs() -> Vec<Source> {
    [("op", OP), ("total", TOTAL)]
        .map(|(name, text)| Source { name: format!("ops/{name}.toml"), text: text.to_owned() })
        .to_vec()
}

fn input(profile: &str) -> Input {
    let profile = Source { name: "tuned/amd-zen4.toml".to_owned(), text: profile.to_owned() };
    Input { specs: specs(), profiles: vec![profile], ..Input::default() }
}

fn generated(input: &Input) -> Output {
    generate(input).unwrap_or_else(|errors| panic!("{errors}"))
}

fn file<'a>(output: &'a Output, name: &str) -> &'a str {
    let file = output.files.iter().find(|file| file.name == name);
    &file.unwrap_or_else(|| panic!("{name} is not written")).text
}

/// The hash of a kernel's body, as a profile has it.
fn hash(kernel: &str) -> String {
    let specs = spec::load(&specs()).expect("right specs");
    let candidates = expand(&Op::of_specs(&specs)).expect("right variants").into_iter();
    let hashes: Vec<_> = candidates.filter(|it| it.name == kernel).map(|it| body_hash(&it)).collect();
    assert_eq!(hashes.len(), 1, "{kernel}");
    format!("{:016x}", hashes[0])
}

/// A row that was measured with the kernel as it is.
fn row(place: &str, kernel: &str) -> String {
    let hash = hash(kernel);
    format!(
        "\"{place}\" = {{ kernel = \"{kernel}\", body = \"{hash}\", margin = \"3.1%\", interval = \"2.7% to 3.5%\" }}\n"
    )
}

/// Looks at the tables that a build with this profile has.
fn with_tables<T>(input: &Input, look: impl FnOnce(&[Table<'_, '_>], &[String]) -> T) -> T {
    let specs = spec::load(&input.specs).expect("right specs");
    let ops = Op::of_specs(&specs);
    let candidates = expand(&ops).expect("right variants");
    let mut tables = select(&ops, &candidates);
    let loaded = profiles::load(input).unwrap_or_else(|errors| panic!("{errors}"));
    let warnings =
        profiles::apply(&mut tables, &candidates, &loaded).unwrap_or_else(|errors| panic!("{errors}"));
    look(&tables, &warnings)
}

/// The rows of `op` of `f32`, not in place, on an ISA by the profile, if it has any.
fn tuned<'t, 'c, 'a>(tables: &'t [Table<'c, 'a>], isa: &str) -> Option<&'t Tuned<'c, 'a>> {
    let is = |table: &&Table<'_, '_>| table.op.name == "op" && table.dtype.name() == "f32" && !table.inplace;
    let rows = tables.iter().find(is)?.isas.iter().find(|rows| rows.isa.name == isa)?;
    rows.tuned.first().map(|(_, tuned)| tuned)
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/profiles")
}

/// Every case, and what a build says of it.
fn cases() -> Vec<(String, Diagnostics)> {
    let cases = spec::load_dir(&here(), "tuned").expect("tests/profiles is here");
    let said = |case: &Source| {
        let Err(errors) = generate(&input(&case.text)) else {
            panic!("{} is right, and should not be", case.name)
        };
        (case.stem().to_owned(), errors)
    };
    cases.iter().map(said).collect()
}

#[test]
fn each_case_says_what_it_said() {
    let bless = env::var_os("RAPTORS_BLESS").is_some_and(|value| value == "1");
    for (case, errors) in cases() {
        let path = here().join(format!("{case}.txt"));
        let said = errors.to_string();
        if bless && fs::read_to_string(&path).ok().as_ref() != Some(&said) {
            fs::write(&path, &said).expect("the folder can be written");
        }
        let held = fs::read_to_string(&path).unwrap_or_default();
        assert!(held == said, "{case}.txt does not hold what is said:\n{said}");
        let rule = case.split("--").next().unwrap_or_default();
        assert!(errors.all().iter().all(|error| error.rule == rule), "{said}");
        for error in errors.all() {
            assert!(!error.label.is_empty() && error.fix.is_some(), "{case}: {error:?}");
            assert_eq!(error.file, "tuned/amd-zen4.toml");
        }
    }
}

#[test]
fn each_text_has_a_case_and_each_rule_too() {
    let cases: BTreeSet<String> = cases().into_iter().map(|(case, _)| case).collect();
    for entry in fs::read_dir(here()).expect("tests/profiles is here") {
        let path = entry.expect("a readable folder").path();
        let case = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        assert!(cases.contains(&case), "{} belongs to no case", path.display());
    }
    let code = include_str!("../src/profiles.rs");
    for rule in code.split('"').filter(|text| text.starts_with("profile-")) {
        assert!(cases.contains(rule), "no case breaks {rule}");
    }
}

#[test]
fn a_row_stands_in_the_place_of_the_default_one() {
    let plain = Input { specs: specs(), ..Input::default() };
    let of_buckets = [row("l1 square", "op_f32_avx2_u2"), row("memory tall", "op_f32_portable_u2")].concat();
    let input = input(&format!("{HEAD}\n[kernels.op.f32.avx2]\n{of_buckets}"));
    with_tables(&input, |tables, warnings| {
        assert!(warnings.is_empty(), "{warnings:?}");
        let tuned = tuned(tables, "avx2").expect("it has rows");
        let won: Vec<_> = (0..12).filter(|&bucket| tuned.buckets[bucket].won.is_some()).collect();
        // First-level cache, square; and memory, tall.
        assert_eq!(won, [1, 11]);
        assert_eq!(tuned.buckets[1].kernel.name, "op_f32_avx2_u2");
        assert_eq!(tuned.buckets[11].kernel.name, "op_f32_portable_u2", "a plainer ISA's can win");
        assert_eq!(tuned.buckets[0].kernel.name, "op_f32_avx2_u4", "where there is no row, the default");
        // No other table has rows of this profile.
        let all = tables.iter().flat_map(|table| &table.isas);
        assert_eq!(all.filter(|rows| !rows.tuned.is_empty()).count(), 1);
    });
    // What a row names ships, and is told of.
    let output = generated(&input);
    let ships = |output: &Output, kernel: &str| {
        output.files.iter().any(|file| file.text.contains(&format!("fn {kernel}(")))
    };
    assert!(ships(&output, "op_f32_avx2_u2") && !ships(&generated(&plain), "op_f32_avx2_u2"));
    assert!(!ships(&output, "op_f64_avx2_u2"));
    let dispatch = file(&output, "dispatch.rs");
    assert!(dispatch.contains("won: Some(Won { margin: 31, low: 27, high: 35, own: false })"), "{dispatch}");
    assert!(dispatch.contains("cpu: \"amd-zen4\", file: \"tuned/amd-zen4.toml\""), "{dispatch}");
    assert!(dispatch.contains("date: \"2026-11-25\", rows: 2 }"), "{dispatch}");
}

#[test]
fn a_row_of_a_shape_holds_in_the_class_that_the_shape_has_there() {
    // 16×16 f32, read and written, are 2 KiB.
    for (l1, l2, l3, class) in
        [("32 KiB", "1 MiB", "32 MiB", 0), ("1 KiB", "2 KiB", "1 MiB", 1), ("1 KiB", "1 KiB", "2 KiB", 3)]
    {
        let head = HEAD.replace("32 KiB", l1).replace("1 MiB", l2).replace("32 MiB", l3);
        let rows = row("16x16", "op_f32_avx2_u2_16x16");
        with_tables(&input(&format!("{head}[kernels.op.f32.avx2]\n{rows}")), |tables, _| {
            let tuned = tuned(tables, "avx2").expect("it has rows");
            let (shape, picks) = &tuned.exact[0];
            assert_eq!(*shape, (16, 16));
            let won: Vec<_> = (0..4).filter(|&size| picks[size].won.is_some()).collect();
            assert_eq!(won, [class]);
            assert_eq!(picks[class].kernel.name, "op_f32_avx2_u2_16x16");
            assert_eq!(picks[2].kernel.variant.unroll, 4);
        });
    }
    // A kernel of no shape can win a shape; and where no shape has kernels of its own, a row is made.
    let rows = row("16x16", "op_f32_portable_u2");
    with_tables(&input(&format!("{HEAD}[kernels.op.f32.portable]\n{rows}")), |tables, _| {
        let tuned = tuned(tables, "portable").expect("it has rows");
        let names: Vec<_> = tuned.exact[0].1.iter().map(|pick| pick.kernel.name.as_str()).collect();
        assert_eq!(names[..2], ["op_f32_portable_u2", "op_f32_portable_u4"]);
    });
}

#[test]
fn rows_about_threads_are_kept_by_their_number() {
    let cut = |crossover: &str, chunk: &str| {
        format!(
            "\"l2 square\" = {{ crossover = \"{crossover}\", chunk = \"{chunk}\", margin = \"3.1%\", interval = \"2.7% to 3.5%\" }}\n"
        )
    };
    let text = format!(
        "{HEAD}\n[threads.8.op.f32.avx2]\n{}\n[threads.2.op.f32.avx2]\n{}",
        cut("never", "1 MiB"),
        cut("2 MiB", "256 KiB")
    );
    with_tables(&input(&text), |tables, _| {
        let tuned = tuned(tables, "avx2").expect("it has rows");
        let counts: Vec<_> = tuned.threads.iter().map(|(count, _)| *count).collect();
        assert_eq!(counts, [2, 8]);
        let [two, eight] = [&tuned.threads[0].1, &tuned.threads[1].1];
        assert_eq!((two[4].tasks.crossover, two[4].tasks.chunk), (Some(2 << 20), Some(256 << 10)));
        assert_eq!(eight[4].tasks.crossover, None);
        assert!(two[4].won.is_some() && two[3].won.is_none());
        assert_eq!(two[3].tasks.crossover, Some(1 << 20), "where there is no row, the default");
    });
    assert!(file(&generated(&input(&text)), "dispatch.rs").contains("threads: 8,"));
}

#[test]
fn a_row_measured_with_other_code_counts_no_more_and_is_told_of() {
    let stale = row("l1 square", "op_f32_avx2_u2").replace(&hash("op_f32_avx2_u2"), "0123456789abcdef");
    let right = row("l2 square", "op_f32_avx2_u2");
    let input = input(&format!("{HEAD}[kernels.op.f32.avx2]\n{stale}{right}"));
    with_tables(&input, |tables, _| {
        let tuned = tuned(tables, "avx2").expect("it has rows");
        assert_eq!((tuned.buckets[1].won, tuned.buckets[4].won.is_some()), (None, true));
    });
    assert_eq!(
        generated(&input).warnings,
        ["tuned/amd-zen4.toml: 1 row of op f32 was measured with other code and counts no more: \
          `cargo bench -- op f32` measures again"]
    );
}

#[test]
fn a_body_is_known_by_all_of_its_text_and_by_nothing_else() {
    let of = |op: &str| {
        let specs = spec::load(&[Source { name: "ops/op.toml".into(), text: op.into() }]).expect("a spec");
        let candidates = expand(&Op::of_specs(&specs)).expect("right variants");
        let found = candidates.iter().find(|it| it.name == "op_f32_avx2_u2").map(body_hash);
        found.expect("it has that candidate")
    };
    let same = OP.replace("[2, 4]", "[1, 2, 4, 8]").replace("A map.", "The same.").replace("[16]", "[32]");
    assert_eq!(of(OP), of(&same), "other candidates and words void nothing");
    assert_ne!(of(OP), of(&OP.replace("x * k", "x + k")));
}

#[test]
fn profiles_know_only_the_specs_that_they_were_made_for() {
    // The overlay's `op` has no such kernel: the profile of the base is not to blame. That of the overlay is.
    let rows = row("l1 square", "op_f32_avx2_u2");
    let mut input = input(&format!("{HEAD}[kernels.op.f32.avx2]\n{rows}"));
    input.specs[0].text = OP.replace("[2, 4]", "[4]");
    generate(&input).expect_err("there is no such kernel");
    input.replaced = vec!["op".to_owned()];
    assert_eq!(generated(&input).warnings, [""; 0]);
    input.overlaid = vec!["amd-zen4".to_owned()];
    generate(&input).expect_err("the profile came with the spec");
}

#[test]
fn a_build_carries_what_it_is_asked_to() {
    let kernels = |carry| {
        let output = generated(&Input { specs: specs(), carry, ..Input::default() });
        let names = output.files.iter().filter(|file| file.name.starts_with("kernels_"));
        let names: BTreeSet<String> = names
            .flat_map(|file| file.text.lines().filter_map(|line| line.strip_prefix("fn ")?.split_once('(')))
            .map(|(name, _)| name.to_owned())
            .collect();
        // Whatever is compiled has its hash in the catalogue, and nothing else has.
        let catalogue = file(&output, "catalogue.rs");
        for line in catalogue.lines().filter(|line| line.trim_start().starts_with("Kernel {")) {
            let name = line.split('"').nth(1).expect("a name");
            assert_eq!(names.contains(name), line.contains("body: Some(0x"), "{line}");
        }
        names
    };
    let [winners, general, all] = [Carry::Winners, Carry::General, Carry::All].map(kernels);
    assert!(winners.is_subset(&general) && general.is_subset(&all));
    assert!(general.contains("op_f32_avx2_u2") && !winners.contains("op_f32_avx2_u2"));
    assert!(all.contains("op_f32_avx2_u2_16x16") && !general.contains("op_f32_avx2_u2_16x16"));
    assert!(winners.contains("op_f32_avx2_u4_16x16"));
}

#[test]
fn where_every_candidate_is_carried_no_profile_moves_code() {
    let code = |profile: &str, carry| {
        let files = generated(&Input { carry, ..input(profile) }).files;
        files.into_iter().filter(|file| file.name.starts_with("kernels")).collect::<Vec<_>>()
    };
    let tuned = format!("{HEAD}[kernels.op.f32.avx2]\n{}", row("l1 square", "op_f32_avx2_u2"));
    assert_eq!(code(&tuned, Carry::All), code(HEAD, Carry::All));
    assert_ne!(code(&tuned, Carry::Winners), code(HEAD, Carry::Winners));
}
