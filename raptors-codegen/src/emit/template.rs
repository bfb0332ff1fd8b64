//! The frames that people read, as templates.

use std::sync::LazyLock;

use serde::Serialize;
use tera::{Context, Tera};

use super::Module;

static TEMPLATES: LazyLock<Tera> = LazyLock::new(|| {
    let mut tera = Tera::default();
    tera.autoescape_on(Vec::<&'static str>::new());
    tera.add_raw_templates([
        ("kernels.rs", include_str!("../../templates/kernels.rs.tera")),
        ("modules.rs", include_str!("../../templates/modules.rs.tera")),
        ("dispatch.rs", include_str!("../../templates/dispatch.rs.tera")),
        ("vocabularies.rs", include_str!("../../templates/vocabularies.rs.tera")),
        ("catalogue.rs", include_str!("../../templates/catalogue.rs.tera")),
        ("python.pyi", include_str!("../../templates/python.pyi.tera")),
    ])
    .expect("the templates are part of this crate");
    tera
});

/// A template filled in.
pub(super) fn render(name: &str, key: &'static str, value: &impl Serialize) -> String {
    let mut context = Context::new();
    context.insert(key, value);
    TEMPLATES.render(name, &context).unwrap_or_else(|error| panic!("template {name}: {error:?}"))
}

/// A file of kernels.
pub(super) fn kernels(module: &Module) -> String {
    render("kernels.rs", "module", module)
}

/// The modules that include the files of kernels.
pub(super) fn modules(modules: &[Module]) -> String {
    render("modules.rs", "modules", &modules)
}
