//! Functions of element-by-element operations.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{MEMORY, SHAPE, docs, erased, errors_docs, explain, run::run, shape_docs};
use crate::{
    emit::dispatch::table_name,
    emit::kernel::number,
    op::Op,
    spec::{Body, InputKind, Numerics},
};

/// `sig::Scale` and `sig::ScaleInplace`, and how their arguments are taken apart.
pub(super) fn signatures(op: &Op<'_>) -> TokenStream {
    signature(op, false).into_iter().chain(signature(op, true)).collect()
}

fn signature(op: &Op<'_>, inplace: bool) -> TokenStream {
    let name = format_ident!("{}{}", op.type_name(), if inplace { "Inplace" } else { "" });
    let (mut types, mut names) = (TokenStream::new(), TokenStream::new());
    let (mut by_rows, mut by_columns) = (TokenStream::new(), TokenStream::new());
    let (mut before, mut after) = (TokenStream::new(), TokenStream::new());
    let outputs = (!inplace).then(|| (format_ident!("out"), InputKind::Matrix, true));
    let inputs = op.spec.inputs.iter().enumerate().map(|(index, input)| {
        (format_ident!("{}", input.name), input.kind, inplace && index == op.first_matrix())
    });
    for (name, kind, is_written) in inputs.chain(outputs) {
        let (one, other) = (format_ident!("{name}_before"), format_ident!("{name}_after"));
        let whole = quote!((#name, #name));
        let (ty, rows, columns) = match kind {
            InputKind::Matrix => {
                let view = if is_written {
                    quote!(crate::MatrixMut<'a, T>)
                } else {
                    quote!(crate::MatrixRef<'a, T>)
                };
                (view, quote!(#name.split_rows(at)), quote!(#name.split_columns(at)))
            }
            InputKind::Row => (quote!(&'a [T]), whole, quote!(#name.split_at(at))),
            InputKind::Column => (quote!(&'a [T]), quote!(#name.split_at(at)), whole),
            InputKind::Scalar => (quote!(T), whole.clone(), whole),
        };
        types.extend(quote!(#ty,));
        names.extend(quote!(#name,));
        by_rows.extend(quote!(let (#one, #other) = #rows;));
        by_columns.extend(quote!(let (#one, #other) = #columns;));
        before.extend(quote!(#one,));
        after.extend(quote!(#other,));
    }
    quote! {
        #[derive(Debug)]
        pub struct #name<T>(std::marker::PhantomData<T>);
        impl<T: crate::Element> crate::dispatch::call::Sig for #name<T> {
            type Args<'a> = (#types);
        }
        impl<T: crate::Element> crate::runtime::map::Pieces for #name<T> {
            fn split((#names): Self::Args<'_>, along: crate::runtime::chunk::Along, at: usize) -> (Self::Args<'_>, Self::Args<'_>) {
                match along {
                    crate::runtime::chunk::Along::Rows => {
                        #by_rows
                        ((#before), (#after))
                    }
                    crate::runtime::chunk::Along::Columns => {
                        #by_columns
                        ((#before), (#after))
                    }
                }
            }
        }
    }
}

/// Everything else of one operation.
pub(super) fn functions(op: &Op<'_>) -> TokenStream {
    let supports = supports(op);
    let public = public(op);
    let (run_into, run_inplace) = (run(op, false), run(op, true));
    let erased = erased(op);
    let typed = typed(op);
    let ty = format_ident!("{}", op.type_name());
    let matrices = number(matrices(op));
    let explain = explain(op, &|dtype| {
        let float = format_ident!("{}", dtype.name());
        quote! {{
            let target = map::target::<#float>((rows, cols), #matrices, true);
            let tables = <#float as Supports<op::#ty>>::TABLES;
            if inplace {
                catalogue::explanation(&tables.inplace.look_up(isa, None, target), SPEC)
            } else {
                catalogue::explanation(&tables.into.look_up(isa, None, target), SPEC)
            }
        }}
    });
    quote!(#supports #public #run_into #run_inplace #erased #typed #explain)
}

fn supports(op: &Op<'_>) -> TokenStream {
    let ty = format_ident!("{}", op.type_name());
    let inplace = format_ident!("{}Inplace", op.type_name());
    op.spec
        .dtypes
        .iter()
        .map(|&dtype| {
            let float = format_ident!("{}", dtype.name());
            let table = |inplace| format_ident!("{}", table_name(&op.name, dtype, Numerics::Numpy, inplace));
            let (into_table, inplace_table) = (table(false), table(true));
            quote! {
                impl Supports<op::#ty> for #float {
                    const TABLES: &'static Map<sig::#ty<Self>, sig::#inplace<Self>> =
                        &Map { into: &tables::#into_table, inplace: &tables::#inplace_table };
                }
            }
        })
        .collect()
}

pub(super) fn name(op: &Op<'_>, index: usize) -> Ident {
    format_ident!("{}", op.spec.inputs[index].name)
}

/// Matrices read and written.
pub(super) fn matrices(op: &Op<'_>) -> usize {
    1 + op.spec.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count()
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

/// The arguments passed on, matrices as views.
fn passed(op: &Op<'_>) -> TokenStream {
    (0..op.spec.inputs.len())
        .map(|index| {
            let name = name(op, index);
            if op.spec.inputs[index].kind == InputKind::Matrix {
                quote!(#name.into(),)
            } else {
                quote!(#name,)
            }
        })
        .collect()
}

fn public(op: &Op<'_>) -> TokenStream {
    let ty = format_ident!("{}", op.type_name());
    let function = format_ident!("{}", op.name);
    let (into, inplace) = (format_ident!("{}_into", op.name), format_ident!("{}_inplace", op.name));
    let (run, run_inplace) = (format_ident!("{}_run", op.name), format_ident!("{}_run_inplace", op.name));
    let first = name(op, op.first_matrix());
    let parameters = public_parameters(op, false);
    let passed = passed(op);
    // The first matrix is converted already: its shape is that of the result.
    let arguments: TokenStream = (0..op.spec.inputs.len())
        .map(|index| {
            let name = name(op, index);
            let convert = op.spec.inputs[index].kind == InputKind::Matrix && index != op.first_matrix();
            if convert { quote!(#name.into(),) } else { quote!(#name,) }
        })
        .collect();
    let inplace_parameters = public_parameters(op, true);
    let Body::Map { output } = &op.spec.body else { unreachable!("a map operation comes from a map spec") };
    let names: Vec<&str> = op.spec.inputs.iter().map(|input| input.name.as_str()).collect();
    let formula = output.text(&names, &[]);
    let source = format!("From `{}`, line {}.", op.spec.file, op.spec.line);
    let about = |what: &str, errors: &[&str], example: Vec<String>| {
        let mut lines = vec![op.spec.summary.clone(), String::new(), what.to_owned(), String::new()];
        lines.extend(shape_docs(op));
        lines.push(source.clone());
        lines.extend(errors_docs(errors));
        lines.extend(example);
        docs(&lines)
    };
    // With one matrix and no row or column there is nothing that a shape could disagree with.
    let of_shapes = op.spec.inputs.iter().filter(|input| input.kind != InputKind::Scalar).count();
    let shape: &[&str] = if of_shapes > 1 { &[SHAPE] } else { &[] };
    let what = format!("Gives a new matrix, each element of which is `{formula}`.");
    let new_docs = about(&what, &[shape, &[MEMORY]].concat(), example(op));
    let into_docs = about(&format!("Sets each element of `out` to `{formula}`."), &[SHAPE], Vec::new());
    let inplace_docs = about(&format!("Sets each element of `{first}` to `{formula}`."), shape, Vec::new());
    let others = op.spec.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count() > 1;
    let lifetimes = if others { quote!('a, 'b) } else { quote!('b) };
    quote! {
        #new_docs
        pub fn #function<'a, T: Supports<op::#ty>>(#parameters) -> Result<Matrix<T>, Error> {
            let #first: MatrixRef<'_, T> = #first.into();
            let mut out = Matrix::for_output(#first.nrows(), #first.ncols())?;
            #run(&Call::default(), #arguments out.view_mut())?;
            Ok(out)
        }
        #into_docs
        pub fn #into<'a, 'b, T: Supports<op::#ty>>(
            #parameters
            out: impl Into<MatrixMut<'b, T>>,
        ) -> Result<(), Error> {
            #run(&Call::default(), #passed out.into())
        }
        #inplace_docs
        pub fn #inplace<#lifetimes, T: Supports<op::#ty>>(#inplace_parameters) -> Result<(), Error> {
            #run_inplace(&Call::default(), #passed)
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

/// The erased entry for one dtype.
fn typed(op: &Op<'_>) -> TokenStream {
    let ty = format_ident!("{}", op.type_name());
    let function = format_ident!("{}_typed", op.name);
    let (run, run_inplace) = (format_ident!("{}_run", op.name), format_ident!("{}_run_inplace", op.name));
    let first = op.first_matrix();
    let take = |inplace: bool| -> TokenStream {
        (0..op.spec.inputs.len())
            .map(|index| {
                let (at, text) = (number(index), &op.spec.inputs[index].name);
                match op.spec.inputs[index].kind {
                    InputKind::Matrix if inplace && index == first => quote!(matrix,),
                    InputKind::Matrix => quote!(args.matrix(#at, #text)?,),
                    InputKind::Row | InputKind::Column => quote!(args.slice(#at, #text)?,),
                    InputKind::Scalar => quote!(args.scalar(#at, #text)?,),
                }
            })
            .collect()
    };
    let (into_args, inplace_args) = (take(false), take(true));
    let (text, count, first) = (&op.name, number(op.spec.inputs.len()), number(first));
    quote! {
        fn #function<T: Supports<op::#ty>>(
            call: &Call<'_>,
            args: &[Arg<'_>],
            place: Place<'_, T>,
        ) -> Result<(), Error> {
            match place {
                Place::Matrix(out) => {
                    let args = Args::new(#text, #count, args, None)?;
                    #run(call, #into_args out)
                }
                Place::Inplace(matrix) => {
                    let args = Args::new(#text, #count, args, Some(#first))?;
                    #run_inplace(call, #inplace_args)
                }
                Place::Slice(_) => Err(Error::Form {
                    op: #text,
                    what: "out",
                    expected: "a matrix",
                    got: "a row or column",
                }),
            }
        }
    }
}
