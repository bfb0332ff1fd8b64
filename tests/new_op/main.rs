//! What a copy of this repository does when its specs and profiles change: a spec adds an operation, a profile changes
//! which kernel a call runs.
//!
//! The copies and their builds stay under the target folder, so that the next run has little to compile.

mod names;
mod profile;
mod scratch;

use std::fs;

use scratch::Scratch;

const HYPOT: &str = r#"summary = "Length of the hypotenuse, element by element."
inputs  = { x = "matrix", y = "matrix" }
output  = "sqrt(x * x + y * y)"
dtypes  = ["f32", "f64"]
"#;

#[test]
fn one_file_adds_an_operation() {
    // A few operations are enough, and take little time to build; the new one is taken away first.
    let scratch = Scratch::new("new-op", |path| {
        !path.starts_with("copy/kernel-specs") || path.ends_with("scale.toml") || path.ends_with("sum.toml")
    });
    let spec = "copy/kernel-specs/ops/hypot.toml";

    // The repository without that operation.
    let run = scratch.run(&["list"], &[]).passed();
    assert!(run.lists("scale") && !run.lists("hypot"), "{}", run.said);
    let run = scratch.run(&["list"], &[]).passed();
    assert!(!run.rebuilt(), "built again for nothing:\n{}", run.log);

    // A new spec file and nothing else.
    scratch.write(spec, HYPOT);
    let run = scratch.run(&["hypot"], &[]).passed();
    assert!(run.rebuilt(), "{}", run.log);
    assert_eq!(run.said, "hypot is right\n");
    let generated = |file: &str| {
        fs::read_to_string(scratch.generated().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    assert!(generated("ops.rs").contains("pub fn hypot_inplace<"));
    assert!(generated("catalogue.rs").contains("sqrt_add_mul_m_m_mul_m2_m2_map_f64_portable_u"));
    let kernels = fs::read_dir(scratch.generated()).expect("it was just written").filter(|entry| {
        let path = entry.as_ref().expect("a readable folder").path();
        fs::read_to_string(path).expect("text").contains("// kernel-specs/ops/hypot.toml:3")
    });
    assert!(kernels.count() > 2, "each generated kernel names its spec");

    // A changed one that is wrong: cargo shows the message, and no word of panics.
    scratch.write(spec, HYPOT.replace("y * y", "z * y"));
    let run = scratch.run(&["hypot"], &[]);
    assert!(!run.passed, "{}", run.said);
    let (_, message) = run.log.split_once("--- stderr").expect("the build script said something");
    assert!(message.contains("error[unknown-name]: there is no `z`"), "{message}");
    assert!(message.contains("--> kernel-specs/ops/hypot.toml:3:25"), "{message}");
    for word in ["panicked", "backtrace", "build.rs"] {
        assert!(!message.contains(word), "`{word}` in:\n{message}");
    }

    // An overlay adds an operation, and replaces this one, whatever is wrong with it.
    let overlay = scratch.folder.join("overlay");
    scratch.write("overlay/hypot.toml", HYPOT.replace("Length of", "Once more"));
    let twice =
        "summary = \"Twice as much.\"\ninputs = { x = \"matrix\" }\noutput = \"x + x\"\ndtypes = [\"f64\"]\n";
    scratch.write("overlay/twice.toml", twice);
    let run = scratch.run(&["list", "--", "twice"], &[("RAPTORS_SPECS", overlay)]).passed();
    assert!(run.rebuilt(), "{}", run.log);
    assert!(
        run.said.contains("twice: Twice as much.\n") && run.said.ends_with("twice: [2.0, 4.0, 6.0]\n"),
        "{}",
        run.said
    );
    assert!(run.said.contains("hypot: Once more the hypotenuse, element by element.\n"), "{}", run.said);

    // Without the file and the overlay, all is as it was.
    fs::remove_file(scratch.folder.join(spec)).expect("it was written above");
    let run = scratch.run(&["list"], &[]).passed();
    assert!(run.rebuilt(), "{}", run.log);
    assert!(run.lists("scale") && !run.lists("hypot") && !run.lists("twice"), "{}", run.said);
}
