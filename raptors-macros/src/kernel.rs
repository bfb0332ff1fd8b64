//! The expansion, over `proc_macro2` tokens so that it can be tested.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use raptors_codegen::{
    Dtype, Isa,
    emit::signature_name,
    op::{Family, camel},
    spec::{Prefetch, Schedule, Store, Tile},
    variant::Variant,
};
use syn::{
    Block, Error, Expr, ExprClosure, FnArg, ItemFn, Lit, Meta, Pat, ReturnType, Safety, Token,
    parse::Parser,
    parse_quote,
    punctuated::Punctuated,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
};

/// What the attribute says.
struct Arguments {
    computes: String,
    family: Family,
    /// The kinds of a map's arguments, a letter each.
    takes: String,
    dtype: Dtype,
    isa: &'static Isa,
    variant: Variant,
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let mut function: ItemFn = syn::parse2(item)
        .map_err(|error| Error::new(error.span(), "#[kernel] goes on a function with a body"))?;
    let arguments = read_arguments(arguments)?;
    let parameters = check(&function, &arguments)?;
    OnLines.visit_item_fn_mut(&mut function);
    Ok(emit(&function, &arguments, &parameters))
}

/// Has a kernel begin on a cache line, and so what may become a function of its own, its longer closures.
struct OnLines;

impl VisitMut for OnLines {
    fn visit_item_fn_mut(&mut self, function: &mut ItemFn) {
        visit_mut::visit_item_fn_mut(self, function);
        begin_on_a_line(&mut function.block);
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        visit_mut::visit_expr_closure_mut(self, closure);
        if let Expr::Block(body) = &mut *closure.body {
            begin_on_a_line(&mut body.block);
        }
    }
}

fn begin_on_a_line(block: &mut Block) {
    block.stmts.insert(0, parse_quote!(crate::dispatch::call::begins_on_a_line();));
}

fn emit(
    function: &ItemFn,
    Arguments { family, takes, dtype, isa, variant, .. }: &Arguments,
    parameters: &[Ident],
) -> TokenStream {
    let name = &function.sig.ident;
    let text = name.to_string();
    let row = Ident::new(&text.to_uppercase(), name.span());
    let arch = (!isa.is_portable()).then(|| {
        let arch = &isa.arch;
        quote!(#[cfg(target_arch = #arch)])
    });
    let features = (!isa.features.is_empty()).then(|| {
        let features = isa.features.join(",");
        quote!(#[target_feature(enable = #features)])
    });
    let dtype = format_ident!("{}", dtype.name());
    let signature = if *family == Family::Map {
        let name = format_ident!("{}", signature_name(takes, variant.inplace));
        quote!(crate::ops::sig::#name<#dtype>)
    } else {
        quote!(crate::runtime::reduce::States<#dtype>)
    };
    let isa = format_ident!("{}", camel(&isa.name));
    quote! {
        #arch
        #features
        #function

        #arch
        pub(crate) const #row: crate::dispatch::call::Row<#signature> = {
            #features
            fn entry((#(#parameters,)*): <#signature as crate::dispatch::call::Sig>::Args<'_>) {
                #name(#(#parameters),*)
            }
            crate::dispatch::call::Row::<#signature>::new(#text, crate::dispatch::Isa::#isa, entry)
        };
    }
}

/// The parameters' names, if the function is one that the row can call.
fn check(function: &ItemFn, arguments: &Arguments) -> Result<Vec<Ident>, Error> {
    let Arguments { computes, family, dtype, isa, variant, .. } = arguments;
    let signature = &function.sig;
    let expected = variant.kernel_name(computes, *family, *dtype, isa);
    let refuse = |span: Span, why: &str| Err(Error::new(span, why));
    if signature.ident != expected.as_str() {
        return refuse(signature.ident.span(), &format!("these arguments make the name `{expected}`"));
    }
    if let Safety::Unsafe(token) = &signature.safety {
        return refuse(token.span(), "a kernel is a safe function");
    }
    if let Some(token) = &signature.asyncness {
        return refuse(token.span(), "a kernel is not async");
    }
    if let Some(token) = &signature.constness {
        return refuse(token.span(), "a kernel is not const");
    }
    if let Some(token) = &signature.abi {
        return refuse(token.span(), "a kernel has Rust's own ABI");
    }
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        return refuse(
            signature.generics.span(),
            "a kernel is for one dtype and one ISA: it has no generics",
        );
    }
    if let Some(variadic) = &signature.variadic {
        return refuse(variadic.span(), "a kernel has a fixed number of parameters");
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        return refuse(
            ty.span(),
            "a kernel writes its results through its last parameter and returns nothing",
        );
    }
    signature
        .inputs
        .iter()
        .map(|input| match input {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => Ok(name.ident.clone()),
                other => Err(Error::new(other.span(), "a kernel's parameters are plain names")),
            },
            FnArg::Receiver(receiver) => Err(Error::new(receiver.span(), "a kernel is no method")),
        })
        .collect()
}

fn read_arguments(arguments: TokenStream) -> Result<Arguments, Error> {
    let list = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(arguments)?;
    let mut variant = Variant::plain(0);
    let (mut computes, mut family, mut dtype, mut isa, mut unroll) = (None, None, None, None, None);
    let mut takes = None;
    let mut seen: Vec<String> = Vec::new();
    for meta in &list {
        let name = meta.path().get_ident().map(ToString::to_string).unwrap_or_default();
        if seen.contains(&name) {
            return Err(Error::new(meta.span(), format!("`{name}` is given twice")));
        }
        match name.as_str() {
            "computes" => computes = Some(text(meta)?),
            "skeleton" => {
                let read = |text: &str| Family::ALL.into_iter().find(|family| family.name() == text);
                family = Some(known(meta, "skeleton", read, &Family::ALL.map(Family::name))?);
            }
            "takes" => {
                let read = |text: &str| text.chars().all(|c| "mrcs".contains(c)).then(|| text.to_owned());
                takes = Some(known(meta, "list of arguments", read, &["ms"])?);
            }
            "dtype" => dtype = Some(known(meta, "dtype", Dtype::parse, &Dtype::ALL.map(Dtype::name))?),
            "isa" => {
                let names: Vec<&str> = Isa::all().iter().map(|isa| isa.name.as_str()).collect();
                isa = Some(known(meta, "ISA", Isa::find, &names)?);
            }
            "unroll" => unroll = Some(number(meta)?),
            "streams" => variant.streams = number(meta)?,
            "schedule" => {
                variant.schedule =
                    known(meta, "schedule", |text| word(text, Schedule::Pipelined), &["pipelined"])?;
            }
            "store" => {
                variant.store = known(meta, "store", |text| word(text, Store::Streaming), &["streaming"])?;
            }
            "tile" => variant.tile = known(meta, "tile", tile, &["512 B", "1 KiB"])?,
            "prefetch" => variant.prefetch = known(meta, "prefetch", prefetch, &["l1 8 lines"])?,
            "inplace" => variant.inplace = Some(number(meta)?),
            _ => {
                return Err(Error::new(
                    meta.span(),
                    "expected computes, skeleton, takes, dtype, isa, unroll, schedule, streams, tile, prefetch, store or inplace",
                ));
            }
        }
        seen.push(name);
    }
    let missing = |name: &str| Error::new(list.span(), format!("`{name} = …` is missing"));
    variant.unroll = unroll.ok_or_else(|| missing("unroll"))?;
    let family = family.ok_or_else(|| missing("skeleton"))?;
    if (family == Family::Map) != takes.is_some() {
        return Err(Error::new(list.span(), "a map says what it `takes`, and no other skeleton does"));
    }
    Ok(Arguments {
        computes: computes.ok_or_else(|| missing("computes"))?,
        family,
        takes: takes.unwrap_or_default(),
        dtype: dtype.ok_or_else(|| missing("dtype"))?,
        isa: isa.ok_or_else(|| missing("isa"))?,
        variant,
    })
}

fn literal(meta: &Meta) -> Result<&Lit, Error> {
    match &meta.require_name_value()?.value {
        syn::Expr::Lit(literal) => Ok(&literal.lit),
        other => Err(Error::new(other.span(), "expected a literal")),
    }
}

fn text(meta: &Meta) -> Result<String, Error> {
    match literal(meta)? {
        Lit::Str(text) => Ok(text.value()),
        other => Err(Error::new(other.span(), "expected a string")),
    }
}

fn number(meta: &Meta) -> Result<usize, Error> {
    match literal(meta)? {
        Lit::Int(number) => number.base10_parse(),
        other => Err(Error::new(other.span(), "expected a number")),
    }
}

/// The value that a word stands for, or an error with the words there are.
fn known<T>(meta: &Meta, what: &str, read: impl Fn(&str) -> Option<T>, words: &[&str]) -> Result<T, Error> {
    let word = text(meta)?;
    read(&word).ok_or_else(|| {
        Error::new(literal(meta).map_or_else(|_| meta.span(), Spanned::span), {
            format!("no {what} `{word}`; there is, for example, {}", words.join(", "))
        })
    })
}

fn word<T: std::fmt::Display>(text: &str, value: T) -> Option<T> {
    (value.to_string() == text).then_some(value)
}

fn tile(text: &str) -> Option<Tile> {
    let (number, unit) = text.split_once(' ')?;
    let bytes: usize = number.parse().ok()?;
    match unit {
        "B" => Some(Tile::Bytes(bytes)),
        "KiB" => Some(Tile::Bytes(bytes * 1024)),
        _ => None,
    }
}

fn prefetch(text: &str) -> Option<Prefetch> {
    let (level, lines) = text.strip_suffix(" lines")?.strip_prefix('l')?.split_once(' ')?;
    Some(Prefetch::Ahead { level: level.parse().ok()?, lines: lines.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenTree;

    use super::*;

    fn scale() -> (TokenStream, TokenStream) {
        (
            quote!(
                computes = "mul_m_s",
                skeleton = "map",
                takes = "ms",
                dtype = "f32",
                isa = "avx2",
                unroll = 4
            ),
            quote! {
                fn mul_m_s_map_f32_avx2_u4(x: MatrixRef<'_, f32>, factor: f32, out: MatrixMut<'_, f32>) {
                    let factor_v = v::splat(factor);
                }
            },
        )
    }

    /// Every identifier, in groups too.
    fn words(tokens: TokenStream, found: &mut Vec<String>) {
        for tree in tokens {
            match tree {
                TokenTree::Group(group) => words(group.stream(), found),
                TokenTree::Ident(word) => found.push(word.to_string()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    #[test]
    fn emits_the_function_on_a_line_and_one_constant() {
        let (arguments, function) = scale();
        let output: syn::File =
            syn::parse2(expand(arguments, function.clone()).expect("valid")).expect("items");
        let [syn::Item::Fn(emitted), syn::Item::Const(row)] = &output.items[..] else {
            panic!("a function and a constant, not {:?}", output.items)
        };
        let mut emitted = emitted.clone();
        let attributes: Vec<String> = emitted.attrs.drain(..).map(|attr| quote!(#attr).to_string()).collect();
        assert_eq!(
            attributes,
            [
                quote!(#[cfg(target_arch = "x86_64")]).to_string(),
                quote!(#[target_feature(enable = "avx2,fma")]).to_string(),
            ]
        );
        let line: syn::Stmt = parse_quote!(crate::dispatch::call::begins_on_a_line(););
        assert_eq!(emitted.block.stmts.remove(0), line);
        assert_eq!(quote!(#emitted).to_string(), function.to_string());
        assert_eq!(row.ident, "MUL_M_S_MAP_F32_AVX2_U4");
    }

    #[test]
    fn longer_closures_begin_on_a_line_too() {
        let (arguments, _) = scale();
        let function = quote! {
            fn mul_m_s_map_f32_avx2_u4(x: MatrixRef<'_, f32>, factor: f32, out: MatrixMut<'_, f32>) {
                let short = |a| a;
                let long = |a| { short(a) };
            }
        };
        let output = expand(arguments, function).expect("valid").to_string();
        assert_eq!(output.matches("begins_on_a_line").count(), 2);
        let closure = quote!(let long = |a| { crate::dispatch::call::begins_on_a_line(); short(a) };);
        assert!(output.contains(&closure.to_string()), "{output}");
    }

    #[test]
    fn emits_nothing_unsafe() {
        for (arguments, function) in [
            scale(),
            (
                quote!(
                    computes = "add",
                    skeleton = "runs",
                    dtype = "f64",
                    isa = "portable",
                    unroll = 2,
                    streams = 8
                ),
                quote!(
                    fn add_runs_f64_portable_u2_s8(x: MatrixRef<'_, f64>, acc: &mut [f64]) {}
                ),
            ),
        ] {
            let mut found = Vec::new();
            words(expand(arguments, function).expect("valid"), &mut found);
            assert!(found.len() > 20, "the walk went through the output");
            for word in ["unsafe", "allow", "no_mangle", "export_name", "link_section", "asm", "transmute"] {
                assert!(!found.iter().any(|other| other == word), "`{word}` in {found:?}");
            }
        }
    }

    #[test]
    fn every_argument_has_its_trace_in_the_name() {
        let arguments = quote!(
            computes = "add_m_m2",
            skeleton = "map",
            takes = "mm",
            dtype = "f32",
            isa = "avx2",
            unroll = 2,
            schedule = "pipelined",
            streams = 4,
            tile = "1 KiB",
            prefetch = "l2 32 lines",
            store = "streaming",
            inplace = 1
        );
        let Arguments { computes, family, dtype, isa, variant, .. } =
            read_arguments(arguments).expect("valid");
        assert_eq!(
            variant.kernel_name(&computes, family, dtype, isa),
            "add_m_m2_map_f32_avx2_u2_pipe_s4_t1k_pl2x32_nt_inplace2"
        );
    }
}
