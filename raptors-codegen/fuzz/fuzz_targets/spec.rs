//! Any bytes as a spec file: loading them ends, with a spec or with diagnostics that lie within the file.
//!
//! `cargo +nightly fuzz run spec`, in `raptors-codegen/`; the shipped specs and the cases of the `ui` tests are good
//! seeds: `cargo +nightly fuzz run spec fuzz/corpus/spec ../kernel-specs/ops tests/ui`. While fuzzing, places within an
//! expression are those of its beginning: `proc-macro2` keeps no byte offsets under `cfg(fuzzing)`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use raptors_codegen::spec::{self, Source};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let source = Source { name: "ops/op.toml".to_owned(), text };
    match spec::load(std::slice::from_ref(&source)) {
        Ok(specs) => assert_eq!(specs.len(), 1),
        Err(errors) => {
            assert!(!errors.all().is_empty());
            for error in errors.all() {
                assert!(source.text.get(error.span.clone()).is_some());
                assert_eq!((error.line, error.col), source.position(error.span.start));
            }
            assert!(!errors.to_string().is_empty());
        }
    }
    // Every text that was parsed stays in the source map of its thread; a fuzzer would fill the memory with them.
    proc_macro2::extra::invalidate_current_thread_spans();
});
