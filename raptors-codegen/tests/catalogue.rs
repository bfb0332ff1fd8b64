//! The page of all operations is that of the specs as they are.

use std::{env, fs, path::Path};

use raptors_codegen::{emit::page, spec};

#[test]
fn the_page_of_the_catalogue_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let sources = spec::load_dir(&root.join("kernel-specs/ops"), "kernel-specs/ops").expect("the specs");
    let specs = spec::load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    let page = page::page(&specs);
    let file = root.join("docs/catalogue.md");
    if env::var_os("RAPTORS_BLESS").is_some() {
        fs::write(&file, &page).expect("the page can be written");
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    assert!(there == page, "docs/catalogue.md is not that of the specs: run `cargo xtask bless`");
}
