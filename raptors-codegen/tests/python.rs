//! The Python functions as they are written, kept to be read: of a map with each form of input, and of a reduction.
//!
//! `RAPTORS_BLESS=1 cargo test -p raptors-codegen` writes what is emitted now.

use std::{env, fs, path::Path};

use raptors_codegen::{diagnostics::Source, python};

const SPECS: [(&str, &str); 2] = [
    (
        "blend",
        r#"
        summary = "Blend a matrix with a row and a column."
        inputs  = { part = "scalar", x = "matrix", row = "row", column = "column" }
        output  = "x + part * (row - column)"
        dtypes  = ["f64"]
        "#,
    ),
    (
        "norm1",
        r#"
        summary  = "Sum of absolute values."
        inputs   = { y = "matrix" }
        dtypes   = ["f32", "f64"]
        [reduce]
        axes     = ["all", "1"]
        of       = "abs(y)"
        combine  = "add"
        numerics = ["numpy", "accurate"]
        "#,
    ),
];

fn sources() -> Vec<Source> {
    let source = |(name, text): &(&str, &str)| Source {
        name: format!("kernel-specs/ops/{name}.toml"),
        text: (*text).to_owned(),
    };
    SPECS.iter().map(source).collect()
}

#[test]
fn files_are_as_they_are_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let files = python(&sources()).expect("specs that are right");
    assert_eq!(files.iter().map(|file| &file.name[..]).collect::<Vec<_>>(), ["python.rs", "_raptors.pyi"]);
    for file in files {
        // Not named as Rust, so that nothing formats or checks it.
        let path = folder.join(format!("{}.txt", file.name));
        if env::var_os("RAPTORS_BLESS").is_some() {
            fs::create_dir_all(&folder).expect("tests/python can be written");
            fs::write(&path, &file.text).expect("tests/python can be written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == file.text,
            "{} is not what is emitted: `cargo xtask bless`, and read it",
            path.display()
        );
    }
}

#[test]
fn what_is_wrong_has_no_functions() {
    let mut wrong = sources();
    wrong[1].text = wrong[1].text.replace("abs(y)", "abs(z)");
    let diagnostics = python(&wrong).expect_err("there is no z").to_string();
    assert!(diagnostics.contains("error[unknown-name]: there is no `z`"), "{diagnostics}");
    // The parameters that Python functions have besides their inputs.
    for name in ["axis", "keepdims", "numerics", "out", "np"] {
        let mut hidden = sources();
        hidden[1].text =
            hidden[1].text.replace("abs(y)", &format!("abs({name})")).replace("{ y", &format!("{{ {name}"));
        assert!(python(&hidden).is_err(), "{name}");
    }
}
