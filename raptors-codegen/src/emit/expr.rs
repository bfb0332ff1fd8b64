//! Expressions as tokens: over vectors in the words of a vocabulary, or over scalars.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use crate::{
    Dtype,
    ir::dag::{Dag, Id, Node},
    spec::expr::{Binary, Unary},
};

/// How the leaves of an expression are written.
pub(super) type Leaves<'a> = &'a dyn Fn(&Node) -> TokenStream;

/// An expression over vectors: statements for what is used more than once, and the value. `suffix` keeps the names of
/// several copies apart.
pub(super) fn vector(dag: &Dag, root: Id, suffix: &str, leaves: Leaves<'_>) -> (TokenStream, TokenStream) {
    write(dag, root, suffix, &|node, operands| match (node, operands) {
        (Node::Unary(Unary::Function(function), _), [x]) => {
            let name = format_ident!("{}", function.name());
            quote!(f::#name(#x))
        }
        (Node::Unary(op, _), [x]) => {
            let word = format_ident!("{}", op.word());
            quote!(v::#word(#x))
        }
        (Node::Binary(op, ..), [x, y]) => {
            let word = format_ident!("{}", op.word());
            quote!(v::#word(#x, #y))
        }
        (Node::Fma(_), [x, y, z]) => quote!(v::fma(#x, #y, #z)),
        (Node::Select(_), [mask, x, y]) => quote!(v::select(#mask, #x, #y)),
        _ => leaves(node),
    })
}

/// An expression over scalars of one dtype.
pub(super) fn scalar(dag: &Dag, root: Id, leaves: Leaves<'_>) -> TokenStream {
    let bare = |operand: &TokenStream| without_parentheses(operand.clone());
    let (shared, value) = write(dag, root, "", &|node, operands| match (node, operands) {
        (Node::Unary(Unary::Function(function), _), [x]) => {
            let (name, x) = (function.constant(), bare(x));
            quote!(Element::function(&crate::functions::#name, #x))
        }
        (Node::Unary(op, _), [x]) => match op {
            Unary::Neg => quote!((-#x)),
            Unary::Not => quote!((!#x)),
            Unary::Function(_) => unreachable!("a function has an arm of its own"),
            Unary::Abs
            | Unary::Sqrt
            | Unary::Floor
            | Unary::Ceil
            | Unary::Trunc
            | Unary::Round
            | Unary::IsNan
            | Unary::Exponent
            | Unary::Mantissa
            | Unary::Pow2 => {
                let (word, x) = (format_ident!("{}", op.word()), bare(x));
                quote!(Element::#word(#x))
            }
        },
        (Node::Binary(op, ..), [x, y]) => {
            let operator = match op {
                Binary::Add => quote!(+),
                Binary::Sub => quote!(-),
                Binary::Mul => quote!(*),
                Binary::Div => quote!(/),
                Binary::Lt => quote!(<),
                Binary::Le => quote!(<=),
                Binary::Gt => quote!(>),
                Binary::Ge => quote!(>=),
                Binary::Eq => quote!(==),
                Binary::Ne => quote!(!=),
                Binary::And => quote!(&&),
                Binary::Or => quote!(||),
                Binary::Min | Binary::Max | Binary::Copysign | Binary::Rem => {
                    let (word, x, y) = (format_ident!("{}", op.word()), bare(x), bare(y));
                    return quote!(Element::#word(#x, #y));
                }
            };
            quote!((#x #operator #y))
        }
        (Node::Fma(_), [x, y, z]) => {
            let [x, y, z] = [x, y, z].map(bare);
            quote!(Element::fma(#x, #y, #z))
        }
        (Node::Select(_), [mask, x, y]) => {
            let [mask, x, y] = [mask, x, y].map(bare);
            quote!((if #mask { #x } else { #y }))
        }
        _ => leaves(node),
    });
    let value = without_parentheses(value);
    if shared.is_empty() { value } else { quote!({ #shared #value }) }
}

fn write(
    dag: &Dag,
    root: Id,
    suffix: &str,
    node_tokens: &dyn Fn(&Node, &[TokenStream]) -> TokenStream,
) -> (TokenStream, TokenStream) {
    let mut shared = TokenStream::new();
    let mut values: Vec<(Id, TokenStream)> = Vec::new();
    for (index, id) in dag.reachable(root).into_iter().enumerate() {
        let node = dag.node(id);
        let operands: Vec<TokenStream> = node
            .operands()
            .into_iter()
            .map(|operand| {
                let value = values.iter().find(|(of, _)| *of == operand);
                value.map(|(_, tokens)| tokens.clone()).expect("operands come before their users")
            })
            .collect();
        let mut tokens = node_tokens(node, &operands);
        if node.is_work() && dag.uses(root, id) > 1 {
            let (name, bare) = (format_ident!("shared_{index}{suffix}"), without_parentheses(tokens));
            shared.extend(quote!(let #name = #bare;));
            tokens = quote!(#name);
        }
        values.push((id, tokens));
    }
    let (_, value) = values.pop().expect("the root is reachable from itself");
    (shared, value)
}

/// `(a + b)` → `a + b`: the outermost parentheses of a whole expression say nothing.
fn without_parentheses(tokens: TokenStream) -> TokenStream {
    let mut trees = tokens.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(proc_macro2::TokenTree::Group(group)), None)
            if group.delimiter() == proc_macro2::Delimiter::Parenthesis =>
        {
            group.stream()
        }
        _ => tokens,
    }
}

/// A constant of a dtype, from its f64 bits.
pub(crate) fn literal(bits: u64, dtype: Dtype) -> TokenStream {
    let value = f64::from_bits(bits);
    let float = format_ident!("{}", dtype.name());
    if value.is_nan() {
        quote!(#float::NAN)
    } else if value == f64::INFINITY {
        quote!(#float::INFINITY)
    } else if value == f64::NEG_INFINITY {
        quote!(#float::NEG_INFINITY)
    } else {
        let magnitude = match dtype {
            #[allow(clippy::cast_possible_truncation, reason = "a constant of f32 is rounded to f32")]
            Dtype::F32 => Literal::f32_unsuffixed(value.abs() as f32),
            Dtype::F64 => Literal::f64_unsuffixed(value.abs()),
        };
        if value.is_sign_negative() { quote!(-#magnitude) } else { quote!(#magnitude) }
    }
}
