//! What values mean; that each knob is obeyed somewhere, and that nobody reads the environment but the table.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::*;

/// Reads from this environment, and from no other.
fn under(environment: &[(&str, &str)]) -> (Result<Settings, Error>, Vec<Knob>) {
    read(&|name| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()))
}

fn settings_under(environment: &[(&str, &str)]) -> Settings {
    under(environment).0.unwrap_or_else(|error| panic!("{error}"))
}

fn refused(variable: &str, value: &str) -> String {
    under(&[(variable, value)]).0.err().unwrap_or_else(|| panic!("{variable}={value:?} was read")).to_string()
}

/// The value in force, and its origin, of the knob whose first variable that is.
fn in_force(variable: &str, environment: &[(&str, &str)]) -> (String, Origin) {
    let (_, knobs) = under(environment);
    let knob = knobs.into_iter().find(|knob| knob.variables[0].name == variable).expect("in the table");
    let InForce { value, origin } = knob.in_force.unwrap_or_else(|error| panic!("{error}"));
    (value, origin)
}

fn set(name: &'static str, value: &str) -> Origin {
    Origin::Variable { name, value: value.to_owned() }
}

#[test]
fn words_and_names_of_isas_are_understood() {
    let best = *Isa::ALL.last().expect("at least portable");
    for word in ["", "auto", "AUTO", "1", "force"] {
        assert_eq!(simd(word, &Isa::ALL), Ok(best), "{word:?}");
    }
    for word in ["off", "0", "disable", "portable"] {
        assert_eq!(simd(word, &Isa::ALL), Ok(Isa::Portable), "{word:?}");
    }
    for isa in Isa::ALL {
        assert_eq!(simd(isa.name(), &Isa::ALL), Ok(isa));
    }
    assert_eq!(settings_under(&[("RAPTORS_SIMD", " off ")]).simd, Isa::Portable);
    assert_eq!(in_force("RAPTORS_SIMD", &[("RAPTORS_SIMD", "off")]).0, "portable");
}

#[test]
fn an_isa_that_cannot_be_honoured_is_an_error_with_the_choices() {
    let expected = simd("avx2", &[Isa::Portable]).expect_err("the machine lacks it");
    assert_eq!(expected, "auto, off, or one of portable (this machine has no avx2)");
    let error = refused("RAPTORS_SIMD", "sse9");
    assert!(error.starts_with("RAPTORS_SIMD=\"sse9\": expected auto, off, or one of portable"), "{error}");
}

#[test]
fn workers_are_moved_as_the_word_says() {
    for (word, moves) in
        [("", None), ("auto", None), ("on", Some(true)), ("1", Some(true)), ("OFF", Some(false))]
    {
        assert_eq!(settings_under(&[("RAPTORS_MOVE_WORKERS", word)]).move_workers, moves, "{word:?}");
    }
    assert_eq!(in_force("RAPTORS_MOVE_WORKERS", &[]), ("auto".to_owned(), Origin::Default));
    let error = refused("RAPTORS_MOVE_WORKERS", "maybe");
    assert!(error.ends_with("expected auto, on (1) or off (0)"), "{error}");
}

#[test]
fn threads_come_from_the_first_variable_that_is_set() {
    let threads = |environment: &[(&str, &str)]| settings_under(environment).threads;
    assert_eq!(threads(&[]), None);
    assert_eq!(threads(&[("RAPTORS_THREADS", " 3 ")]), Some(3));
    assert_eq!(threads(&[("OMP_NUM_THREADS", "5")]), Some(5));
    assert_eq!(threads(&[("OMP_NUM_THREADS", " 4 , 3,2")]), Some(4));
    assert_eq!(threads(&[("OMP_NUM_THREADS", "5"), ("RAPTORS_THREADS", "3")]), Some(3));
    // Empty is not set; and what does not count need not be right.
    assert_eq!(threads(&[("OMP_NUM_THREADS", "5"), ("RAPTORS_THREADS", "")]), Some(5));
    assert_eq!(threads(&[("OMP_NUM_THREADS", "many"), ("RAPTORS_THREADS", "3")]), Some(3));
    let origin = |environment: &[(&str, &str)]| in_force("RAPTORS_THREADS", environment);
    assert_eq!(origin(&[("RAPTORS_THREADS", " 3")]), ("3".to_owned(), set("RAPTORS_THREADS", " 3")));
    assert_eq!(origin(&[("OMP_NUM_THREADS", "4,2")]), ("4".to_owned(), set("OMP_NUM_THREADS", "4,2")));
    assert_eq!(origin(&[]), (cores().to_string(), Origin::Default));
}

#[test]
fn threads_that_cannot_be_read_are_an_error() {
    for value in ["0", "-1", "two", "1.5", "1,2", "99999999999999999999", " "] {
        let expected = format!("RAPTORS_THREADS={value:?}: expected a number from 1 to 1024");
        assert_eq!(refused("RAPTORS_THREADS", value), expected);
    }
    for value in ["0", "4,", ",4", "4,0", "4;2"] {
        let error = refused("OMP_NUM_THREADS", value);
        assert!(error.starts_with(&format!("OMP_NUM_THREADS={value:?}: expected a number")), "{error}");
    }
}

#[test]
fn bytes_have_units() {
    let bytes = |value: &str| settings_under(&[("RAPTORS_POOL_BYTES", value)]).pool_bytes;
    assert_eq!(settings_under(&[]).pool_bytes, 256 << 20);
    for (value, expected) in [
        ("0", 0),
        ("1000", 1000),
        ("3 KiB", 3 << 10),
        ("64MiB", 64 << 20),
        (" 2gib ", 2 << 30),
        ("", 256 << 20),
    ] {
        assert_eq!(bytes(value), expected, "{value:?}");
    }
    for value in ["lots", "-1", "1.5 GiB", "64M", "64 MB", "MiB", "1 2", "99999999999999 GiB", "6４"] {
        let error = refused("RAPTORS_POOL_BYTES", value);
        assert!(error.starts_with(&format!("RAPTORS_POOL_BYTES={value:?}: expected a number of")), "{error}");
    }
    for (bytes, words) in [(0, "0 bytes"), (1000, "1000 bytes"), (3 << 10, "3 KiB"), (1 << 30, "1 GiB")] {
        assert_eq!(in_units(bytes), words);
    }
    // What is said of the default is what it is.
    let (_, knobs) = under(&[]);
    let pool =
        knobs.iter().find(|knob| knob.variables[0].name == "RAPTORS_POOL_BYTES").expect("in the table");
    assert_eq!(pool.in_force.as_ref().expect("right").value, pool.default);
}

#[test]
fn a_profile_is_that_of_the_processor_or_none_or_a_file() {
    let wish = |value: &str| settings_under(&[("RAPTORS_PROFILE", value)]).profile;
    assert!(matches!(wish(""), Wish::Any) && matches!(wish(" "), Wish::Any));
    assert!(matches!(wish("none"), Wish::None));
    assert_eq!(in_force("RAPTORS_PROFILE", &[("RAPTORS_PROFILE", "none")]).0, "none");
    assert_eq!(in_force("RAPTORS_PROFILE", &[]).1, Origin::Default);
    // With the feature, since there is no such file; without, since there can be none.
    let error = refused("RAPTORS_PROFILE", "/no/such/profile.toml");
    assert!(error.starts_with("RAPTORS_PROFILE=\"/no/such/profile.toml\": expected none"), "{error}");
    let why = if cfg!(feature = "tunable") { "/no/such/profile.toml: " } else { "`tunable`" };
    assert!(error.contains(why), "{error}");
}

#[test]
fn the_folder_of_profiles_is_in_that_of_settings() {
    let folder = |value: &str| in_force("XDG_CONFIG_HOME", &[("XDG_CONFIG_HOME", value)]).0;
    let usual = in_force("XDG_CONFIG_HOME", &[]).0;
    if cfg!(unix) {
        assert_eq!(folder("/settings"), "/settings/raptors");
        assert!(usual == "no folder" || usual.ends_with("/raptors"), "{usual}");
    }
    // What is not absolute does not count, as those who made the variable have it.
    assert_eq!(folder("settings"), usual);
}

#[test]
fn the_class_of_calls_that_say_none_is_numpy_or_any() {
    let class = |word: &str| settings_under(&[("RAPTORS_NUMERICS", word)]).numerics;
    assert_eq!((class("any"), class("Any"), class("numpy")), (Numerics::Any, Numerics::Any, Numerics::Numpy));
    assert_eq!(settings_under(&[]).numerics, Numerics::Numpy);
    assert_eq!(in_force("RAPTORS_NUMERICS", &[("RAPTORS_NUMERICS", "any")]).0, "any");
    // Who wants it says so call by call.
    let (settings, _) = under(&[("RAPTORS_NUMERICS", "accurate")]);
    let error = settings.err().expect("not one of the two").to_string();
    assert!(error.contains("numpy or any"), "{error}");
}

#[test]
fn one_that_is_wrong_spoils_the_settings_and_no_other_knob() {
    let (settings, knobs) = under(&[("RAPTORS_POOL_BYTES", "lots"), ("RAPTORS_THREADS", "2")]);
    let error = settings.err().expect("lots is no number");
    for knob in knobs {
        if knob.variables[0].name == "RAPTORS_POOL_BYTES" {
            assert_eq!(knob.in_force, Err(error.clone()));
        } else {
            knob.in_force.expect("the others are right");
        }
    }
}

/// The code of each file of the library but those of the table, without comments and tests.
fn code() -> Vec<(PathBuf, String)> {
    fn visit(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).expect("the library's folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                visit(&path, found);
            } else if !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
                let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                found.push((path, lines.flat_map(|line| [line, "\n"]).collect()));
            }
        }
    }
    let mut found = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("raptors"), &mut found);
    found.retain(|(path, _)| !path.ends_with("knobs.rs"));
    assert!(found.len() > 20, "the library's files were not found");
    found
}

/// Whether a word stands in a text and does not go on.
fn has(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text[at + word.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
    })
}

/// The lint on [`Settings`] refuses a field that no code reads; this test, one that only tests or comments do.
#[test]
fn each_knob_is_obeyed_somewhere() {
    let code = code();
    let is_read = |field: &str| code.iter().any(|(_, text)| has(text, &format!("settings.{field}")));
    for field in FIELDS {
        assert!(is_read(field), "no code outside the table reads `settings.{field}`");
    }
    assert!(!is_read("nobody") && !is_read("sim"), "the search finds what is not there");
}

#[test]
fn nobody_reads_the_environment_but_the_table() {
    for (path, text) in code() {
        for word in ["env::var", "env::var_os", "env::vars", "env::vars_os"] {
            assert!(!has(&text, word), "{}: `{word}` belongs in knobs.rs", path.display());
        }
    }
}

#[test]
fn telemetry_is_a_switch() {
    let telemetry = |value| settings_under(&[("RAPTORS_TELEMETRY", value)]).telemetry;
    assert_eq!(["", "off", "0", "on", "1", " ON "].map(telemetry), [false, false, false, true, true, true]);
    assert_eq!(refused("RAPTORS_TELEMETRY", "yes"), "RAPTORS_TELEMETRY=\"yes\": expected on (1), or off (0)");
    assert_eq!(in_force("RAPTORS_TELEMETRY", &[]), ("off".to_owned(), Origin::Default));
}

#[test]
fn adapting_is_a_switch() {
    let adaptive = |value| settings_under(&[("RAPTORS_ADAPTIVE", value)]).adaptive;
    assert_eq!(["", "off", "0", "on", "1"].map(adaptive), [false, false, false, true, true]);
    assert_eq!(refused("RAPTORS_ADAPTIVE", "2"), "RAPTORS_ADAPTIVE=\"2\": expected on (1), or off (0)");
}

#[test]
fn an_unknown_variable_is_told_with_the_nearest_name() {
    let (_, knobs) = under(&[]);
    let said = |names: &[&str]| unknown::among(names.iter().map(|name| (*name).to_owned()), &knobs);
    let of = |name: &str, meant: &str| {
        format!("raptors: the environment variable {name} is not known, and does nothing: {meant}")
    };
    for (name, meant) in [
        ("RAPTORS_THREDS", "RAPTORS_THREADS"),
        ("RAPTORS_TRHEADS", "RAPTORS_THREADS"),
        ("RAPTORS_ADAPTIV", "RAPTORS_ADAPTIVE"),
        ("RAPTORS_POOLBYTES", "RAPTORS_POOL_BYTES"),
        ("RAPTORS_SPEC", "RAPTORS_SPECS"),
    ] {
        assert_eq!(said(&[name]), [of(name, &format!("is {meant} meant?"))]);
    }
    let far = "docs/environment.md lists those that are";
    assert_eq!(said(&["RAPTORS_COLOUR_OF_THE_SEA"]), [of("RAPTORS_COLOUR_OF_THE_SEA", far)]);
    // Names of others, and those that are known, to whomever.
    assert_eq!(said(&["PATH", "RAPTOR_SIMD", "raptors_simd", "OMP_NUM_THREADS", "RAPTORS_SIMD"]), [""; 0]);
    assert_eq!(said(unknown::OF_OTHERS), [""; 0]);
    assert_eq!(said(&["RAPTORS_B", "PATH", "RAPTORS_A"]).len(), 2);
    assert!(said(&["RAPTORS_B", "RAPTORS_A"])[0].contains("RAPTORS_A"));
}

/// So that no build, no test and no chore of the repository makes a program of it complain.
#[test]
fn every_variable_that_the_repository_speaks_of_is_known() {
    fn visit(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder of the repository") {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_text = ["rs", "py", "toml", "tera", "yml", "md"]
                .iter()
                .any(|end| path.extension().is_some_and(|extension| extension == *end));
            if path.is_dir() {
                if !["target", ".git", "data"].contains(&name.as_str()) {
                    visit(&path, found);
                }
            } else if is_text && !path.ends_with("knobs/tests.rs") {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let names = text.match_indices("RAPTORS_").map(|(at, _)| {
                    let rest = &text[at..];
                    let end =
                        rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
                    rest[..end.unwrap_or(rest.len())].to_owned()
                });
                found.extend(names.filter(|name| !name.ends_with('_')));
            }
        }
    }
    let mut found = Vec::new();
    visit(Path::new(env!("CARGO_MANIFEST_DIR")), &mut found);
    assert!(found.iter().any(|name| name == "RAPTORS_BLESS"), "the repository's files were not found");
    found.sort_unstable();
    found.dedup();
    let (_, knobs) = under(&[]);
    assert_eq!(unknown::among(found.into_iter(), &knobs), [""; 0]);
}
