//! Functions of operations in stages: those of reductions, and what those that give a matrix have in common with them.

use std::{collections::HashMap, fmt::Write as _};

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{
    EMPTY, MEMORY, SHAPE, docs, errors_docs, explain, matrix, missing, reduce, shape_docs, table, variant,
};
use crate::{
    Dtype,
    emit::{expr, kernel::number, signature::Signature},
    ir::dag::{Dag, Node},
    op::{Form, Op, StagedOp},
    select::Table,
    spec::{
        Axis, Combine, InputKind, Numerics, ResultType, Spec, Stage,
        expr::{Expr, Unary},
    },
};

/// A word of the library that is the same here.
fn named(word: impl std::fmt::Debug) -> Ident {
    format_ident!("{}", format!("{word:?}"))
}

/// The plain reductions that stages use, each once.
#[derive(Default)]
pub(super) struct Folds {
    names: HashMap<String, Ident>,
    statics: TokenStream,
}

impl Folds {
    /// The name of a reduction of a dtype.
    fn name(&mut self, dtype: Dtype, reduction: &TokenStream) -> Ident {
        let number = self.names.len();
        let statics = &mut self.statics;
        let text = format!("{dtype} {reduction}");
        let name = self.names.entry(text).or_insert_with(|| {
            let (name, float) = (format_ident!("FOLD__{number}"), format_ident!("{}", dtype.name()));
            statics.extend(quote!(static #name: Reduction<#float> = #reduction;));
            name
        });
        name.clone()
    }

    /// All of them.
    pub(super) fn write(self) -> TokenStream {
        self.statics
    }
}

/// The type that stands for an operation.
pub(super) fn ty(op: &StagedOp<'_>) -> TokenStream {
    let doc = format!(" [`{0}`](super::{0}()): {1}", op.name, op.spec.summary);
    let name = format_ident!("{}", op.type_name());
    let tables = if op.staged.map().is_some() { quote!(Mapped) } else { quote!(Staged) };
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, Debug)]
        pub struct #name;
        impl super::Operation for #name {
            type Tables<T: crate::Element> = crate::runtime::staged::#tables<T>;
        }
    }
}

/// Everything of one operation. `ops` are those with kernels, its parts among them.
pub(super) fn functions(
    op: &StagedOp<'_>,
    ops: &[Op<'_>],
    tables: &[Table<'_, '_>],
    folds: &mut Folds,
) -> TokenStream {
    let supports: TokenStream =
        op.spec.dtypes.iter().map(|&dtype| supports(op, dtype, ops, tables, folds)).collect();
    let public = if op.staged.map().is_some() { matrix::public(op) } else { public(op) };
    let erased = erased(op);
    let ty = format_ident!("{}", op.type_name());
    let explain = explain(&op.name, op.spec, &|dtype| {
        let float = format_ident!("{}", dtype.name());
        quote!(<#float as Supports<op::#ty>>::TABLES.explain(by, numerics, shape, SPEC))
    });
    quote!(#supports #public #erased #explain)
}

fn supports(
    op: &StagedOp<'_>,
    dtype: Dtype,
    ops: &[Op<'_>],
    tables: &[Table<'_, '_>],
    folds: &mut Folds,
) -> TokenStream {
    let (ty, float) = (format_ident!("{}", op.type_name()), format_ident!("{}", dtype.name()));
    let inputs_count = op.spec.inputs.len();
    let inputs = op.spec.inputs.iter().map(|input| {
        let (name, kind) = (&input.name, named(input.kind));
        quote!(Input { name: #name, kind: InputKind::#kind })
    });
    let stages = op.staged.stages.iter().map(|stage| {
        let pass = number(stage.pass);
        let fold = match &stage.fold {
            None => quote!(None),
            Some((of, combine)) => {
                let fold = fold(op, dtype, (stage, of, *combine), ops, tables, folds);
                quote!(Some(#fold))
            }
        };
        let finish = stage.finish.as_ref().map_or_else(
            || quote!(None),
            |finish| {
                let formula = formula(finish, inputs_count);
                quote!(Some(#formula))
            },
        );
        quote!(staged::Stage { pass: #pass, fold: #fold, finish: #finish })
    });
    let stages: Vec<_> = stages.collect();
    // What a map takes are the values of stages.
    let used: Vec<_> = matrix::stages(op)
        .into_iter()
        .map(|at| (Expr::Input(inputs_count + at), ResultType::Element))
        .collect();
    let outputs = (op.staged.outputs.iter())
        .map(|output| (output.value.clone(), output.result))
        .filter(|(_, result)| *result != ResultType::Matrix)
        .chain(used);
    let outputs = outputs.map(|(value, result)| {
        let (formula, result) = (formula(&value, inputs_count), named(result));
        quote!(staged::Output::#result(#formula))
    });
    let (name, axis) = (&op.name, reduce::variant_of(op.axis));
    let has_identity = op.staged.has_identity;
    let reduction = quote! {
        Staged {
            op: #name,
            axis: Axis::#axis,
            inputs: &[#(#inputs),*],
            stages: &[#(#stages),*],
            outputs: &[#(#outputs),*],
            has_identity: #has_identity,
        }
    };
    let tables = match op.staged.map() {
        Some(_) => matrix::tables(op, dtype, &reduction, ops, tables),
        None => reduction,
    };
    quote! {
        #[allow(clippy::float_cmp, reason = "a spec that says == means it")]
        impl Supports<op::#ty> for #float {
            const TABLES: &'static <op::#ty as Operation>::Tables<Self> = &#tables;
        }
    }
}

/// The part of that name.
pub(super) fn part<'o, 's>(ops: &'o [Op<'s>], name: &str) -> &'o Op<'s> {
    ops.iter().find(|op| op.name == name).expect("an operation in stages has its parts")
}

/// The signature of a part's kernels: into another matrix, or in place.
pub(super) fn signature(part: &Op<'_>, inplace: bool, tables: &[Table<'_, '_>]) -> Ident {
    let is = |table: &&Table<'_, '_>| {
        table.group.inplace.is_some() == inplace && table.ops.iter().any(|of| of.name == part.name)
    };
    let group = tables.iter().find(is).expect("every part has its table").group;
    Signature::of(group).expect("it is computed by a map").ty()
}

/// What a stage reduces, and how.
fn fold(
    op: &StagedOp<'_>,
    dtype: Dtype,
    (stage, of, combine): (&Stage, &Expr, Combine),
    ops: &[Op<'_>],
    tables: &[Table<'_, '_>],
    folds: &mut Folds,
) -> TokenStream {
    let part = |name: &str| part(ops, name);
    let terms = if op.staged.terms(stage).is_none() {
        let plain = if let Expr::Input(at) = of { Some(*at) } else { None };
        let at = number(stage.fused.or(plain).expect("what is not computed is an input"));
        quote!(staged::Terms::Matrix(#at))
    } else {
        let part = part(&op.spec.terms_name(op.axis, stage));
        let operands = part.computation.arguments.iter().map(|argument| number(argument.input));
        let float = format_ident!("{}", dtype.name());
        let sig = signature(part, false, tables);
        let table = table(&part.name, dtype, Numerics::Numpy, false, tables);
        let without_nan = without_nan(of, combine).map_or_else(
            || quote!(None),
            |at| {
                let at = number(at);
                quote!(Some(#at))
            },
        );
        quote! {
            staged::Terms::Map {
                operands: &[#(#operands),*],
                fill: |values, out| sig::#sig::<#float>::fill(&#table, values, out),
                without_nan: #without_nan,
            }
        }
    };
    let by = match combine {
        Combine::Add | Combine::Mul | Combine::Min | Combine::Max => format_ident!("Value"),
        Combine::Count => format_ident!("Count"),
        Combine::ArgMin | Combine::ArgMax => format_ident!("Place"),
    };
    let mut plain = |axis: Axis| {
        let part = part(&format!("{}{}", op.spec.folds_name(stage, combine), axis.suffix()));
        let Form::Reduce(reduce, axis) = part.form else { unreachable!("it reduces") };
        // By whom it is used does not matter: it is not called by itself.
        folds.name(dtype, &reduce::reduction(combine.by().0.word(), part, reduce, axis, dtype, tables))
    };
    let (along, run) = (plain(op.axis), plain(Axis::All));
    let fused = stage.fused.is_some();
    let counts_numbers = matches!(of, Expr::Unary(Unary::Not, _));
    quote! {
        staged::Fold {
            terms: #terms,
            by: staged::By::#by,
            fused: #fused,
            counts_numbers: #counts_numbers,
            along: &#along,
            run: &#run,
        }
    }
}

/// The input whose elements are the terms where they are no NaN; or that counts all of them then, or none.
fn without_nan(of: &Expr, combine: Combine) -> Option<usize> {
    let nan_of = |mask: &Expr| match mask {
        Expr::Unary(Unary::IsNan, x) => match **x {
            Expr::Input(at) => Some(at),
            _ => None,
        },
        _ => None,
    };
    match of {
        Expr::Unary(Unary::Not, mask) if combine == Combine::Count => nan_of(mask),
        mask @ Expr::Unary(Unary::IsNan, _) if combine == Combine::Count => nan_of(mask),
        Expr::Select(operands) if !combine.is_whole() => {
            let [mask, instead, x] = &**operands;
            let neutral = combine.by().1.to_bits();
            let is_neutral = instead.constant().map(f64::to_bits) == Some(neutral);
            nan_of(mask).filter(|at| is_neutral && *x == Expr::Input(*at))
        }
        _ => None,
    }
}

/// A value from what a scope has, computed in f64; or a truth value.
fn formula(of: &Expr, inputs: usize) -> TokenStream {
    let mut dag = Dag::default();
    let root = dag.add(of);
    let nodes: Vec<_> = dag.reachable(root).into_iter().map(|id| dag.node(id)).collect();
    let of_result =
        |node: &&Node| matches!(node, Node::State(_)) || matches!(node, Node::Input(at) if *at >= inputs);
    let reads_index = nodes.iter().any(of_result);
    let reads_scope = reads_index || nodes.iter().any(|node| matches!(node, Node::Count | Node::Input(_)));
    let value = expr::scalar(&dag, root, &|node| match node {
        Node::State(_) => quote!(scope.acc[at]),
        Node::Count => quote!(scope.count),
        Node::Input(at) if *at < inputs => {
            let at = number(*at);
            quote!(scope.scalars[#at])
        }
        Node::Input(at) => {
            let stage = number(at - inputs);
            quote!(scope.stages[#stage][at])
        }
        Node::Literal(bits) => expr::literal(*bits, Dtype::F64),
        _ => unreachable!("the checker lets nothing else stand there"),
    });
    let scope = if reads_scope { quote!(scope) } else { quote!(_) };
    let index = if reads_index { quote!(at) } else { quote!(_) };
    quote!(|#scope, #index| #value)
}

/// The names of results where there are several; else what the one is called.
fn outs(op: &StagedOp<'_>) -> Vec<Ident> {
    let outputs = &op.staged.outputs;
    outputs.iter().map(|output| format_ident!("{}", output.name.as_deref().unwrap_or("out"))).collect()
}

/// The types of results, of elements of type `T`.
fn types(op: &StagedOp<'_>) -> Vec<Ident> {
    op.staged.outputs.iter().map(|output| format_ident!("{}", output.result.rust("T"))).collect()
}

/// Several things as a tuple, one as it is.
fn tuple(of: &[TokenStream]) -> TokenStream {
    if let [one] = of { one.clone() } else { quote!((#(#of),*)) }
}

#[expect(clippy::too_many_lines, reason = "one function is written like the other")]
fn public(op: &StagedOp<'_>) -> TokenStream {
    let ty = format_ident!("{}", op.type_name());
    let function_name = |suffix: &str| format_ident!("{}{suffix}", op.name);
    let parameters: TokenStream = (op.spec.inputs.iter())
        .map(|input| {
            let name = format_ident!("{}", input.name);
            match input.kind {
                InputKind::Matrix => quote!(#name: impl Into<MatrixRef<'a, T>>,),
                InputKind::Row | InputKind::Column => quote!(#name: &[T],),
                InputKind::Scalar => quote!(#name: T,),
            }
        })
        .collect();
    let values: TokenStream = (op.spec.inputs.iter())
        .map(|input| {
            let name = format_ident!("{}", input.name);
            match input.kind {
                InputKind::Matrix => quote!(Value::Matrix(#name.into()),),
                InputKind::Row | InputKind::Column => quote!(Value::Slice(#name),),
                InputKind::Scalar => quote!(Value::Scalar(#name),),
            }
        })
        .collect();
    let (outs, types) = (outs(op), types(op));
    let slots: Vec<_> = (op.staged.outputs.iter().zip(&outs))
        .map(|(output, out)| {
            let result = named(output.result);
            quote!(staged::Slot::#result(&mut #out))
        })
        .collect();
    let zeros = op.staged.outputs.iter().map(|output| match output.result {
        ResultType::Element | ResultType::Matrix => quote!(T::ZERO),
        ResultType::Whole => quote!(0),
        ResultType::Truth => quote!(false),
    });
    let zeros: Vec<_> = zeros.collect();
    #[expect(clippy::single_match_else, reason = "axes are told apart, not compared")]
    let (what, result, made, given) = match op.axis {
        Axis::All => {
            let singles: Vec<_> = types.iter().map(|ty| quote!(#ty)).collect();
            let made = quote!(#(let mut #outs = [#zeros];)*);
            let given: Vec<_> = outs.iter().map(|out| quote!(#out[0])).collect();
            ("Over all elements: gives one result.", tuple(&singles), made, tuple(&given))
        }
        _ => {
            let vectors: Vec<_> = types.iter().map(|ty| quote!(Vec<#ty>)).collect();
            let columns = op.axis == Axis::Zero;
            let made = quote!(#(let mut #outs = staged::results(&values__, #columns, #zeros)?;)*);
            let given: Vec<_> = outs.iter().map(|out| quote!(#out)).collect();
            let what = match op.axis {
                Axis::Zero => "Down the columns: a result for each column.",
                _ => "Along the rows: a result for each row.",
            };
            (what, tuple(&vectors), made, tuple(&given))
        }
    };
    let formula = about_results(op);
    let about = |what: &str, errors: &[&str]| {
        let mut lines = vec![op.spec.summary.clone(), String::new(), what.to_owned(), String::new()];
        lines.extend(formula.iter().cloned());
        lines.extend(shape_docs(op.spec));
        lines.push(format!("From `{}`, line {}.", op.spec.file, op.spec.line));
        let empty: &[&str] = if op.staged.has_identity { &[] } else { &[EMPTY] };
        lines.extend(errors_docs(&[errors, empty].concat()));
        docs(&lines)
    };
    let memory: &[&str] = if op.axis == Axis::All { &[] } else { &[MEMORY] };
    let shapes: &[&str] = if op.spec.inputs.len() > 1 { &[SHAPE] } else { &[] };
    let function = |suffix: &str, classes: bool| {
        let (name, what) = (
            function_name(suffix),
            if classes { format!("{what} {}", reduce::CLASS) } else { what.to_owned() },
        );
        let docs = about(&what, &[shapes, memory].concat());
        let (numerics, class) = class(classes, op.spec);
        quote! {
            #docs
            pub fn #name<'a, T: Supports<op::#ty>>(#parameters #numerics) -> Result<#result, Error> {
                let values__ = [#values];
                #made
                let slots__ = vec![#(#slots),*];
                T::TABLES.run(&Call::of(#class), &values__, slots__)?;
                Ok(#given)
            }
        }
    };
    let into = |suffix: &str, classes: bool| {
        let (name, what) = (
            function_name(suffix),
            if classes { format!("{what} {}", reduce::CLASS) } else { what.to_owned() },
        );
        let docs = about(&what, &[SHAPE]);
        let (numerics, class) = class(classes, op.spec);
        let slots = op.staged.outputs.iter().zip(&outs).map(|(output, out)| {
            let result = named(output.result);
            quote!(staged::Slot::#result(#out))
        });
        let outputs: TokenStream =
            outs.iter().zip(&types).map(|(out, ty)| quote!(#out: &mut [#ty],)).collect();
        quote! {
            #docs
            pub fn #name<'a, T: Supports<op::#ty>>(#parameters #numerics #outputs) -> Result<(), Error> {
                T::TABLES.run(&Call::of(#class), &[#values], vec![#(#slots),*])
            }
        }
    };
    let has_classes = op.staged.numerics.len() > 1;
    let mut all = function("", false);
    if has_classes {
        all.extend(function("_with", true));
    }
    if op.axis != Axis::All {
        all.extend(into("_into", false));
        if has_classes {
            all.extend(into("_into_with", true));
        }
    }
    all
}

/// The parameter for the numeric class, and the class of the call.
pub(super) fn class(is_parameter: bool, spec: &Spec) -> (TokenStream, TokenStream) {
    if is_parameter {
        (quote!(numerics: Numerics,), quote!(numerics))
    } else {
        (TokenStream::new(), reduce::unsaid(spec))
    }
}

/// What the results are, in the words of the spec.
pub(super) fn about_results(op: &StagedOp<'_>) -> Vec<String> {
    let inputs = op.staged.inputs(&op.spec.inputs, op.axis);
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let word = |combine: Combine| match combine {
        Combine::Add => "the sum of",
        Combine::Mul => "the product of",
        Combine::Min => "the least",
        Combine::Max => "the greatest",
        Combine::Count => "the number of elements with",
        Combine::ArgMin => "the place of the least",
        Combine::ArgMax => "the place of the greatest",
    };
    let mut lines = Vec::new();
    for stage in &op.staged.stages {
        let mut line = format!("`{}`", stage.name);
        if let Some((of, combine)) = &stage.fold {
            write!(line, " is {} `{}`", word(*combine), of.text(&names, &[])).expect("memory for a line");
        }
        if let Some(finish) = &stage.finish {
            let then = if stage.fold.is_some() { ", then" } else { " is" };
            write!(line, "{then} `{}`", finish.text(&names, &["acc"])).expect("memory for a line");
        }
        lines.extend([format!("{line}."), String::new()]);
    }
    for output in op.staged.outputs.iter().filter(|output| output.result != ResultType::Matrix) {
        let name = output.name.as_ref().map_or_else(|| "The result".to_owned(), |name| format!("`{name}`"));
        lines.push(format!("{name} is `{}`.", output.value.text(&names, &[])));
    }
    lines.push(String::new());
    lines
}

/// The erased entry: the dtype is that of the results, or, where those have another type, of the first argument.
fn erased(op: &StagedOp<'_>) -> TokenStream {
    let (entry, ty) = (format_ident!("{}__erased", op.name), format_ident!("{}", op.type_name()));
    let arms = op.spec.dtypes.iter().map(|&dtype| {
        let (variant, float) = (variant(dtype), format_ident!("{}", dtype.name()));
        quote!(Dtype::#variant => <#float as Supports<op::#ty>>::TABLES.erased(call, args, out),)
    });
    let missing = missing("out", op.spec);
    quote! {
        #[allow(non_snake_case, reason = "no spec can spell it")]
        fn #entry(call: &Call<'_>, args: &[Arg<'_>], out: Out<'_>) -> Result<(), Error> {
            match catalogue::dtype_of(args, &out) {
                #(#arms)*
                #missing
            }
        }
    }
}
