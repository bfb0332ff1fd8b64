//! docs/environment.md is what the tables in code say: `raptors::knobs` of a running program, and
//! `raptors_codegen::VARIABLES` of a build. `RAPTORS_BLESS=1 cargo test -p raptors-cli --test environment` writes it.

use std::{env, fmt::Write as _, fs};

/// The page.
fn page() -> String {
    let mut page = "<!-- Made from raptors/knobs.rs and raptors-codegen/src/builder.rs: `cargo xtask bless`. -->\n\n\
        # Environment variables\n\n\
        ## Of a running program\n\n\
        All are read together, once, when the first of them is needed. An empty one is not set. If one has a value \
        that\ncannot be read, every call is refused with an error that names it. `cargo raptors info` shows what is in \
        force, and\nwhich variable says so; programs ask `raptors::knobs()`.\n\nA variable that begins with `RAPTORS_` and is in \
        neither table is told on stderr, once, with the name that may have been\nmeant.\n\n"
        .to_owned();
    let mut rows = Vec::new();
    for knob in raptors::knobs() {
        for (at, variable) in knob.variables.iter().enumerate() {
            let meaning = match at {
                0 => knob.meaning.to_owned(),
                _ => format!("The same, if `{}` is not set.", knob.variables[at - 1].name),
            };
            let default = match knob.variables.get(at + 1) {
                Some(next) => format!("what `{}` says", next.name),
                None => knob.default.to_owned(),
            };
            rows.push([variable.name.to_owned(), meaning, variable.values.clone(), default]);
        }
    }
    table(&mut page, &rows);
    page.push_str("\n## Of a build\n\nA change of one of these builds the library again.\n\n");
    let rows: Vec<_> = raptors_codegen::VARIABLES
        .iter()
        .map(|it| [it.name, it.meaning, it.values, it.default].map(str::to_owned))
        .collect();
    table(&mut page, &rows);
    page
}

fn table(page: &mut String, rows: &[[String; 4]]) {
    page.push_str("| variable | what it sets | values | if not set |\n|---|---|---|---|\n");
    for [name, meaning, values, default] in rows {
        writeln!(page, "| `{name}` | {meaning} | {values} | {default} |").expect("a String");
    }
}

#[test]
fn the_page_says_what_the_tables_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/environment.md");
    let page = page();
    if env::var_os("RAPTORS_BLESS").is_some_and(|value| value == "1") {
        fs::write(path, &page).expect("docs can be written");
    }
    let held = fs::read_to_string(path).unwrap_or_default();
    assert!(held == page, "docs/environment.md is not what the tables say; RAPTORS_BLESS=1 writes it anew");
    assert!(page.lines().filter(|line| line.starts_with("| `RAPTORS_")).count() >= 5);
}
