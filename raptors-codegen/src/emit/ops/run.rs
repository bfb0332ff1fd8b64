//! How a call of an element-by-element operation is carried out: checks, a plan, the kernel on the whole or on pieces.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::map::{matrices, name};
use crate::{emit::kernel::number, op::Op, spec::InputKind};

/// The function that every way to call the operation comes to: `scale_run`, or `scale_run_inplace`.
pub(super) fn run(op: &Op<'_>, inplace: bool) -> TokenStream {
    let ty = format_ident!("{}", op.type_name());
    let function = format_ident!("{}_run{}", op.name, if inplace { "_inplace" } else { "" });
    let first = name(op, op.first_matrix());
    let mut parameters = TokenStream::new();
    let mut checks = TokenStream::new();
    let mut matrices_in_order = Vec::new();
    let mut arguments = TokenStream::new();
    let mut flat_arguments = TokenStream::new();
    for (index, input) in op.spec.inputs.iter().enumerate() {
        let (name, text) = (name(op, index), &input.name);
        match input.kind {
            InputKind::Matrix => {
                let view = if inplace && name == first { quote!(MatrixMut) } else { quote!(MatrixRef) };
                parameters.extend(quote!(#name: #view<'_, T>,));
                if name != first {
                    checks.extend(quote!(check::matrix(#text, #name.shape(), shape)?;));
                }
                matrices_in_order.push(name.clone());
                flat_arguments.extend(quote!(#name.flattened(),));
            }
            InputKind::Row => {
                parameters.extend(quote!(#name: &[T],));
                checks.extend(quote!(check::row(#text, #name.len(), shape)?;));
            }
            InputKind::Column => {
                parameters.extend(quote!(#name: &[T],));
                checks.extend(quote!(check::column(#text, #name.len(), shape)?;));
            }
            InputKind::Scalar => {
                parameters.extend(quote!(#name: T,));
                flat_arguments.extend(quote!(#name,));
            }
        }
        arguments.extend(quote!(#name,));
    }
    let table = if inplace { quote!(inplace) } else { quote!(into) };
    if !inplace {
        parameters.extend(quote!(out: MatrixMut<'_, T>,));
        checks.extend(quote!(check::matrix("out", out.shape(), shape)?;));
        matrices_in_order.push(format_ident!("out"));
        arguments.extend(quote!(out,));
        flat_arguments.extend(quote!(out.flattened(),));
    }
    let matrices = number(matrices(op));
    let joined = joined(op, inplace, &arguments);
    let call = if op.is_flat() {
        quote! {
            if contiguous {
                map::run::<T, _>(&plan, (1, shape.0 * shape.1), target.bytes, usize::MAX, (#flat_arguments))
            } else {
                map::run::<T, _>(&plan, shape, target.bytes, usize::MAX, (#arguments))
            }
        }
    } else {
        let has_row = op.spec.inputs.iter().any(|input| input.kind == InputKind::Row);
        let stripe = if has_row { quote!(map::stripe::<T>()) } else { quote!(usize::MAX) };
        quote!(map::run::<T, _>(&plan, shape, target.bytes, #stripe, (#arguments)))
    };
    quote! {
        #[inline]
        fn #function<T: Supports<op::#ty>>(call: &Call<'_>, #parameters) -> Result<(), Error> {
            let shape = #first.shape();
            #checks
            let contiguous = #(#matrices_in_order.is_contiguous())&&*;
            let target = map::target::<T>(shape, #matrices, contiguous);
            let plan = T::TABLES.#table.pick(call.choice, call.cut, target)?;
            if shape.0 == 0 || shape.1 == 0 {
                return Ok(());
            }
            #joined
            #call
        }
    }
}

/// What is done with narrow matrices by an operation that takes rows and no columns: several rows of the matrices are
/// seen as one, and the row arguments are repeated as often.
fn joined(op: &Op<'_>, inplace: bool, arguments: &TokenStream) -> TokenStream {
    let has = |kind| op.spec.inputs.iter().any(|input| input.kind == kind);
    if !has(InputKind::Row) || has(InputKind::Column) {
        return TokenStream::new();
    }
    let signature = format_ident!("{}{}", op.type_name(), if inplace { "Inplace" } else { "" });
    let mut joined = TokenStream::new();
    for (index, input) in op.spec.inputs.iter().enumerate() {
        let name = name(op, index);
        joined.extend(match input.kind {
            InputKind::Matrix => quote!(#name.joined_rows(times),),
            InputKind::Row => quote!(&map::repeated(#name, times),),
            InputKind::Column | InputKind::Scalar => quote!(#name,),
        });
    }
    if !inplace {
        joined.extend(quote!(out.joined_rows(times),));
    }
    quote! {
        let times = if contiguous { map::joined_rows(&plan, shape) } else { 1 };
        if times > 1 {
            let at = shape.0 / times * times;
            let (whole, rest) = <sig::#signature<T> as Pieces>::split((#arguments), Along::Rows, at);
            if at < shape.0 {
                plan.kernel.call(rest);
            }
            let (#arguments) = whole;
            let extent = (at / times, shape.1 * times);
            return map::run::<T, _>(&plan, extent, target.bytes, usize::MAX, (#joined));
        }
    }
}
