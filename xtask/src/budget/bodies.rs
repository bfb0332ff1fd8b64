//! The kernels of a build, and whether two of them are the same: by what the catalogue says, and, which trusts it in
//! nothing, by their generated texts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use quote::ToTokens as _;
use raptors_codegen::Isa;
use serde_json::Value;
use syn::visit_mut::VisitMut;

use crate::size::Spread;

/// The words of the catalogue for what became of a kernel.
const STATUS: [&str; 3] = ["shipped", "candidate", "dropped"];

/// What is read of a kernel in the catalogue.
#[derive(Debug)]
struct Kernel {
    name: String,
    body: String,
    isa: String,
    status: String,
    serves: usize,
}

/// The kernels that `raptors list --json` names.
#[derive(Debug)]
pub(crate) struct Catalogue(Vec<Kernel>);

impl Catalogue {
    pub(crate) fn parse(json: &str) -> Result<Self> {
        let kernels: Vec<Value> = serde_json::from_str(json).context("the catalogue is no JSON array")?;
        let kernels = kernels.iter().map(|kernel| {
            let field = |name: &str| {
                kernel[name]
                    .as_str()
                    .map(str::to_owned)
                    .with_context(|| format!("a kernel without `{name}`: {kernel}"))
            };
            let serves = kernel["serves"].as_array().map(Vec::len);
            Ok(Kernel {
                name: field("kernel")?,
                body: field("body")?,
                isa: field("isa")?,
                status: field("status")?,
                serves: serves.with_context(|| format!("a kernel without `serves`: {kernel}"))?,
            })
        });
        Ok(Self(kernels.collect::<Result<_>>()?))
    }

    fn shipped(&self) -> impl Iterator<Item = &Kernel> {
        self.0.iter().filter(|kernel| kernel.status == "shipped")
    }

    /// How many kernels ship.
    pub(crate) fn kernels(&self) -> usize {
        self.shipped().count()
    }

    /// How many operations they serve, each counted for each kernel that it has.
    pub(crate) fn served(&self) -> usize {
        self.shipped().map(|kernel| kernel.serves).sum()
    }

    /// How many of those that ship have a body that another one has.
    pub(crate) fn duplicates(&self) -> Result<usize> {
        ensure!(self.kernels() > 0, "the catalogue names no kernel that ships");
        let distinct: BTreeSet<_> = self.shipped().map(|kernel| (&kernel.isa, &kernel.body)).collect();
        Ok(self.kernels() - distinct.len())
    }

    /// The names of those that ship.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.shipped().map(|kernel| kernel.name.clone()).collect()
    }

    /// For each instruction set how many kernels ship, can be measured, or were dropped; and how much code those that
    /// ship became.
    pub(crate) fn by_isa(&self, sizes: &BTreeMap<String, u64>) -> String {
        let mut isas: BTreeMap<&str, Vec<&Kernel>> = BTreeMap::new();
        for kernel in &self.0 {
            isas.entry(&kernel.isa).or_default().push(kernel);
        }
        let mut text = String::new();
        let mut line = |words: [&str; 8]| {
            let [isa, shipped, candidates, dropped, least, median, greatest, total] = words;
            writeln!(
                text,
                "{isa:<10} {shipped:>8} {candidates:>11} {dropped:>8} {least:>8} {median:>8} {greatest:>9} {total:>11}"
            )
            .expect("a string takes all");
        };
        line(["isa", "shipped", "candidates", "dropped", "least", "median", "greatest", "bytes"]);
        let all: Vec<_> = self.0.iter().collect();
        for (isa, kernels) in isas.iter().map(|(isa, kernels)| (*isa, kernels)).chain([("total", &all)]) {
            let counts = STATUS.map(|status| kernels.iter().filter(|kernel| kernel.status == status).count());
            let found = kernels.iter().filter(|kernel| kernel.status == "shipped");
            let spread = Spread::of(found.filter_map(|kernel| sizes.get(&kernel.name).copied()));
            let spread = spread.map_or([0; 4], |it| [it.least, it.median, it.greatest, it.total]);
            let [shipped, candidates, dropped] = counts.map(|count| count.to_string());
            // Kernels of another target's have no code here.
            let [least, median, greatest, total] =
                spread.map(|bytes| if bytes == 0 { "-".to_owned() } else { bytes.to_string() });
            line([isa, &shipped, &candidates, &dropped, &least, &median, &greatest, &total]);
        }
        text
    }
}

/// A kernel as it was generated.
#[derive(Debug)]
struct Text {
    name: String,
    isa: String,
    /// Its parameters and its body, in which its own name is another word.
    tokens: String,
}

/// The kernels in the files that a build wrote.
#[derive(Debug, Default)]
pub(crate) struct Texts(Vec<Text>);

impl Texts {
    /// Of all files of kernels in a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut texts = Self::default();
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                texts.add(&name, &fs::read_to_string(&path)?).with_context(|| path.display().to_string())?;
            }
        }
        ensure!(!texts.0.is_empty(), "no kernel is written in {}", folder.display());
        Ok(texts)
    }

    /// Adds the kernels of one file; those of an instruction set that the attribute names, or else the file.
    fn add(&mut self, file: &str, text: &str) -> Result<()> {
        let mut kernels = Kernels::default();
        kernels.visit_file_mut(&mut syn::parse_file(text)?);
        let of_file = Isa::all().iter().find(|isa| file.split('_').any(|word| word == isa.name));
        for (attribute, mut function) in kernels.0 {
            let isa = attribute_value(&attribute, "isa").or_else(|| of_file.map(|isa| isa.name.clone()));
            let name = function.sig.ident.to_string();
            let isa = isa.with_context(|| format!("of which instruction set is {name}?"))?;
            Rename { name: &name }.visit_item_fn_mut(&mut function);
            let tokens = format!("{} {}", function.sig.to_token_stream(), function.block.to_token_stream());
            self.0.push(Text { name, isa, tokens });
        }
        Ok(())
    }

    /// Those whose text is that of another one of their instruction set, with the name of that one.
    pub(crate) fn duplicates(&self) -> Vec<(&str, &str)> {
        let mut first: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        let mut duplicates = Vec::new();
        for Text { name, isa, tokens } in &self.0 {
            match first.get(&(isa.as_str(), tokens.as_str())) {
                Some(other) => duplicates.push((name.as_str(), *other)),
                None => drop(first.insert((isa, tokens), name)),
            }
        }
        duplicates
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Collects the functions with the attribute, wherever they stand.
#[derive(Default)]
struct Kernels(Vec<(syn::Attribute, syn::ItemFn)>);

impl VisitMut for Kernels {
    fn visit_item_fn_mut(&mut self, function: &mut syn::ItemFn) {
        let is_kernel = |attribute: &&syn::Attribute| attribute.path().is_ident("kernel");
        match function.attrs.iter().find(is_kernel) {
            Some(attribute) => self.0.push((attribute.clone(), function.clone())),
            None => syn::visit_mut::visit_item_fn_mut(self, function),
        }
    }
}

/// What an attribute of the form `#[kernel(isa = "avx2")]` says.
fn attribute_value(attribute: &syn::Attribute, name: &str) -> Option<String> {
    use syn::{Expr, ExprLit, Lit, MetaNameValue, Token, punctuated::Punctuated};
    let fields = attribute.parse_args_with(Punctuated::<MetaNameValue, Token![,]>::parse_terminated).ok()?;
    let field = fields.into_iter().find(|field| field.path.is_ident(name))?;
    match field.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// Gives a function another name, wherever it names itself; and takes its attributes away, those in it, too.
struct Rename<'a> {
    name: &'a str,
}

impl VisitMut for Rename<'_> {
    fn visit_ident_mut(&mut self, ident: &mut syn::Ident) {
        if ident == self.name {
            *ident = syn::Ident::new("kernel_itself", ident.span());
        }
    }

    fn visit_attributes_mut(&mut self, attributes: &mut Vec<syn::Attribute>) {
        attributes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNELS: &str = r#"
        /// One.
        #[kernel(op = "sum", dtype = "f32", isa = "avx2", unroll = 1)]
        fn sum_f32_avx2_u1(x: MatrixRef<'_, f32>) -> f32 {
            use crate::simd::f32 as v;
            v::sum(x, sum_f32_avx2_u1::WIDTH)
        }
        // Another comment and attribute, another name, the same body.
        #[kernel(op = "mean", dtype = "f32", isa = "avx2", unroll = 1)]
        fn mean_f32_avx2_u1(x: MatrixRef<'_, f32>) -> f32 {
            use crate::simd::f32 as v;
            v::sum(x, mean_f32_avx2_u1::WIDTH)
        }
        mod inside {
            #[kernel(op = "sum", dtype = "f32", isa = "avx512", unroll = 1)]
            fn sum_f32_avx512_u1(x: MatrixRef<'_, f32>) -> f32 {
                use crate::simd::f32 as v;
                v::sum(x, sum_f32_avx512_u1::WIDTH)
            }
        }
        #[kernel(op = "sum", dtype = "f64", isa = "avx2", unroll = 1)]
        fn sum_f64_avx2_u1(x: MatrixRef<'_, f64>) -> f32 {
            use crate::simd::f32 as v;
            v::sum(x, sum_f64_avx2_u1::WIDTH)
        }
        fn no_kernel(x: u8) {}
        fn no_kernel_either(x: u8) {}
    "#;

    fn texts(file: &str, text: &str) -> Texts {
        let mut texts = Texts::default();
        texts.add(file, text).unwrap();
        texts
    }

    #[test]
    fn a_duplicate_under_another_name_is_counted() {
        let texts = texts("kernels", KERNELS);
        assert_eq!(texts.count(), 4);
        // Not the one of another instruction set, and not the one with other parameters.
        assert_eq!(texts.duplicates(), [("mean_f32_avx2_u1", "sum_f32_avx2_u1")]);
    }

    #[test]
    fn one_token_makes_a_difference() {
        let other =
            KERNELS.replace("v::sum(x, mean_f32_avx2_u1::WIDTH)", "v::sum(x, sum_f32_avx2_u1::WIDTH)");
        assert!(texts("kernels", &other).duplicates().is_empty());
    }

    #[test]
    fn a_file_tells_the_instruction_set_where_the_attribute_does_not() {
        let plain = |name: &str| format!("#[kernel(BODY_1)] fn {name}(x: u8) {{ x; }}\n");
        let mut both = texts("kernels_avx2_map", &plain("one"));
        both.add("kernels_avx512_map", &plain("two")).unwrap();
        assert!(both.duplicates().is_empty());
        both.add("kernels_avx2_reduce__2", &plain("three")).unwrap();
        assert_eq!(both.duplicates(), [("three", "one")]);
        let error = both.add("kernels", &plain("four")).unwrap_err().to_string();
        assert_eq!(error, "of which instruction set is four?");
    }

    const JSON: &str = r#"[
        {"kernel": "add_f32_avx2_u4", "body": "0123456789abcdef", "isa": "avx2", "dtype": "f32", "variant": "unroll 4",
         "serves": ["add", "plus"], "status": "shipped"},
        {"kernel": "add_f32_avx2_u8", "body": "0123456789abcdee", "isa": "avx2", "dtype": "f32", "variant": "unroll 8",
         "serves": ["add"], "status": "candidate"},
        {"kernel": "add_f32_portable_u1", "body": "0123456789abcded", "isa": "portable", "dtype": "f32",
         "variant": "unroll 1", "serves": ["add"], "status": "dropped", "reason": "live values"}
    ]"#;

    #[test]
    fn a_body_that_ships_twice_is_counted() {
        let catalogue = Catalogue::parse(JSON).unwrap();
        assert_eq!((catalogue.kernels(), catalogue.served(), catalogue.duplicates().unwrap()), (1, 2, 0));
        // A candidate of the same body is none; once it ships, it is one.
        let twice = JSON.replace("0123456789abcdee", "0123456789abcdef");
        assert_eq!(Catalogue::parse(&twice).unwrap().duplicates().unwrap(), 0);
        let twice = twice.replace("candidate", "shipped");
        assert_eq!(Catalogue::parse(&twice).unwrap().duplicates().unwrap(), 1);
        // The same bits of another instruction set's are no duplicate.
        let apart = twice.replacen("avx2\", \"dtype", "avx512\", \"dtype", 1);
        assert_eq!(Catalogue::parse(&apart).unwrap().duplicates().unwrap(), 0);
        assert!(Catalogue::parse("[]").unwrap().duplicates().is_err());
    }

    #[test]
    fn kernels_are_counted_by_status() {
        let sizes =
            BTreeMap::from([("add_f32_avx2_u4".to_owned(), 300), ("add_f32_avx2_u8".to_owned(), 500)]);
        let text = Catalogue::parse(JSON).unwrap().by_isa(&sizes);
        let rows: Vec<_> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(rows[1], ["avx2", "1", "1", "0", "300", "300", "300", "300"]);
        assert_eq!(rows[2], ["portable", "0", "0", "1", "-", "-", "-", "-"]);
        assert_eq!(rows[3], ["total", "1", "1", "1", "300", "300", "300", "300"]);
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn a_kernel_must_have_its_fields() {
        let error = Catalogue::parse(r#"[{"kernel": "add"}]"#).unwrap_err().to_string();
        assert_eq!(error, r#"a kernel without `body`: {"kernel":"add"}"#);
        let json = JSON.replace("\"serves\": [\"add\", \"plus\"]", "\"op\": \"add\"");
        let error = Catalogue::parse(&json).unwrap_err().to_string();
        assert!(error.starts_with(r#"a kernel without `serves`: {"body":"0123456789abcdef","#), "{error}");
    }
}
