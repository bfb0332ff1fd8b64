//! Functions of element-by-element operations.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{MEMORY, SHAPE, docs, erased, errors_docs, explain, reduce, shape_docs, table};
use crate::{
    emit::{kernel::number, signature::Signature},
    op::Op,
    select::Table,
    spec::{Body, InputKind, Numerics},
};

/// The signatures of an operation's kernels: into another matrix, and in place.
pub(super) fn signatures(op: &Op<'_>, tables: &[Table<'_, '_>]) -> [Ident; 2] {
    [false, true].map(|inplace| {
        let is = |table: &&Table<'_, '_>| {
            table.group.inplace.is_some() == inplace && table.ops.iter().any(|of| of.name == op.name)
        };
        let found = tables.iter().find(is).and_then(|table| Signature::of(table.group));
        found.expect("every map has kernels of both").ty()
    })
}

/// Everything of one operation.
pub(super) fn functions(op: &Op<'_>, tables: &[Table<'_, '_>]) -> TokenStream {
    let signatures = signatures(op, tables);
    let [_, inplace] = &signatures;
    let supports = supports(op, tables);
    let public = public(op, &signatures);
    let ty = format_ident!("{}", op.type_name());
    let (text, arguments) = (&op.name, &op.computation.arguments);
    let inputs = arguments.iter().map(|argument| &op.spec.inputs[argument.input].name);
    let order = arguments.iter().map(|argument| number(argument.input));
    let named = format_ident!("{}__NAMED", op.name.to_uppercase());
    let count = number(arguments.len());
    let erased = erased(op, &|dtype| {
        let float = format_ident!("{}", dtype.name());
        let tables = quote!(<#float as Supports<op::#ty>>::TABLES);
        quote!(sig::#inplace::<#float>::erased(#tables, &#named, call, args, place))
    });
    let explain = explain(&op.name, op.spec, &|dtype| {
        let float = format_ident!("{}", dtype.name());
        let tables = quote!(<#float as Supports<op::#ty>>::TABLES);
        quote!(sig::#inplace::<#float>::explain(#tables, by, numerics, inplace, shape, SPEC))
    });
    quote! {
        #supports
        static #named: map::Named<#count> =
            map::Named { op: #text, names: [#(#inputs),*], order: [#(#order),*] };
        #public
        #erased
        #explain
    }
}

fn supports(op: &Op<'_>, tables: &[Table<'_, '_>]) -> TokenStream {
    let ty = format_ident!("{}", op.type_name());
    op.spec
        .dtypes
        .iter()
        .map(|&dtype| {
            let float = format_ident!("{}", dtype.name());
            let [into, inplace] =
                [false, true].map(|inplace| table(&op.name, dtype, Numerics::Numpy, inplace, tables));
            quote! {
                impl Supports<op::#ty> for #float {
                    const TABLES: &'static <op::#ty as Operation>::Tables<Self> =
                        &Map { into: &#into, inplace: &#inplace };
                }
            }
        })
        .collect()
}

fn name(op: &Op<'_>, index: usize) -> Ident {
    format_ident!("{}", op.spec.inputs[index].name)
}

/// The parameters that callers see.
fn public_parameters(op: &Op<'_>, inplace: bool) -> TokenStream {
    (0..op.spec.inputs.len())
        .map(|index| {
            let name = name(op, index);
            match op.spec.inputs[index].kind {
                InputKind::Matrix if inplace && index == op.first_matrix() => {
                    quote!(#name: impl Into<MatrixMut<'b, T>>,)
                }
                InputKind::Matrix => quote!(#name: impl Into<MatrixRef<'a, T>>,),
                InputKind::Row | InputKind::Column => quote!(#name: &[T],),
                InputKind::Scalar => quote!(#name: T,),
            }
        })
        .collect()
}

/// The arguments in the order of the kernels, matrices as views. The first is one already: its shape is that of the call.
fn passed(op: &Op<'_>) -> TokenStream {
    let pass = |input: usize| {
        let name = name(op, input);
        let convert = op.spec.inputs[input].kind == InputKind::Matrix && input != op.first_matrix();
        if convert { quote!(#name.into(),) } else { quote!(#name,) }
    };
    op.computation.arguments.iter().map(|argument| pass(argument.input)).collect()
}

fn public(op: &Op<'_>, [sig_into, sig_inplace]: &[Ident; 2]) -> TokenStream {
    let ty = format_ident!("{}", op.type_name());
    let function = format_ident!("{}", op.name);
    let (into, inplace) = (format_ident!("{}_into", op.name), format_ident!("{}_inplace", op.name));
    let named = format_ident!("{}__NAMED", op.name.to_uppercase());
    let first = name(op, op.first_matrix());
    let parameters = public_parameters(op, false);
    let passed = passed(op);
    let inplace_parameters = public_parameters(op, true);
    let Body::Map { output } = &op.spec.body else { unreachable!("a map operation comes from a map spec") };
    let inputs: Vec<&str> = op.spec.inputs.iter().map(|input| input.name.as_str()).collect();
    let formula = output.text(&inputs, &[]);
    let source = format!("From `{}`, line {}.", op.spec.file, op.spec.line);
    let about = |what: &str, errors: &[&str], example: Vec<String>| {
        let mut lines = vec![op.spec.summary.clone(), String::new(), what.to_owned(), String::new()];
        lines.extend(shape_docs(op.spec));
        lines.push(source.clone());
        lines.extend(errors_docs(errors));
        lines.extend(example);
        docs(&lines)
    };
    let has_any = op.spec.has_any();
    // What a call is that says no class, and which table it looks into.
    let (class, of) = if has_any {
        (quote!(Call::of(Numerics::preferred())), quote!(.of(Numerics::preferred(), shape__)))
    } else {
        (quote!(Call::default()), TokenStream::new())
    };
    // With one matrix and no row or column there is nothing that a shape could disagree with.
    let of_shapes = op.spec.inputs.iter().filter(|input| input.kind != InputKind::Scalar).count();
    let shape: &[&str] = if of_shapes > 1 { &[SHAPE] } else { &[] };
    let what = format!("Gives a new matrix, each element of which is `{formula}`.");
    let new_docs = about(&what, &[shape, &[MEMORY]].concat(), example(op));
    let (into_what, inplace_what) = (
        format!("Sets each element of `out` to `{formula}`."),
        format!("Sets each element of `{first}` to `{formula}`."),
    );
    let into_docs = about(&into_what, &[SHAPE], Vec::new());
    let inplace_docs = about(&inplace_what, shape, Vec::new());
    let others = op.spec.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count() > 1;
    let lifetimes = if others { quote!('a, 'b) } else { quote!('b) };
    let with = has_any.then(|| {
        let class_docs =
            |what: &str, errors: &[&str]| about(&format!("{what} {}", reduce::CLASS), errors, Vec::new());
        let docs = [
            class_docs(&what, &[shape, &[MEMORY]].concat()),
            class_docs(&into_what, &[SHAPE]),
            class_docs(&inplace_what, shape),
        ];
        in_class(op, [sig_into, sig_inplace], docs, &lifetimes)
    });
    quote! {
        #new_docs
        pub fn #function<'a, T: Supports<op::#ty>>(#parameters) -> Result<Matrix<T>, Error> {
            let #first: MatrixRef<'_, T> = #first.into();
            let shape__ = #first.shape();
            let mut out = Matrix::for_output(shape__.0, shape__.1)?;
            sig::#sig_into::run(T::TABLES.into #of, &#class, &#named, shape__, #passed out.view_mut())?;
            Ok(out)
        }
        #into_docs
        pub fn #into<'a, 'b, T: Supports<op::#ty>>(
            #parameters
            out: impl Into<MatrixMut<'b, T>>,
        ) -> Result<(), Error> {
            let #first: MatrixRef<'_, T> = #first.into();
            let shape__ = #first.shape();
            sig::#sig_into::run(T::TABLES.into #of, &#class, &#named, shape__, #passed out.into())
        }
        #inplace_docs
        pub fn #inplace<#lifetimes, T: Supports<op::#ty>>(#inplace_parameters) -> Result<(), Error> {
            let #first: MatrixMut<'_, T> = #first.into();
            let shape__ = #first.shape();
            sig::#sig_inplace::run(T::TABLES.inplace #of, &#class, &#named, shape__, #passed)
        }
        #with
    }
}

/// The functions that take a numeric class, of operations that have several.
fn in_class(
    op: &Op<'_>,
    [sig_into, sig_inplace]: [&Ident; 2],
    [with_docs, into_docs, inplace_docs]: [TokenStream; 3],
    lifetimes: &TokenStream,
) -> TokenStream {
    let ty = format_ident!("{}", op.type_name());
    let [with, into_with, inplace_with] =
        ["with", "into_with", "inplace_with"].map(|end| format_ident!("{}_{end}", op.name));
    let (named, text) = (format_ident!("{}__NAMED", op.name.to_uppercase()), &op.name);
    let (first, passed) = (name(op, op.first_matrix()), passed(op));
    let (parameters, inplace_parameters) = (public_parameters(op, false), public_parameters(op, true));
    quote! {
        #with_docs
        pub fn #with<'a, T: Supports<op::#ty>>(#parameters numerics: Numerics) -> Result<Matrix<T>, Error> {
            let #first: MatrixRef<'_, T> = #first.into();
            let shape__ = #first.shape();
            let call__ = map::classed(#text, numerics)?;
            let mut out = Matrix::for_output(shape__.0, shape__.1)?;
            sig::#sig_into::run(
                T::TABLES.into.of(numerics, shape__), &call__, &#named, shape__, #passed out.view_mut())?;
            Ok(out)
        }
        #into_docs
        pub fn #into_with<'a, 'b, T: Supports<op::#ty>>(
            #parameters
            numerics: Numerics,
            out: impl Into<MatrixMut<'b, T>>,
        ) -> Result<(), Error> {
            let #first: MatrixRef<'_, T> = #first.into();
            let shape__ = #first.shape();
            let call__ = map::classed(#text, numerics)?;
            sig::#sig_into::run(T::TABLES.into.of(numerics, shape__), &call__, &#named, shape__, #passed out.into())
        }
        #inplace_docs
        pub fn #inplace_with<#lifetimes, T: Supports<op::#ty>>(
            #inplace_parameters
            numerics: Numerics,
        ) -> Result<(), Error> {
            let #first: MatrixMut<'_, T> = #first.into();
            let shape__ = #first.shape();
            let call__ = map::classed(#text, numerics)?;
            sig::#sig_inplace::run(T::TABLES.inplace.of(numerics, shape__), &call__, &#named, shape__, #passed)
        }
    }
}

/// An example that runs as a test.
fn example(op: &Op<'_>) -> Vec<String> {
    let dtype = op.spec.dtypes[0];
    let mut lines: Vec<String> =
        ["", "# Examples", "```", "use raptors::{Matrix, ops};", ""].map(str::to_owned).to_vec();
    let mut arguments = Vec::new();
    for (index, input) in op.spec.inputs.iter().enumerate() {
        let value = format!("{}.0_{dtype}", index + 1);
        let name = &input.name;
        match input.kind {
            InputKind::Matrix => {
                lines.push(format!("let {name} = Matrix::from_fn(2, 3, |_, _| {value})?;"));
                arguments.push(format!("&{name}"));
            }
            InputKind::Row => arguments.push(format!("&[{value}; 3]")),
            InputKind::Column => arguments.push(format!("&[{value}; 2]")),
            InputKind::Scalar => arguments.push(value),
        }
    }
    lines.push(format!("let out = ops::{}({})?;", op.name, arguments.join(", ")));
    lines.push("assert_eq!(out.shape(), (2, 3));".to_owned());
    lines.push("# Ok::<(), raptors::Error>(())".to_owned());
    lines.push("```".to_owned());
    lines
}
