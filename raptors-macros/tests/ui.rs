//! Misuse of `#[kernel]`, each case with what the compiler says.
//!
//! `ui/<case>.rs` does not compile, and `ui/<case>.stderr` is what is said; `ui/pass/` compiles and runs.
//! `TRYBUILD=overwrite cargo test -p raptors-macros` writes what is said now, to be read before it is committed.

#[test]
fn what_is_no_kernel_is_refused() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/*.rs");
}
