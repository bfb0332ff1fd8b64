//! `vocabularies.rs`: what the tests of the vector vocabularies run over, so that no list of theirs has to be extended.

use serde::Serialize;

use super::template;
use crate::{Dtype, Isa, ir::BLOCK, op::camel};

#[derive(Serialize)]
struct VocabularyView {
    isa: String,
    variant: String,
    arch: Option<String>,
    features: String,
    module: String,
    float: String,
    bits: String,
    lanes: usize,
    distances: Vec<usize>,
}

pub(super) fn write() -> String {
    let mut views = Vec::new();
    for isa in Isa::all() {
        for dtype in Dtype::ALL {
            let mut modules = vec![isa.module(dtype, usize::MAX), isa.module(dtype, BLOCK)];
            modules.dedup();
            views.extend(modules.into_iter().map(|(module, lanes)| VocabularyView {
                isa: isa.name.clone(),
                variant: camel(&isa.name),
                arch: (!isa.is_portable()).then(|| isa.arch.clone()),
                features: isa.features.join(","),
                module,
                float: dtype.to_string(),
                bits: format!("u{}", 8 * dtype.bytes()),
                lanes,
                distances: (0..lanes.ilog2()).map(|step| 1 << step).collect(),
            }));
        }
    }
    template::render("vocabularies.rs", "vocabularies", &views)
}
