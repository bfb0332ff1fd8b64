//! Functions of operations in stages that give a matrix.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{EMPTY, MEMORY, SHAPE, docs, errors_docs, reduce, shape_docs, staged, table};
use crate::{
    Dtype,
    emit::kernel::number,
    op::{Op, StagedOp},
    select::Table,
    spec::{Axis, InputKind, Numerics, expr::Expr},
};

/// The stages whose values a map takes, in order; none where the result is no matrix.
pub(super) fn stages(op: &StagedOp<'_>) -> Vec<usize> {
    let mut used = Vec::new();
    if let Some(output) = op.staged.map() {
        output.each(&mut |part| match part {
            Expr::Input(at) if *at >= op.spec.inputs.len() => used.push(at - op.spec.inputs.len()),
            _ => {}
        });
    }
    used.sort_unstable();
    used.dedup();
    used
}

/// What dispatch knows of an operation: the reduction, and the map that takes what comes of it.
pub(super) fn tables(
    op: &StagedOp<'_>,
    dtype: Dtype,
    reduction: &TokenStream,
    ops: &[Op<'_>],
    tables: &[Table<'_, '_>],
) -> TokenStream {
    let part = staged::part(ops, &op.spec.matrix_name(op.axis));
    let (inputs, used) = (op.spec.inputs.len(), stages(op));
    // In the place of a stage, where its values are among those of the reduction.
    let operands = part.computation.arguments.iter().map(|argument| {
        let of_stage =
            argument.input.checked_sub(inputs).and_then(|stage| used.iter().position(|at| *at == stage));
        number(of_stage.map_or(argument.input, |at| inputs + at))
    });
    let float = format_ident!("{}", dtype.name());
    let [into, inplace] = [false, true].map(|inplace| {
        let sig = staged::signature(part, inplace, tables);
        let table = table(&part.name, dtype, Numerics::Numpy, inplace, tables);
        quote!(|call, part, values, out| sig::#sig::<#float>::part(&#table, call, part, values, out))
    });
    quote! {
        Mapped { stages: #reduction, operands: &[#(#operands),*], into: #into, inplace: #inplace }
    }
}

/// The functions: a new matrix, one of the caller's, the first one overwritten; each with a class, too, if there are several.
pub(super) fn public(op: &StagedOp<'_>) -> TokenStream {
    let has_classes = op.staged.numerics.len() > 1;
    let of_class = |classes: bool| {
        let functions = [new(op, classes), into(op, classes), inplace(op, classes)];
        quote!(#(#functions)*)
    };
    let mut all = of_class(false);
    if has_classes {
        all.extend(of_class(true));
    }
    all
}

/// The first matrix: the shape of the result, and what is overwritten in place.
fn first(op: &StagedOp<'_>) -> usize {
    let is_matrix = |kind: InputKind| kind == InputKind::Matrix;
    op.spec.inputs.iter().position(|input| is_matrix(input.kind)).expect("a checked spec has a matrix")
}

fn name(op: &StagedOp<'_>, index: usize) -> Ident {
    format_ident!("{}", op.spec.inputs[index].name)
}

fn parameters(op: &StagedOp<'_>, inplace: bool) -> TokenStream {
    let parameter = |index: usize| {
        let name = name(op, index);
        match op.spec.inputs[index].kind {
            InputKind::Matrix if inplace && index == first(op) => quote!(#name: impl Into<MatrixMut<'b, T>>,),
            InputKind::Matrix => quote!(#name: impl Into<MatrixRef<'a, T>>,),
            InputKind::Row | InputKind::Column => quote!(#name: &[T],),
            InputKind::Scalar => quote!(#name: T,),
        }
    };
    (0..op.spec.inputs.len()).map(parameter).collect()
}

/// The arguments. Of the matrix that is overwritten the place is taken, whatever stands there.
fn values(op: &StagedOp<'_>, inplace: bool) -> TokenStream {
    let value = |index: usize| {
        let name = name(op, index);
        match op.spec.inputs[index].kind {
            InputKind::Matrix if index == first(op) && inplace => quote!(Value::Scalar(T::ZERO),),
            InputKind::Matrix if index == first(op) => quote!(Value::Matrix(#name),),
            InputKind::Matrix => quote!(Value::Matrix(#name.into()),),
            InputKind::Row | InputKind::Column => quote!(Value::Slice(#name),),
            InputKind::Scalar => quote!(Value::Scalar(#name),),
        }
    };
    (0..op.spec.inputs.len()).map(value).collect()
}

fn function(op: &StagedOp<'_>, form: &str, classes: bool) -> Ident {
    format_ident!("{}{form}{}", op.name, if classes { "_with" } else { "" })
}

/// What a function says: what it does, the stages, shapes and errors.
fn about(op: &StagedOp<'_>, what: &str, classes: bool, errors: &[&str]) -> TokenStream {
    let inputs = op.staged.inputs(&op.spec.inputs, op.axis);
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let output = op.staged.map().expect("it gives a matrix").text(&names, &[]);
    let class = if classes { format!(" {}", reduce::CLASS) } else { String::new() };
    let over = match op.axis {
        Axis::All => "Of all elements:",
        Axis::Zero => "Of each column:",
        Axis::One => "Of each row:",
    };
    let mut lines =
        vec![op.spec.summary.clone(), String::new(), format!("{what} `{output}`.{class}"), String::new()];
    lines.extend([over.to_owned(), String::new()]);
    lines.extend(staged::about_results(op));
    lines.extend(shape_docs(op.spec));
    lines.push(format!("From `{}`, line {}.", op.spec.file, op.spec.line));
    let empty: &[&str] = if op.staged.has_identity { &[] } else { &[EMPTY] };
    lines.extend(errors_docs(&[errors, empty].concat()));
    docs(&lines)
}

/// Errors of shapes, where there is something that could disagree with the first matrix.
fn shapes(op: &StagedOp<'_>) -> &'static [&'static str] {
    let of_shapes = op.spec.inputs.iter().filter(|input| input.kind != InputKind::Scalar).count();
    if of_shapes > 1 { &[SHAPE] } else { &[] }
}

fn new(op: &StagedOp<'_>, classes: bool) -> TokenStream {
    let (ty, function) = (format_ident!("{}", op.type_name()), function(op, "", classes));
    let (parameters, values, first) = (parameters(op, false), values(op, false), name(op, first(op)));
    let (numerics, class) = staged::class(classes, op.spec);
    let docs =
        about(op, "Gives a new matrix, each element of which is", classes, &[shapes(op), &[MEMORY]].concat());
    quote! {
        #docs
        pub fn #function<'a, T: Supports<op::#ty>>(#parameters #numerics) -> Result<Matrix<T>, Error> {
            let #first: MatrixRef<'_, T> = #first.into();
            let mut out = Matrix::for_output(#first.nrows(), #first.ncols())?;
            T::TABLES.run(&Call::of(#class), &[#values], Place::Matrix(out.view_mut()))?;
            Ok(out)
        }
    }
}

fn into(op: &StagedOp<'_>, classes: bool) -> TokenStream {
    let (ty, function) = (format_ident!("{}", op.type_name()), function(op, "_into", classes));
    let (parameters, values, first) = (parameters(op, false), values(op, false), name(op, first(op)));
    let (numerics, class) = staged::class(classes, op.spec);
    let docs = about(op, "Sets each element of `out` to", classes, &[SHAPE]);
    quote! {
        #docs
        pub fn #function<'a, 'b, T: Supports<op::#ty>>(
            #parameters
            #numerics
            out: impl Into<MatrixMut<'b, T>>,
        ) -> Result<(), Error> {
            let #first: MatrixRef<'_, T> = #first.into();
            T::TABLES.run(&Call::of(#class), &[#values], Place::Matrix(out.into()))
        }
    }
}

fn inplace(op: &StagedOp<'_>, classes: bool) -> TokenStream {
    let (ty, function) = (format_ident!("{}", op.type_name()), function(op, "_inplace", classes));
    let (parameters, values, first) = (parameters(op, true), values(op, true), name(op, first(op)));
    let (numerics, class) = staged::class(classes, op.spec);
    let docs = about(op, &format!("Sets each element of `{first}` to"), classes, shapes(op));
    let others = op.spec.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count() > 1;
    let lifetimes = if others { quote!('a, 'b) } else { quote!('b) };
    quote! {
        #docs
        pub fn #function<#lifetimes, T: Supports<op::#ty>>(#parameters #numerics) -> Result<(), Error> {
            T::TABLES.run(&Call::of(#class), &[#values], Place::Inplace(#first.into()))
        }
    }
}
