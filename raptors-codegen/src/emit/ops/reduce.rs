//! Functions of reductions.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{EMPTY, MEMORY, SHAPE, docs, erased, errors_docs, explain, table};
use crate::{
    Dtype,
    emit::{
        expr,
        reduce::{scalar_merge, scalar_step},
    },
    ir::{
        self,
        dag::{Dag, Id, Node},
    },
    op::{Form, Op},
    select::Table,
    spec::{Axis, Numerics, Reduce, Spec, expr::Binary},
};

/// Everything of one operation.
pub(super) fn functions(op: &Op<'_>, reduce: &Reduce, axis: Axis, tables: &[Table<'_, '_>]) -> TokenStream {
    let supports: TokenStream =
        op.spec.dtypes.iter().map(|&dtype| supports(op, reduce, axis, dtype, tables)).collect();
    let public = if axis == Axis::All { public_all(op) } else { public_axis(op, axis) };
    let ty = format_ident!("{}", op.type_name());
    let tables = |dtype: Dtype| {
        let float = format_ident!("{}", dtype.name());
        quote!(<#float as Supports<op::#ty>>::TABLES)
    };
    let (over, input) = (variant_of(axis), &op.spec.inputs[0].name);
    let erased = erased(op, &|dtype| {
        let tables = tables(dtype);
        quote!(#tables.erased(Axis::#over, #input, call, args, place))
    });
    let explain = explain(&op.name, op.spec, &|dtype| {
        let tables = tables(dtype);
        quote!(catalogue::explanation(&#tables.look_up(by, numerics, shape), SPEC))
    });
    quote!(#supports #public #erased #explain)
}

/// The axis in the words of the library.
pub(super) fn variant_of(axis: Axis) -> proc_macro2::Ident {
    match axis {
        Axis::All => format_ident!("All"),
        Axis::Zero => format_ident!("Zero"),
        Axis::One => format_ident!("One"),
    }
}

/// The step from states and their count to results, computed in f64 and rounded once, whatever the dtype.
fn finisher(dag: &Dag, finish: Id) -> TokenStream {
    let value = |root| {
        expr::scalar(dag, root, &|node| match node {
            Node::State(_) => quote!(acc),
            Node::Count => quote!(count),
            Node::Literal(bits) => expr::literal(*bits, Dtype::F64),
            _ => unreachable!("`finish` reads state, count and constants"),
        })
    };
    let reads = |wanted: &Node| dag.reachable(finish).into_iter().any(|id| dag.node(id) == wanted);
    let acc = reads(&Node::State(0)).then(|| quote!(let acc = Element::to_f64(*state);));
    let each = |value: TokenStream| {
        quote! {
            for state in states {
                #acc
                *state = Element::from_f64(#value);
            }
        }
    };
    let plain = each(value(finish));
    // Multiplying is several times as fast as dividing, and as exact where the count is a power of two.
    let body = match dag.node(finish) {
        Node::Binary(Binary::Div, dividend, count) if *dag.node(*count) == Node::Count => {
            let dividend = value(*dividend);
            let multiplied = each(quote!(#dividend * inverse));
            quote!(if let Some(inverse) = reduce::exact_inverse(count) { #multiplied } else { #plain })
        }
        _ => plain,
    };
    let count = if reads(&Node::Count) { quote!(count) } else { quote!(_) };
    quote!(Some(|states, #count| { #body }))
}

fn supports(op: &Op<'_>, reduce: &Reduce, axis: Axis, dtype: Dtype, tables: &[Table<'_, '_>]) -> TokenStream {
    let ty = format_ident!("{}", op.type_name());
    let float = format_ident!("{}", dtype.name());
    let reduction = reduction(&op.name, op, reduce, axis, dtype, tables);
    quote! {
        impl Supports<op::#ty> for #float {
            const TABLES: &'static Reduction<Self> = &#reduction;
        }
    }
}

/// A reduction of one dtype, as the library has it.
pub(super) fn reduction(
    name: &str,
    op: &Op<'_>,
    reduce: &Reduce,
    axis: Axis,
    dtype: Dtype,
    tables: &[Table<'_, '_>],
) -> TokenStream {
    let mut dag = Dag::default();
    let state = ir::state(&reduce.state, &mut dag);
    let finish = ir::finish(reduce, &mut dag);
    let init = expr::literal(state[0].init.to_bits(), dtype);
    let merge = scalar_merge(&dag, state[0].merge, dtype);
    let step = scalar_step(&dag, state[0].step, dtype);
    let finish = if *dag.node(finish) == Node::State(0) { quote!(None) } else { finisher(&dag, finish) };
    let of = |op: &str, numerics| table(op, dtype, numerics, false, tables);
    let numpy = of(&op.name, Numerics::Numpy);
    let accurate = if op.kernel_classes().contains(&Numerics::Accurate) {
        of(&op.name, Numerics::Accurate)
    } else {
        numpy.clone()
    };
    // A column alone is a run: the operation over all elements, or along the rows, has kernels for it.
    let sibling = [Axis::All, Axis::One].into_iter().find(|axis| reduce.axes.contains(axis));
    let one_column = match sibling {
        Some(sibling) if axis == Axis::Zero && !reduce.sequential => {
            let table = of(&format!("{}{}", op.spec.name, sibling.suffix()), Numerics::Numpy);
            quote!(Some(&#table))
        }
        _ => quote!(None),
    };
    let by_columns = axis == Axis::Zero;
    let has_identity = reduce.has_identity;
    let order = match (reduce.sequential, Op::is_order_free(reduce)) {
        (true, _) => quote!(Sequence),
        (_, true) => quote!(Any),
        _ => quote!(Tree),
    };
    quote! {
        Reduction {
            op: #name,
            init: #init,
            has_identity: #has_identity,
            order: Order::#order,
            merge: #merge,
            take: |states, elements| reduce::take(states, elements, #step),
            fold: |state, elements| elements.iter().copied().fold(state, #step),
            finish: #finish,
            numpy: &#numpy,
            accurate: &#accurate,
            by_columns: #by_columns,
            one_column: #one_column,
        }
    }
}

fn about(op: &Op<'_>, what: &str, errors: &[&str], example: Vec<String>) -> TokenStream {
    let mut lines = vec![op.spec.summary.clone(), String::new(), what.to_owned(), String::new()];
    lines.push(format!("From `{}`, line {}.", op.spec.file, op.spec.line));
    let empty: &[&str] = match op.form {
        Form::Reduce(reduce, _) if !reduce.has_identity => &[EMPTY],
        _ => &[],
    };
    lines.extend(errors_docs(&[errors, empty].concat()));
    lines.extend(example);
    docs(&lines)
}

fn example(op: &Op<'_>, assertion: &str) -> Vec<String> {
    let (dtype, name) = (op.spec.dtypes[0], &op.name);
    [
        "",
        "# Examples",
        "```",
        "use raptors::{Matrix, ops};",
        "",
        &format!("let x = Matrix::from_fn(2, 3, |_, _| 1.0_{dtype})?;"),
        &format!("let result = ops::{name}(&x)?;"),
        assertion,
        "# Ok::<(), raptors::Error>(())",
        "```",
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(super) const CLASS: &str = "In the numeric class `numerics`; see [`Numerics`].";

/// The class of calls that say none.
pub(super) fn unsaid(spec: &Spec) -> TokenStream {
    if spec.has_any() { quote!(Numerics::preferred()) } else { quote!(Numerics::Numpy) }
}

fn public_all(op: &Op<'_>) -> TokenStream {
    let class = unsaid(op.spec);
    let ty = format_ident!("{}", op.type_name());
    let (function, with) = (format_ident!("{}", op.name), format_ident!("{}_with", op.name));
    let what = "Over all elements: gives one number.";
    let plain_docs = about(op, what, &[], example(op, "assert!(result.is_finite());"));
    let with_docs = about(op, &format!("{what} {CLASS}"), &[], Vec::new());
    let with = (op.numerics().len() > 1).then(|| {
        quote! {
            #with_docs
            pub fn #with<'a, T: Supports<op::#ty>>(
                x: impl Into<MatrixRef<'a, T>>,
                numerics: Numerics,
            ) -> Result<T, Error> {
                T::TABLES.all(&Call::of(numerics), x.into())
            }
        }
    });
    quote! {
        #plain_docs
        pub fn #function<'a, T: Supports<op::#ty>>(x: impl Into<MatrixRef<'a, T>>) -> Result<T, Error> {
            T::TABLES.all(&Call::of(#class), x.into())
        }
        #with
    }
}

fn public_axis(op: &Op<'_>, axis: Axis) -> TokenStream {
    let class = unsaid(op.spec);
    let ty = format_ident!("{}", op.type_name());
    let named = |suffix: &str| format_ident!("{}{suffix}", op.name);
    let (function, into, with, into_with) = (named(""), named("_into"), named("_with"), named("_into_with"));
    let (along, len, run) = match axis {
        Axis::Zero => ("Down the columns: one number for each column.", quote!(x.ncols()), quote!(columns)),
        Axis::One | Axis::All => {
            ("Along the rows: one number for each row.", quote!(x.nrows()), quote!(rows))
        }
    };
    let assertion =
        if axis == Axis::Zero { "assert_eq!(result.len(), 3);" } else { "assert_eq!(result.len(), 2);" };
    let new_docs = about(op, &format!("{along} Gives a new vector."), &[MEMORY], example(op, assertion));
    let into_docs = about(op, &format!("{along} They go to `out`."), &[SHAPE], Vec::new());
    let with_docs = about(op, &format!("{along} Gives a new vector. {CLASS}"), &[MEMORY], Vec::new());
    let into_with_docs = about(op, &format!("{along} They go to `out`. {CLASS}"), &[SHAPE], Vec::new());
    let new = quote! {
        let x = x.into();
        let mut out = reduce::results(#len)?;
    };
    let classes = (op.numerics().len() > 1).then(|| {
        quote! {
            #with_docs
            pub fn #with<'a, T: Supports<op::#ty>>(
                x: impl Into<MatrixRef<'a, T>>,
                numerics: Numerics,
            ) -> Result<Vec<T>, Error> {
                #new
                T::TABLES.#run(&Call::of(numerics), x, &mut out)?;
                Ok(out)
            }
            #into_with_docs
            pub fn #into_with<'a, T: Supports<op::#ty>>(
                x: impl Into<MatrixRef<'a, T>>,
                numerics: Numerics,
                out: &mut [T],
            ) -> Result<(), Error> {
                T::TABLES.#run(&Call::of(numerics), x.into(), out)
            }
        }
    });
    quote! {
        #new_docs
        pub fn #function<'a, T: Supports<op::#ty>>(x: impl Into<MatrixRef<'a, T>>) -> Result<Vec<T>, Error> {
            #new
            T::TABLES.#run(&Call::of(#class), x, &mut out)?;
            Ok(out)
        }
        #into_docs
        pub fn #into<'a, T: Supports<op::#ty>>(
            x: impl Into<MatrixRef<'a, T>>,
            out: &mut [T],
        ) -> Result<(), Error> {
            T::TABLES.#run(&Call::of(#class), x.into(), out)
        }
        #classes
    }
}
