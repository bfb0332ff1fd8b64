//! What a build writes, as a whole: the same from the same specs, safe, and of one piece.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    str::FromStr as _,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use proc_macro2::{TokenStream, TokenTree};
use raptors_codegen::{
    Builder, Carry, Error, Input,
    emit::{File, MAX_LINES},
    expand::expand,
    generate,
    op::Op,
    spec::{self, Source},
};

/// Above the kernels of a file.
const HEADER_LINES: usize = 5;

/// A spec of every family, with all kinds of input.
const OWN: [(&str, &str); 3] = [
    (
        "blend",
        r#"
        summary  = "A row, a column and several scalars."
        inputs   = { x = "matrix", y = "matrix", row = "row", column = "column", gain = "scalar", offset = "scalar" }
        output   = "select(x > row, fma(x, gain, offset), y * gain - column)"
        dtypes   = ["f32", "f64"]
        [variants]
        unroll   = [1, 2]
        schedule = ["grouped", "pipelined"]
        store    = ["cached", "streaming"]
        [shapes]
        rect     = [[8, 16]]
        "#,
    ),
    (
        "product",
        r#"
        summary  = "Product."
        inputs   = { x = "matrix" }
        dtypes   = ["f64"]
        [reduce]
        axes     = ["all", "0", "1"]
        of       = "x"
        combine  = "mul"
        numerics = ["numpy", "accurate"]
        "#,
    ),
    (
        "lowest",
        r#"
        summary  = "Minimum."
        inputs   = { x = "matrix" }
        dtypes   = ["f32"]
        [reduce]
        axes     = ["0"]
        of       = "x"
        combine  = "min"
        "#,
    ),
];

/// The shipped specs, and those above.
static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel-specs/ops");
    let shipped = spec::load_dir(&shipped, "kernel-specs/ops").expect("the shipped specs are here");
    let own = OWN.map(|(name, text)| Source { name: format!("own/{name}.toml"), text: text.to_owned() });
    spec::overlay(shipped, own.to_vec())
});

/// Everything that is written for them, candidates too.
static FILES: LazyLock<Vec<File>> = LazyLock::new(|| files(&SOURCES, true));

/// What is written without candidates.
static SHIPPED: LazyLock<Vec<File>> = LazyLock::new(|| files(&SOURCES, false));

fn files(sources: &[Source], with_candidates: bool) -> Vec<File> {
    let carry = if with_candidates { Carry::All } else { Carry::Winners };
    let input = Input { specs: sources.to_vec(), carry, ..Input::default() };
    generate(&input).unwrap_or_else(|errors| panic!("{errors}")).files
}

fn file<'a>(files: &'a [File], name: &str) -> &'a str {
    let file = files.iter().find(|file| file.name == name);
    &file.unwrap_or_else(|| panic!("{name} is not written")).text
}

fn tokens(file: &File) -> TokenStream {
    TokenStream::from_str(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.name))
}

/// Every token that is no group, groups laid open.
fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    tokens
        .into_iter()
        .flat_map(|tree| match tree {
            TokenTree::Group(group) => flat(group.stream()),
            other => vec![other],
        })
        .collect()
}

/// The kernels that stand in each module, as `kernels.rs` includes it.
fn modules(files: &[File]) -> BTreeMap<String, Vec<String>> {
    let list = syn::parse_file(file(files, "kernels.rs")).expect("kernels.rs is Rust");
    list.items
        .iter()
        .map(|item| {
            let syn::Item::Mod(module) = item else { panic!("kernels.rs holds modules alone") };
            let (_, items) = module.content.as_ref().expect("a module with a body");
            let included = items.iter().find_map(|item| match item {
                syn::Item::Macro(call) => call.mac.tokens.clone().into_iter().last().map(last_literal),
                _ => None,
            });
            let included = included.expect("a module includes its file");
            let code = syn::parse_file(file(files, &included)).expect("kernels are Rust");
            let kernels = code.items.iter().map(|item| match item {
                syn::Item::Fn(function) => function.sig.ident.to_string(),
                _ => panic!("{included} holds functions alone"),
            });
            (module.ident.to_string(), kernels.collect())
        })
        .collect()
}

/// `concat!(env!("OUT_DIR"), "/kernels.rs")` → `kernels.rs`.
fn last_literal(tree: TokenTree) -> String {
    let text = flat(TokenStream::from(tree)).pop().expect("a path").to_string();
    text.trim_matches('"').trim_start_matches('/').to_owned()
}

/// The text of each kernel of a build, comments included.
fn functions(files: &[File]) -> BTreeMap<String, String> {
    let files = files.iter().filter(|file| file.name.starts_with("kernels_"));
    let functions = files.flat_map(|file| file.text.split("\n\n").skip(1));
    functions
        .map(|text| {
            let name =
                text.split("\nfn ").nth(1).and_then(|rest| rest.split('(').next()).expect("a function");
            (name.to_owned(), text.trim_end().to_owned())
        })
        .collect()
}

/// The names of the kernels of a build, module by module.
fn kernels(files: &[File]) -> Vec<String> {
    modules(files).into_values().flatten().collect()
}

#[test]
fn the_same_specs_make_the_same_files() {
    assert_eq!(files(&SOURCES, false), *SHIPPED);
}

#[test]
fn the_order_of_the_specs_does_not_matter() {
    let mut turned = SOURCES.clone();
    turned.reverse();
    assert_eq!(files(&turned, true), *FILES);
}

#[test]
fn what_ships_does_not_depend_on_candidates() {
    let shipped = &*SHIPPED;
    assert_eq!(file(shipped, "ops.rs"), file(&FILES, "ops.rs"));
    // Kernels stand in other files there, word for word.
    let count = kernels(shipped).len();
    let (shipped, all) = (functions(shipped), functions(&FILES));
    assert_eq!(shipped.len(), count);
    for (name, function) in shipped {
        assert!(all.get(&name) == Some(&function), "{name}");
    }
}

/// A profile changes which kernels ship. Where all candidates are carried, it moves and changes no function.
#[test]
fn with_candidates_the_functions_are_those_without_profiles() {
    let winner = "mul_m_s_map_f32_avx2_u1_pipe";
    let specs = spec::load(&SOURCES).unwrap_or_else(|errors| panic!("{errors}"));
    let ops = Op::of_specs(&specs);
    let candidates = expand(&ops).unwrap_or_else(|errors| panic!("{errors}")).candidates;
    let found = candidates.iter().find(|candidate| candidate.kernel.name == winner);
    let identity = found.expect("the shipped specs list it").kernel.identity();
    let text = format!(
        "version = 2\ncpu = \"amd-zen9\"\ncaches = {{ l1 = \"32 KiB\", l2 = \"1 MiB\", l3 = \"32 MiB\" }}\n\
         rustc = \"1.95.0\"\ndate = \"2026-11-25\"\n[kernels.mul_m_s.f32.avx2]\n\
         \"l1 wide\" = {{ kernel = \"{winner}\", body = \"{identity:016x}\", margin = \"3.1%\", interval = \"2.7% to 3.5%\" }}\n"
    );
    let profiles = vec![Source { name: "tuned/amd-zen9.toml".to_owned(), text }];
    let with_profile = |carry| {
        let input = Input { specs: SOURCES.clone(), profiles: profiles.clone(), carry, ..Input::default() };
        let output = generate(&input).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(output.warnings.is_empty(), "{:?}", output.warnings);
        output.files
    };
    let all = with_profile(Carry::All);
    assert_ne!(file(&all, "dispatch.rs"), file(&FILES, "dispatch.rs"), "its row is in a table");
    let code = |files: &[File]| -> Vec<File> {
        files.iter().filter(|file| file.name.starts_with("kernels")).cloned().collect()
    };
    assert!(code(&all) == code(&FILES), "the same functions in the same files");
    let without = functions(&SHIPPED);
    let shipped = functions(&with_profile(Carry::Winners));
    let new: Vec<_> = shipped.keys().filter(|name| !without.contains_key(*name)).collect();
    assert_eq!(new, [winner]);
}

#[test]
fn files_of_kernels_are_short_enough_to_read() {
    for file in FILES.iter().filter(|file| file.name.starts_with("kernels_")) {
        let lines = file.text.lines().count();
        assert!(lines <= MAX_LINES + HEADER_LINES, "{} has {lines} lines", file.name);
    }
}

#[test]
fn every_module_forbids_unsafe_code() {
    let list = syn::parse_file(file(&FILES, "kernels.rs")).expect("kernels.rs is Rust");
    assert!(!list.items.is_empty());
    for item in &list.items {
        let syn::Item::Mod(module) = item else { panic!("kernels.rs holds modules alone") };
        let forbids = module.attrs.iter().any(|attr| {
            matches!(attr.style, syn::AttrStyle::Inner(_))
                && attr.path().is_ident("forbid")
                && attr.parse_args::<syn::Ident>().is_ok_and(|lint| lint == "unsafe_code")
        });
        assert!(forbids, "{} does not", module.ident);
    }
}

#[test]
fn nothing_that_is_written_is_unsafe() {
    for file in &*FILES {
        let words = flat(tokens(file));
        assert!(words.len() > 20, "the walk went through {}", file.name);
        for word in ["unsafe", "transmute", "asm", "no_mangle", "extern"] {
            assert!(!words.iter().any(|token| token.to_string() == word), "`{word}` in {}", file.name);
        }
    }
}

/// `// kernel-specs/ops/scale.toml:4  ·  unroll 4`, and the line is that of what is computed.
#[test]
fn above_each_kernel_stands_its_spec() {
    let sources: BTreeMap<&str, &str> =
        SOURCES.iter().map(|source| (source.name.as_str(), source.text.as_str())).collect();
    for file in FILES.iter().filter(|file| file.name.starts_with("kernels_")) {
        let lines: Vec<&str> = file.text.lines().collect();
        for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("#[kernel(")) {
            let note = at.checked_sub(1).and_then(|above| lines[above].strip_prefix("// "));
            let places = note.and_then(|note| note.split_once("  ·  ")).map(|(places, _)| places);
            let places = places.unwrap_or_else(|| panic!("{}:{}: no note above", file.name, at + 1));
            // The lines of all specs whose kernel it is, each once and sorted.
            let listed: Vec<&str> = places.split(", ").collect();
            assert!(listed.is_sorted_by(|a, b| a < b), "{places}");
            for place in listed {
                let (name, line) = place.rsplit_once(':').expect("a file and a line");
                let text = sources.get(name).unwrap_or_else(|| panic!("{name} is no spec"));
                let line: usize = line.parse().expect("a number");
                let meant = text.lines().nth(line - 1).expect("a line of the spec");
                assert!(
                    ["output", "of ", "combine", "init"].iter().any(|word| meant.contains(word)),
                    "{name}:{line} is `{meant}`"
                );
            }
        }
        let functions = lines.iter().filter(|line| line.starts_with("fn ")).count();
        let attributes = lines.iter().filter(|line| line.starts_with("#[kernel(")).count();
        assert_eq!(functions, attributes, "{}", file.name);
    }
}

#[test]
fn a_kernel_that_streams_ends_with_a_fence() {
    let mut streaming = 0;
    for file in FILES.iter() {
        for function in file.text.split("#[kernel(").skip(1) {
            let streams = function.contains("v::stream(");
            assert_eq!(streams, function.contains("store = \"streaming\""), "{function}");
            if streams {
                let body = function.split("\n}\n").next().expect("a function ends");
                assert!(body.ends_with("v::fence();"), "{body}");
                streaming += 1;
            }
        }
    }
    assert!(streaming > 10, "{streaming} kernels stream");
}

#[test]
fn no_name_is_given_twice() {
    let kernels = kernels(&FILES);
    let different: BTreeSet<&String> = kernels.iter().collect();
    assert_eq!(kernels.len(), different.len());
    let files: BTreeSet<&String> = FILES.iter().map(|file| &file.name).collect();
    assert_eq!(FILES.len(), files.len());
    let specs = spec::load(&SOURCES).unwrap_or_else(|errors| panic!("{errors}"));
    let types: Vec<String> = Op::of_specs(&specs).iter().map(Op::type_name).collect();
    assert_eq!(types.len(), types.iter().collect::<BTreeSet<_>>().len());
}

#[test]
fn with_candidates_every_kernel_that_an_isa_holds_is_written() {
    let specs = spec::load(&SOURCES).unwrap_or_else(|errors| panic!("{errors}"));
    let ops = Op::of_specs(&specs);
    let expanded = expand(&ops).unwrap_or_else(|errors| panic!("{errors}"));
    let held: BTreeSet<String> = expanded
        .candidates
        .into_iter()
        .filter(|candidate| candidate.dropped.is_none())
        .map(|candidate| candidate.kernel.name)
        .collect();
    assert_eq!(kernels(&FILES).into_iter().collect::<BTreeSet<_>>(), held);
}

/// What `dispatch.rs` lists is written, each kernel once, and nothing else is.
#[test]
fn tables_name_what_is_written() {
    for files in [&*SHIPPED, &*FILES] {
        let modules = modules(files);
        let dispatch = files.iter().find(|file| file.name == "dispatch.rs").expect("the tables are written");
        let words: Vec<String> = flat(tokens(dispatch)).iter().map(ToString::to_string).collect();
        let mut named = Vec::new();
        for path in words.windows(4).filter(|path| path[1] == ":" && path[2] == ":") {
            if let Some(kernels) = modules.get(&path[0]) {
                let kernel = path[3].to_lowercase();
                assert!(kernels.contains(&kernel), "{} has no {kernel}", path[0]);
                named.push(kernel);
            }
        }
        assert!(!named.is_empty());
        named.sort_unstable();
        let mut written = kernels(files);
        written.sort_unstable();
        assert_eq!(named, written);
    }
}

/// Rows name kernels by their place in the list of their signature and dtype: no place is beyond it, and every kernel
/// that ships is named by one.
#[test]
fn rows_name_kernels_by_their_place() {
    let shipped = &*SHIPPED;
    let dispatch = file(shipped, "dispatch.rs");
    let (_, after) = dispatch.split_once("pub(crate) mod rows {").expect("the lists");
    let (lists, tables) = after.split_once("pub(crate) mod tables {").expect("the tables");
    let length: BTreeMap<&str, usize> = lists
        .split("pub(crate) static ")
        .skip(1)
        .map(|list| {
            let (ty, kernels) = list.split_once(" = ").expect("a value");
            (ty.split(':').next().expect("a name"), kernels.matches("::").count())
        })
        .collect();
    let choices: BTreeMap<&str, &str> = tables
        .split("static CHOICES")
        .skip(1)
        .map(|choices| {
            (choices.split(':').next().expect("a name"), choices.split(';').next().expect("an end"))
        })
        .collect();
    // Places in the second parts of `((512, 512), [0, 0, 1])`, and in `buckets: [0, 1]`.
    let places = |choices: &str| -> Vec<usize> {
        let (exact, rest) = choices.split_once("buckets: [").expect("buckets");
        let lists = exact.split("), [").skip(1).chain([rest]);
        lists
            .flat_map(|list| list.split(']').next().expect("an end").split(", "))
            .map(|place| place.parse().expect("a number"))
            .collect()
    };
    let mut named: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for table in tables.split("pub(crate) static ").skip(1) {
        let (_, rows) = table.split_once("rows: rows::").expect("the list");
        let rows = rows.split(',').next().expect("an end");
        for choice in table.split("&CHOICES").skip(1) {
            let choice = choice.split([',', ')']).next().expect("an end");
            named.entry(rows).or_default().extend(places(choices[choice]));
        }
    }
    for (rows, length) in &length {
        assert_eq!(named[rows], (0..*length).collect(), "{rows}");
    }
    assert_eq!(length.values().sum::<usize>(), kernels(shipped).len());
}

/// A folder for one test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emission").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("what an earlier run left can be removed");
    }
    fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    folder
}

/// A folder with specs in it.
fn specs(parent: &Path, name: &str, specs: &[(&str, &str)]) -> PathBuf {
    let folder = parent.join(name);
    fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in specs {
        fs::write(folder.join(format!("{name}.toml")), text).expect("a file");
    }
    folder
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect()
}

fn changed(file: &Path) -> SystemTime {
    fs::metadata(file).and_then(|about| about.modified()).expect("a file with a time")
}

#[test]
fn a_file_that_would_not_change_is_left_alone() {
    let here = folder("unchanged");
    let ops = specs(&here, "ops", &OWN);
    let out = here.join("out");
    let builder = Builder::new(&ops, "ops", &out);
    let first = builder.build().expect("the specs are right");
    assert_eq!(first.written, names(&out).len());
    assert_eq!(first.inputs, std::slice::from_ref(&ops));

    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for name in names(&out) {
        let file = fs::File::options().append(true).open(out.join(name)).expect("a file");
        file.set_modified(long_ago).expect("its time can be set");
    }
    assert_eq!(builder.build().expect("the specs are right").written, 0);
    assert!(names(&out).iter().all(|name| changed(&out.join(name)) == long_ago));

    // Another word about an operation: only the files in which it shows, and no kernel.
    let text = OWN[0].1.replace("several scalars", "two scalars");
    specs(&here, "ops", &[("blend", &text)]);
    assert_eq!(builder.build().expect("the specs are right").written, 2);
    for name in names(&out) {
        let shows = ["catalogue.rs", "ops.rs"].contains(&name.as_str());
        assert_eq!(changed(&out.join(&name)) != long_ago, shows, "{name}");
    }

    // Another number in a constant: the list of modules does not know it.
    let text = text.replace("fma(x, gain, offset)", "fma(x, 2.5, offset) * gain");
    specs(&here, "ops", &[("blend", &text)]);
    assert!(builder.build().expect("the specs are right").written > 2);
    assert_eq!(changed(&out.join("kernels.rs")), long_ago);
    assert_ne!(changed(&out.join("dispatch.rs")), long_ago, "tables name what is computed");
}

#[test]
fn an_overlay_adds_and_replaces() {
    let here = folder("overlay");
    let base = specs(&here, "base", &[OWN[1], OWN[2]]);
    let other = OWN[1].1.replace("Product.", "Another product.");
    let extra = specs(&here, "extra", &[OWN[0], ("product", &other)]);
    let out = here.join("out");
    let built = Builder::new(&base, "base", &out).overlay(&extra).build().expect("the specs are right");
    assert_eq!(built.inputs, [base, extra.clone()]);

    let catalogue = fs::read_to_string(out.join("catalogue.rs")).expect("it is written");
    for word in
        ["\"blend\"", "\"lowest_axis0\"", "\"Another product.\"", &format!("{}/blend.toml", extra.display())]
    {
        assert!(catalogue.contains(word), "{word}");
    }
    assert!(!catalogue.contains("\"Product.\""));
}

/// The variables are read in a process of its own, since the environment belongs to all tests of this one.
#[test]
fn the_environment_names_an_overlay_and_a_copy() {
    const OUT: &str = "RAPTORS_TEST_EMISSION";
    if let Some(here) = env::var_os(OUT) {
        let here = PathBuf::from(here);
        let builder = Builder::new(here.join("base"), "base", here.join("out")).environment();
        builder.build().expect("the specs are right");
        return;
    }
    let here = folder("environment");
    specs(&here, "base", &[OWN[2]]);
    let extra = specs(&here, "extra", &[OWN[1]]);
    let status = Command::new(env::current_exe().expect("a test has a path"))
        .args(["--exact", "the_environment_names_an_overlay_and_a_copy"])
        .env(OUT, &here)
        .env("RAPTORS_SPECS", extra)
        .env("RAPTORS_GENERATED_DIR", here.join("deep/copy"))
        .output()
        .expect("the test can be started again");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));

    let (out, copy) = (here.join("out"), here.join("deep/copy"));
    assert_eq!(names(&out), names(&copy));
    for name in names(&out) {
        assert_eq!(
            fs::read(out.join(&name)).expect("a file"),
            fs::read(copy.join(&name)).expect("a file"),
            "{name}"
        );
    }
    let catalogue = fs::read_to_string(out.join("catalogue.rs")).expect("it is written");
    assert!(catalogue.contains("\"product_axis1\"") && catalogue.contains("\"lowest_axis0\""));
}

#[test]
fn wrong_specs_write_nothing() {
    let here = folder("wrong");
    let ops = specs(&here, "ops", &[OWN[1], ("broken", "summary = 1")]);
    let out = here.join("out");
    match Builder::new(&ops, "ops", &out).build() {
        Err(Error::Specs(errors)) => assert!(errors.to_string().contains("ops/broken.toml:1"), "{errors}"),
        other => panic!("{other:?}"),
    }
    assert!(!out.exists());
}

#[test]
fn a_folder_that_is_missing_is_named() {
    let here = folder("missing");
    match Builder::new(here.join("nowhere"), "ops", here.join("out")).build() {
        Err(error @ Error::Read(_)) => assert!(error.to_string().contains("nowhere"), "{error}"),
        other => panic!("{other:?}"),
    }
    assert!(!here.join("out").exists());
}
