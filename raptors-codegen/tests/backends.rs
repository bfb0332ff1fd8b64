//! Routines of backends, from specs and profiles to the tables of a build.

use std::path::Path;

use raptors_codegen::{
    Input, Output, backends, generate,
    spec::{self, Source},
};

const SCALE: &str = "summary = \"Scales.\"\ninputs = { x = \"matrix\", k = \"scalar\" }\noutput = \"x * k\"\n\
                     dtypes = [\"f32\"]\nbackends = { cblas = \"scal\" }\n";
const MUL: &str = "summary = \"Multiplies.\"\ninputs = { a = \"matrix\", b = \"scalar\" }\noutput = \"b * a\"\ndtypes = [\"f32\"]\n";
const PROFILE: &str = "version = 2\ncpu = \"intel-6-1\"\ncaches = { l1 = \"32 KiB\", l2 = \"1 MiB\", l3 = \"8 MiB\" }\n\
                       rustc = \"1.95.0\"\ndate = \"2026-12-01\"\n";

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

/// A build of two operations that compute the same, one of which lists a routine.
fn build(backends: &[&str], profile: &str) -> Result<Output, String> {
    let specs = vec![source("ops/scale.toml", SCALE), source("ops/times.toml", MUL)];
    let profiles = match profile {
        "" => Vec::new(),
        rows => vec![source("tuned/intel-6-1.toml", &format!("{PROFILE}{rows}"))],
    };
    let backends = backends.iter().map(|&name| name.to_owned()).collect();
    generate(&Input { specs, profiles, backends, ..Input::default() }).map_err(|errors| errors.to_string())
}

fn file(output: &Output, name: &str) -> String {
    output.files.iter().find(|file| file.name == name).expect("every build has it").text.clone()
}

/// The table of that name, as it is written.
fn table<'t>(dispatch: &'t str, name: &str) -> &'t str {
    let start = dispatch.find(&format!("static {name}: ")).unwrap_or_else(|| panic!("no table {name}"));
    let rest = &dispatch[start..];
    &rest[..rest.find("\n    };").expect("it ends")]
}

/// The place of the routine among the kernels of its signature, with a comma before it or after.
fn place(dispatch: &str, row: &str) -> usize {
    let start = dispatch.find("static MAP_MS_F32: ").expect("the signature has kernels");
    let list = dispatch[start..].split("];").next().expect("it ends");
    list.lines().skip(1).position(|line| line.contains(row)).unwrap_or_else(|| panic!("no {row} in {list}"))
}

const ROUTINE: &str = "Row::<sig::MapMS<f32>>::of_backend(\"mul_m_s_map_cblas_sscal\", &crate::backends::cblas::BACKEND, \
                       crate::backends::cblas::scal::<f32>)";

fn body() -> String {
    let backend = backends::Backend::named("cblas").expect("it is one");
    assert!(backend.named_routines("scal").next().is_some());
    // By its name alone, whatever version of the library is loaded.
    let catalogue = file(&build(&["cblas"], "").unwrap(), "catalogue.rs");
    let line =
        catalogue.lines().find(|line| line.contains("\"mul_m_s_map_cblas_sscal\"")).expect("it is listed");
    let (_, identity) = line.split_once("identity: 0x").expect("it has one");
    identity.chars().take_while(char::is_ascii_hexdigit).collect()
}

fn row(isa: &str, kernel: &str, body: &str) -> String {
    format!(
        "\n[kernels.mul_m_s.f32.{isa}]\n\"l1 wide\" = {{ kernel = \"{kernel}\", body = \"{body}\", margin = \"5.0%\", \
         interval = \"4.0% to 6.0%\" }}\n"
    )
}

#[test]
fn without_a_backend_nothing_of_it_is_written() {
    let output = build(&[], "").unwrap();
    let without = file(&output, "dispatch.rs");
    assert!(without.contains("BACKENDS: &[(&str, usize)] = &[];"));
    for name in ["dispatch.rs", "catalogue.rs"] {
        assert!(!file(&output, name).contains("sscal"), "{name}");
    }
    assert!(!without.contains("MUL_M_S_F32_ANY"));
    assert!(table(&without, "MUL_M_S_F32").contains("any: None"));
    // Its class is there all the same: programs compile with and without.
    let ops = file(&output, "ops.rs");
    assert!(ops.contains("pub fn scale_with") && ops.contains("pub fn scale_inplace_with"));
    assert!(!ops.contains("pub fn times_with"));
    assert_eq!(ops, file(&build(&["cblas"], "").unwrap(), "ops.rs"));
}

#[test]
fn a_routine_competes_in_a_table_of_its_class_and_serves_nobody_else() {
    let dispatch = file(&build(&["cblas"], "").unwrap(), "dispatch.rs");
    assert!(dispatch.contains("BACKENDS: &[(&str, usize)] = &[(\"cblas\", 0x7fff_ffff), ];"));
    let at = place(&dispatch, ROUTINE);
    let [numpy, any] = ["MUL_M_S_F32", "MUL_M_S_F32_ANY"].map(|name| table(&dispatch, name));
    assert!(numpy.contains("any: Some((&MUL_M_S_F32_ANY, 0x7fff_ffff))") && any.contains("any: None"));
    let all =
        |table: &str| table.lines().find(|line| line.trim().starts_with("all: ")).expect("a list").to_owned();
    assert!(all(any).contains(&format!(", {at}]")), "{}", all(any));
    assert!(!all(numpy).contains(&format!(", {at}]")), "{}", all(numpy));
    // By default the rows are those of the kernels.
    let rows = |table: &str| table.split("isas: ").nth(1).expect("rows").to_owned();
    assert_eq!(rows(numpy), rows(any));
}

#[test]
fn a_profile_gives_routines_rows_in_their_class_alone() {
    let routine = "mul_m_s_map_cblas_sscal";
    let dispatch = file(&build(&["cblas"], &row("avx2-any", routine, &body())).unwrap(), "dispatch.rs");
    let at = place(&dispatch, ROUTINE);
    let [numpy, any] = ["MUL_M_S_F32", "MUL_M_S_F32_ANY"].map(|name| table(&dispatch, name));
    assert!(numpy.matches("tuned: &[]").count() > any.matches("tuned: &[]").count());
    let choices = any.split("tuned: &[(0, &").nth(1).expect("tuned rows").split(')').next().expect("a name");
    let line = dispatch.lines().find(|line| line.contains(&format!("static {choices}: "))).expect("choices");
    assert!(line.contains(&format!("buckets: [{at}, ")), "{line}");
    // In another class it is none of the candidates.
    let error = build(&["cblas"], &row("avx2", routine, &body())).unwrap_err();
    assert!(error.contains("profile-kernel") && error.contains("is no candidate of this table"), "{error}");
    let wrong = build(&["cblas"], &row("avx2-any", routine, "0123456789abcdef")).unwrap();
    assert_eq!(wrong.warnings.len(), 1, "{:?}", wrong.warnings);
}

#[test]
fn the_class_follows_what_is_said_of_its_kernels() {
    let plain = build(&["cblas"], "").unwrap();
    let catalogue = file(&plain, "catalogue.rs");
    let line =
        catalogue.lines().find(|line| line.contains("\"mul_m_s_map_f32_avx2_u4_nt\"")).expect("a kernel");
    let body: String = line
        .split("identity: 0x")
        .nth(1)
        .expect("it has one")
        .chars()
        .take_while(char::is_ascii_hexdigit)
        .collect();
    // A row of the class itself, so that there are some, and one of the kernels.
    let rows = row("avx2", "mul_m_s_map_f32_avx2_u4_nt", &body)
        + &row("avx2-any", "mul_m_s_map_cblas_sscal", &self::body()).replace("l1 wide", "l2 wide");
    let dispatch = file(&build(&["cblas"], &rows).unwrap(), "dispatch.rs");
    let first = |name: &str| {
        let choices = table(&dispatch, name).split("tuned: &[(0, &").nth(1).expect("tuned rows").to_owned();
        let choices = choices.split(')').next().expect("a name").to_owned();
        let line =
            dispatch.lines().find(|line| line.contains(&format!("static {choices}: "))).expect("choices");
        line.split("buckets: [").nth(1).expect("buckets").split(", ").next().expect("one").to_owned()
    };
    assert_eq!(first("MUL_M_S_F32"), first("MUL_M_S_F32_ANY"));
}

#[test]
fn rows_of_backends_that_are_not_built_are_left_aside() {
    let rows = row("avx2-any", "mul_m_s_map_cblas_sscal", &body());
    let without = build(&[], &rows).unwrap();
    assert!(without.warnings.is_empty());
    let other = build(&["accelerate"], &rows).unwrap();
    assert!(!file(&other, "dispatch.rs").contains("of_backend"));
    // What is no routine of any backend is a mistake in a build that could tell.
    let error =
        build(&["cblas"], &row("avx2-any", "mul_m_s_map_cblas_scall", "0123456789abcdef")).unwrap_err();
    assert!(error.contains("no candidate is called"), "{error}");
    let error = build(&[], &rows.replace("mul_m_s.f32", "mul_m_t.f32")).unwrap_err();
    assert!(error.contains("no computation"), "{error}");
}

#[test]
fn every_routine_is_listed_by_a_spec() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel-specs/ops");
    let sources = spec::load_dir(&folder, "kernel-specs/ops").expect("the specs of this repository");
    let specs = spec::load(&sources).expect("they are right");
    for backend in backends::ALL {
        for word in backend.words() {
            let is_listed = specs
                .iter()
                .flat_map(|spec| &spec.listed)
                .any(|of| of.backend.name == backend.name && of.routine == word);
            assert!(is_listed, "no spec lists {word} of {}", backend.name);
        }
    }
}
