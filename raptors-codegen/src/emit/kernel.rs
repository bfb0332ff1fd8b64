//! What all kernels have in common: the attribute, the note above, prefetch, and comments inside bodies.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use crate::{
    ir::{Kernel, Skeleton},
    spec::{Prefetch, Schedule, Store, Tile},
};

/// The whole function of a kernel.
pub(super) fn function(kernel: &Kernel) -> TokenStream {
    let (parameters, body) = match &kernel.skeleton {
        Skeleton::Map(map) => super::map::write(kernel, map),
        Skeleton::Reduce(reduce) => super::reduce::write(kernel, reduce),
    };
    let attribute = attribute(kernel);
    let name = format_ident!("{}", kernel.name);
    let isa = format_ident!("{}", kernel.isa.name);
    let module = format_ident!("{}", kernel.vocabulary());
    let functions =
        kernel.functions().next().is_some().then(|| quote!(use crate::functions::#isa::#module as f;));
    quote! {
        #attribute
        fn #name(#parameters) {
            use crate::simd::#isa::#module as v;
            #functions
            #body
        }
    }
}

/// `#[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "avx2", unroll = 4)]`: what is
/// computed and how memory is walked, then the variant, neutral values left out.
fn attribute(kernel: &Kernel) -> TokenStream {
    let Kernel { computes, takes, variant, .. } = kernel;
    let skeleton = kernel.family.name();
    let (dtype, isa) = (kernel.types.storage.name(), &kernel.isa.name);
    let unroll = number(variant.unroll);
    let takes = matches!(kernel.skeleton, Skeleton::Map(_)).then(|| quote!(takes = #takes,));
    let mut arguments = quote! {
        computes = #computes, skeleton = #skeleton, #takes dtype = #dtype, isa = #isa, unroll = #unroll
    };
    if variant.schedule == Schedule::Pipelined {
        arguments.extend(quote!(, schedule = "pipelined"));
    }
    if variant.streams > 1 {
        let streams = number(variant.streams);
        arguments.extend(quote!(, streams = #streams));
    }
    if variant.tile != Tile::Whole {
        let tile = variant.tile.to_string();
        arguments.extend(quote!(, tile = #tile));
    }
    if variant.prefetch != Prefetch::None {
        let prefetch = variant.prefetch.to_string();
        arguments.extend(quote!(, prefetch = #prefetch));
    }
    if variant.store == Store::Streaming {
        arguments.extend(quote!(, store = "streaming"));
    }
    if let Some(matrix) = variant.inplace {
        let matrix = number(matrix);
        arguments.extend(quote!(, inplace = #matrix));
    }
    quote!(#[kernel(#arguments)])
}

/// The vocabulary's word for a prefetch hint, with its distance.
pub(super) fn prefetch_word(prefetch: Prefetch) -> Option<TokenStream> {
    let Prefetch::Ahead { level, lines } = prefetch else { return None };
    let word = format_ident!("prefetch_l{level}");
    let lines = number(lines);
    Some(quote!(v::#word::<#lines>))
}

/// A number without a suffix.
pub(super) fn number(value: usize) -> Literal {
    Literal::usize_unsuffixed(value)
}

/// A comment of its own line. Token streams have none, so it goes through the printer as a macro call, which
/// [`uncover_comments`] turns back.
pub(super) fn comment(text: &str) -> TokenStream {
    quote!(comment!(#text);)
}

/// Turns the calls that [`comment`] made into comments: on one line, or on three where the printer broke them.
pub(super) fn uncover_comments(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let start = line.trim_start();
        match start.strip_prefix("comment!(") {
            Some(rest) => {
                let whole: String =
                    if rest.is_empty() { lines.by_ref().take(2).collect() } else { rest.to_owned() };
                let words =
                    whole.trim().trim_end_matches(");").trim().trim_end_matches(',').trim_matches('"');
                out.push_str(&line[..line.len() - start.len()]);
                out.push_str("// ");
                out.push_str(words);
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// `for <pattern> in <iterator> { <body> }` over several things side by side.
pub(super) fn zipped(sides: &[(TokenStream, TokenStream)], body: &TokenStream) -> TokenStream {
    let mut sides = sides.iter();
    let (first_pattern, first) = sides.next().expect("something to walk over");
    let (pattern, iterator) =
        sides.fold((first_pattern.clone(), first.clone()), |(pattern, iterator), (next_pattern, next)| {
            (quote!((#pattern, #next_pattern)), quote!(#iterator.zip(#next)))
        });
    quote!(for #pattern in #iterator { #body })
}
