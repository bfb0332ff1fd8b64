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
    expand::{Expanded, expand},
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

const HEAD: &str = r#"version = 2
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

/// What a kernel is, as a profile has it.
fn identity(kernel: &str) -> String {
    let specs = spec::load(&specs()).expect("right specs");
    let ops = Op::of_specs(&specs);
    let candidates = expand(&ops).expect("right variants").candidates;
    let found: Vec<_> = candidates.iter().filter(|it| it.kernel.name == kernel).collect();
    assert_eq!(found.len(), 1, "{kernel}");
    format!("{:016x}", found[0].kernel.identity())
}

/// A row that was measured with the kernel as it is.
fn row(place: &str, kernel: &str) -> String {
    let body = identity(kernel);
    format!(
        "\"{place}\" = {{ kernel = \"{kernel}\", body = \"{body}\", margin = \"3.1%\", interval = \"2.7% to 3.5%\" }}\n"
    )
}

/// Looks at the tables that a build with this profile has.
fn with_tables<T>(input: &Input, look: impl FnOnce(&[Table<'_, '_>], &Expanded<'_>, &[String]) -> T) -> T {
    let specs = spec::load(&input.specs).expect("right specs");
    let ops = Op::of_specs(&specs);
    let expanded = expand(&ops).expect("right variants");
    let mut tables = select(&expanded);
    let loaded = profiles::load(input).unwrap_or_else(|errors| panic!("{errors}"));
    let warnings = profiles::apply(&mut tables, &expanded.candidates, &loaded)
        .unwrap_or_else(|errors| panic!("{errors}"));
    look(&tables, &expanded, &warnings)
}

/// The table of an operation of `f32`, not in place.
fn table<'t, 'c, 'a>(tables: &'t [Table<'c, 'a>], op: &str) -> &'t Table<'c, 'a> {
    let is = |table: &&Table<'_, '_>| {
        table.ops.iter().any(|of| of.name == op)
            && (table.group.dtype.name(), table.group.inplace) == ("f32", None)
    };
    tables.iter().find(is).unwrap_or_else(|| panic!("no table of {op}"))
}

/// The rows of an operation of `f32`, not in place, on an ISA by the profile.
fn tuned<'t>(tables: &'t [Table<'_, '_>], op: &str, isa: &str) -> &'t Tuned {
    let rows = table(tables, op).isas.iter().find(|rows| rows.isa.name == isa).expect("an ISA");
    &rows.tuned.first().expect("it has rows").1
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
    let of_buckets =
        [row("l1 square", "mul_m_s_map_f32_avx2_u2"), row("memory tall", "mul_m_s_map_f32_portable_u2")]
            .concat();
    let input = input(&format!("{HEAD}\n[kernels.mul_m_s.f32.avx2]\n{of_buckets}"));
    with_tables(&input, |tables, expanded, warnings| {
        let name = |at: usize| expanded.candidates[at].kernel.name.as_str();
        assert!(warnings.is_empty(), "{warnings:?}");
        let tuned = tuned(tables, "op", "avx2");
        let won: Vec<_> = (0..12).filter(|&bucket| tuned.buckets[bucket].won.is_some()).collect();
        // First-level cache, square; and memory, tall.
        assert_eq!(won, [1, 11]);
        assert_eq!(name(tuned.buckets[1].kernel), "mul_m_s_map_f32_avx2_u2");
        assert_eq!(name(tuned.buckets[11].kernel), "mul_m_s_map_f32_portable_u2", "a plainer ISA's can win");
        assert_eq!(
            name(tuned.buckets[0].kernel),
            "mul_m_s_map_f32_avx2_u4",
            "where there is no row, the default"
        );
        // No other table has rows of this profile.
        let all = tables.iter().flat_map(|table| &table.isas);
        assert_eq!(all.filter(|rows| !rows.tuned.is_empty()).count(), 1);
    });
    // What a row names ships, and is told of.
    let output = generated(&input);
    let ships = |output: &Output, kernel: &str| {
        output.files.iter().any(|file| file.text.contains(&format!("fn {kernel}(")))
    };
    assert!(
        ships(&output, "mul_m_s_map_f32_avx2_u2") && !ships(&generated(&plain), "mul_m_s_map_f32_avx2_u2")
    );
    assert!(!ships(&output, "mul_m_s_map_f64_avx2_u2"));
    let dispatch = file(&output, "dispatch.rs");
    assert!(
        dispatch.contains("won: &[(1, Won { margin: 31, low: 27, high: 35, own: false }), (11, Won {"),
        "{dispatch}"
    );
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
        let rows = row("16x16", "mul_m_s_map_f32_avx2_u2");
        with_tables(&input(&format!("{head}[kernels.mul_m_s.f32.avx2]\n{rows}")), |tables, expanded, _| {
            let tuned = tuned(tables, "op", "avx2");
            let (shape, picks) = &tuned.exact[0];
            assert_eq!(*shape, (16, 16));
            let won: Vec<_> = (0..4).filter(|&size| picks[size].won.is_some()).collect();
            assert_eq!(won, [class]);
            let kernel = |size: usize| &expanded.candidates[picks[size].kernel].kernel;
            assert_eq!(kernel(class).name, "mul_m_s_map_f32_avx2_u2");
            assert_eq!(kernel(2).variant.unroll, 4);
            assert!(tuned.buckets.iter().all(|pick| pick.won.is_none()), "its bucket keeps the default");
        });
    }
    // Where the shape is, there is also a row of it on the plainest ISA.
    let rows = row("16x16", "mul_m_s_map_f32_portable_u2");
    with_tables(&input(&format!("{HEAD}[kernels.mul_m_s.f32.portable]\n{rows}")), |tables, expanded, _| {
        let tuned = tuned(tables, "op", "portable");
        let names: Vec<_> = tuned.exact[0]
            .1
            .iter()
            .map(|pick| expanded.candidates[pick.kernel].kernel.name.as_str())
            .collect();
        assert_eq!(names[..2], ["mul_m_s_map_f32_portable_u2", "mul_m_s_map_f32_portable_u4"]);
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
        "{HEAD}\n[threads.8.mul_m_s.f32.avx2]\n{}\n[threads.2.mul_m_s.f32.avx2]\n{}",
        cut("never", "1 MiB"),
        cut("2 MiB", "256 KiB")
    );
    with_tables(&input(&text), |tables, _, _| {
        let tuned = tuned(tables, "op", "avx2");
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
    let stale = row("l1 square", "mul_m_s_map_f32_avx2_u2")
        .replace(&identity("mul_m_s_map_f32_avx2_u2"), "0123456789abcdef");
    let right = row("l2 square", "mul_m_s_map_f32_avx2_u2");
    let input = input(&format!("{HEAD}[kernels.mul_m_s.f32.avx2]\n{stale}{right}"));
    with_tables(&input, |tables, _, _| {
        let tuned = tuned(tables, "op", "avx2");
        assert_eq!((tuned.buckets[1].won, tuned.buckets[4].won.is_some()), (None, true));
    });
    assert_eq!(
        generated(&input).warnings,
        ["tuned/amd-zen4.toml: 1 row of op f32 was measured with other code and counts no more: \
          `cargo bench -- op f32` measures again"]
    );
}

#[test]
fn a_kernel_is_known_by_its_body_and_by_nothing_else() {
    let of = |op: &str, kernel: &str| {
        let specs = spec::load(&[Source { name: "ops/op.toml".into(), text: op.into() }]).expect("a spec");
        let ops = Op::of_specs(&specs);
        let candidates = expand(&ops).expect("right variants").candidates;
        let found = candidates.iter().find(|it| it.kernel.name.ends_with(kernel));
        found.unwrap_or_else(|| panic!("no {kernel}")).kernel.identity()
    };
    let end = "_map_f32_avx2_u2";
    let same = OP
        .replace("[2, 4]", "[1, 2, 4, 8]")
        .replace("A map.", "The same.")
        .replace("[16]", "[32]")
        .replace("x = \"matrix\", k = \"scalar\"", "gain = \"scalar\", a = \"matrix\"")
        .replace("x * k", "gain * a");
    assert_eq!(of(OP, end), of(&same, end), "other candidates, words and names void nothing");
    assert_ne!(of(OP, end), of(&OP.replace("x * k", "x + k"), end));
    assert_ne!(of(OP, end), of(OP, "_map_f32_avx2_u4"));
    assert_ne!(of(OP, end), of(OP, "_map_f64_avx2_u2"));
    assert_ne!(of(OP, end), of(OP, "_map_f32_avx512_u2"));
}

#[test]
fn profiles_know_only_the_specs_that_they_were_made_for() {
    // The overlay's `op` has no such kernel: the profile of the base is not to blame. That of the overlay is.
    let rows = row("l1 square", "mul_m_s_map_f32_avx2_u2");
    let mut input = input(&format!("{HEAD}[kernels.mul_m_s.f32.avx2]\n{rows}"));
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
        // The catalogue knows of each kernel what it is, and whether it ships, whatever is compiled.
        let catalogue = file(&output, "catalogue.rs");
        for line in catalogue.lines().filter(|line| line.trim_start().starts_with("Kernel {")) {
            let name = line.split('"').nth(1).expect("a name");
            assert!(line.contains(&format!("identity: 0x{} }}", identity(name))), "{line}");
            let is_dropped = line.contains("status: Status::Dropped(");
            let expected = match carry {
                Carry::Winners => line.contains("status: Status::Shipped"),
                Carry::All => !is_dropped,
            };
            assert_eq!(names.contains(name), expected, "{line}");
        }
        names
    };
    let [winners, all] = [Carry::Winners, Carry::All].map(kernels);
    assert!(winners.is_subset(&all));
    assert!(all.contains("mul_m_s_map_f32_avx2_u2") && !winners.contains("mul_m_s_map_f32_avx2_u2"));
    assert!(winners.contains("mul_m_s_map_f32_avx2_u4"));
}

#[test]
fn where_every_candidate_is_carried_no_profile_moves_code() {
    let code = |profile: &str, carry| {
        let files = generated(&Input { carry, ..input(profile) }).files;
        files.into_iter().filter(|file| file.name.starts_with("kernels")).collect::<Vec<_>>()
    };
    let tuned = format!("{HEAD}[kernels.mul_m_s.f32.avx2]\n{}", row("l1 square", "mul_m_s_map_f32_avx2_u2"));
    assert_eq!(code(&tuned, Carry::All), code(HEAD, Carry::All));
    assert_ne!(code(&tuned, Carry::Winners), code(HEAD, Carry::Winners));
}

/// `x * k` under another name, and cut in another way.
const GAIN: &str = r#"
summary = "A map."
inputs  = { gain = "scalar", a = "matrix" }
output  = "gain * a"
dtypes  = ["f32"]
[tasks]
chunk   = ["64 KiB", "256 KiB", "1 MiB"]
"#;

fn with_gain(profile: &str) -> Input {
    let mut input = input(profile);
    input.specs.push(Source { name: "ops/gain.toml".to_owned(), text: GAIN.to_owned() });
    input
}

#[test]
fn a_row_serves_every_operation_that_computes_it() {
    let rows =
        [row("l1 square", "mul_m_s_map_f32_avx2_u2"), row("16x16", "mul_m_s_map_f32_avx2_u2")].concat();
    let input = with_gain(&format!("{HEAD}[kernels.mul_m_s.f32.avx2]\n{rows}"));
    with_tables(&input, |tables, _, warnings| {
        assert!(warnings.is_empty(), "{warnings:?}");
        assert!(!std::ptr::eq(table(tables, "op"), table(tables, "gain")), "their calls are cut in two ways");
        for op in ["op", "gain"] {
            let tuned = tuned(tables, op, "avx2");
            assert!(tuned.buckets[1].won.is_some() && tuned.exact[0].1[0].won.is_some(), "{op}");
        }
        // Of both operations' tables and of no other.
        let all = tables.iter().flat_map(|table| &table.isas);
        assert_eq!(all.filter(|rows| !rows.tuned.is_empty()).count(), 2);
    });
    // A row that two tables have counts once.
    let dispatch = generated(&input);
    let dispatch = file(&dispatch, "dispatch.rs");
    assert!(dispatch.contains("date: \"2026-11-25\", rows: 2 }"), "{dispatch}");
}

/// A way of cutting calls is put where it is listed, and nowhere else.
#[test]
fn a_row_about_threads_serves_the_operations_that_can_be_cut_so() {
    let of = |chunk: &str| {
        let row = format!(
            "\"l2 square\" = {{ crossover = \"2 MiB\", chunk = \"{chunk}\", margin = \"3.1%\", interval = \"2.7% to 3.5%\" }}\n"
        );
        with_gain(&format!("{HEAD}[threads.2.mul_m_s.f32.avx2]\n{row}"))
    };
    for (chunk, ops) in [("64 KiB", &["gain"][..]), ("256 KiB", &["op", "gain"])] {
        with_tables(&of(chunk), |tables, _, _| {
            for op in ["op", "gain"] {
                let rows = table(tables, op).isas.iter().find(|rows| rows.isa.name == "avx2").expect("AVX2");
                assert_eq!(!rows.tuned.is_empty(), ops.contains(&op), "{chunk} {op}");
            }
        });
    }
    generate(&of("128 KiB")).expect_err("nobody lists it");
}

/// Of `x - y` and `y - x` the kernels in place overwrite different matrices of one computation: no row of the one is
/// put into the table of the other, whose kernels take other arguments.
#[test]
fn a_row_goes_to_the_tables_that_have_its_kernel() {
    let map = |output: &str| {
        format!(
            "summary = \"A map.\"\ninputs = {{ x = \"matrix\", y = \"matrix\" }}\noutput = \"{output}\"\ndtypes = [\"f32\"]\n"
        )
    };
    let specs: Vec<Source> = [("less", "y - x"), ("minus", "x - y")]
        .map(|(name, output)| Source { name: format!("ops/{name}.toml"), text: map(output) })
        .to_vec();
    let body = |kernel: &str| {
        let specs = spec::load(&specs).expect("right specs");
        let ops = Op::of_specs(&specs);
        let candidates = expand(&ops).expect("right variants").candidates;
        let found = candidates.iter().find(|it| it.kernel.name == kernel).expect("it is there");
        format!("{:016x}", found.kernel.identity())
    };
    let row = |place: &str, kernel: &str| {
        let body = body(kernel);
        format!(
            "\"{place}\" = {{ kernel = \"{kernel}\", body = \"{body}\", margin = \"3.1%\", interval = \"2.7% to 3.5%\" }}\n"
        )
    };
    let [first, second] = ["", "2"].map(|end| format!("sub_m_m2_map_f32_portable_u4_inplace{end}"));
    let rows = [row("l1 wide", &first), row("l2 wide", &second)].concat();
    let mut input = input(&format!("{HEAD}[kernels.sub_m_m2.f32.avx2-inplace]\n{rows}"));
    input.specs = specs.clone();
    with_tables(&input, |tables, expanded, warnings| {
        assert!(warnings.is_empty(), "{warnings:?}");
        let mut rows = 0;
        for table in tables {
            for (_, tuned) in table.isas.iter().flat_map(|rows| &rows.tuned) {
                let won: Vec<_> = (0..12).filter(|&bucket| tuned.buckets[bucket].won.is_some()).collect();
                assert_eq!(won, if table.group.inplace == Some(0) { [0] } else { [3] });
                assert!(tuned.buckets.iter().all(|pick| {
                    expanded.candidates[pick.kernel].kernel.variant.inplace == table.group.inplace
                }));
                rows += 1;
            }
        }
        assert_eq!(rows, 2);
    });
}
