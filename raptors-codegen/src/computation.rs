//! What is computed, whatever a spec calls it: operations that compute the same share their kernels.
//!
//! Inputs are put in one order (matrices, rows, columns, scalars, each in the order in which the expression comes to
//! them), and operands that can be exchanged without changing a result are too. So `x * factor` and `gain * a` are one
//! computation. Its name is the expression in prefix notation: `mul_m_s`, a matrix times a scalar. `m2` is the second
//! matrix; `r`, `c` and `s` are rows, columns and scalars; `2p5` and `n1` are the constants 2.5 and −1. A reduction is
//! named by what joins its elements: `add`, `max`; with what is joined, if that is not the elements as they are:
//! `add_mul_m_m`.

use std::hash::Hasher as _;

use fnv::FnvHasher;

use crate::spec::{
    Axis, Field, Input, InputKind, Reduce,
    expr::{Binary, Expr},
};

/// What kernels compute, with the names of a spec taken away.
#[derive(Clone, Debug, PartialEq)]
pub struct Computation {
    /// What kernels are called by: `mul_m_s`, `add`. A long one is cut, and ends in a hash.
    pub kernel: String,
    /// The same, however long.
    pub formula: String,
    /// What tables are called by: the same, and for a reduction over what: `add_rows`.
    pub name: String,
    /// The arguments, in the order in which kernels take them.
    pub arguments: Vec<Argument>,
    /// The expressions, whose inputs are numbered as arguments.
    pub body: Body,
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its form.
    pub kind: InputKind,
    /// Which of the spec's inputs it is.
    pub input: usize,
}

/// The expressions of a computation.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Of each element.
    Map(Expr),
    /// The fields of a state.
    Reduce(Vec<Field>),
}

/// Letters of the longest name that is not cut.
const LONGEST: usize = 40;
/// Letters that are left of one that is.
const CUT: usize = 24;

impl Computation {
    /// That of an element-by-element operation.
    #[must_use]
    pub fn of_map(output: &Expr, inputs: &[Input]) -> Self {
        let output = ordered(output, inputs);
        let mut met = Vec::new();
        meet(&output, &mut met);
        // The order of first meeting stays within a kind.
        met.sort_by_key(|&input| rank(inputs[input].kind));
        let arguments: Vec<_> =
            met.iter().map(|&input| Argument { kind: inputs[input].kind, input }).collect();
        let output = renumbered(&output, &met);
        let formula = prefix(&output, &arguments);
        let name = short(&formula);
        Self { kernel: name.clone(), formula, name, arguments, body: Body::Map(output) }
    }

    /// That of a reduction over an axis.
    #[must_use]
    pub fn of_reduction(reduce: &Reduce, axis: Axis) -> Self {
        let input = Input { name: String::new(), kind: InputKind::Matrix };
        let inputs = std::slice::from_ref(&input);
        let arguments = vec![Argument { kind: InputKind::Matrix, input: 0 }];
        let fields: Vec<Field> = reduce
            .state
            .iter()
            .enumerate()
            .map(|(at, field)| Field {
                // In expressions a field goes by its number.
                name: format!("state{at}"),
                init: field.init.clone(),
                step: ordered(&field.step, inputs),
                merge: ordered(&field.merge, inputs),
            })
            .collect();
        let formula = reduction_name(&fields, &arguments);
        let kernel = short(&formula);
        let over = match axis {
            Axis::All => "all",
            Axis::Zero => "columns",
            Axis::One => "rows",
        };
        Self { name: format!("{kernel}_{over}"), kernel, formula, arguments, body: Body::Reduce(fields) }
    }

    /// The letters that stand for the arguments: `ms`, a matrix and a scalar.
    #[must_use]
    pub fn takes(&self) -> String {
        self.arguments.iter().map(|argument| letter(argument.kind)).collect()
    }

    /// Where one of the spec's inputs is among the arguments.
    ///
    /// # Panics
    /// If the expression does not read it, which a checked spec does not allow.
    #[must_use]
    pub fn position(&self, input: usize) -> usize {
        let at = self.arguments.iter().position(|argument| argument.input == input);
        at.expect("a checked spec reads every input")
    }
}

/// The order of kinds among arguments.
const fn rank(kind: InputKind) -> usize {
    match kind {
        InputKind::Matrix => 0,
        InputKind::Row => 1,
        InputKind::Column => 2,
        InputKind::Scalar => 3,
    }
}

/// What stands for an argument of a kind.
#[must_use]
pub const fn letter(kind: InputKind) -> char {
    match kind {
        InputKind::Matrix => 'm',
        InputKind::Row => 'r',
        InputKind::Column => 'c',
        InputKind::Scalar => 's',
    }
}

/// The expression with operands that can be exchanged in one order: states, what is computed, then arguments by kind and
/// number, then constants.
///
/// Sums and products of IEEE numbers, minima and maxima are the same either way round, but for which NaN comes out.
fn ordered(of: &Expr, inputs: &[Input]) -> Expr {
    let again = |x: &Expr| ordered(x, inputs);
    match of {
        Expr::Unary(op, x) => Expr::Unary(*op, again(x).into()),
        Expr::Binary(op, x, y) => {
            let (mut x, mut y) = (again(x), again(y));
            if is_commutative(*op) {
                (x, y) = exchanged(x, y, inputs);
            }
            Expr::Binary(*op, x.into(), y.into())
        }
        Expr::Fma(operands) => {
            let [x, y, z] = operands.each_ref().map(again);
            let (x, y) = exchanged(x, y, inputs);
            Expr::Fma([x, y, z].into())
        }
        Expr::Select(operands) => Expr::Select(operands.each_ref().map(again).into()),
        leaf => leaf.clone(),
    }
}

const fn is_commutative(op: Binary) -> bool {
    matches!(
        op,
        Binary::Add
            | Binary::Mul
            | Binary::Min
            | Binary::Max
            | Binary::Eq
            | Binary::Ne
            | Binary::And
            | Binary::Or
    )
}

/// Two operands in the order that [`ordered`] gives them.
fn exchanged(x: Expr, y: Expr, inputs: &[Input]) -> (Expr, Expr) {
    let class = |of: &Expr| match of {
        Expr::State(_) | Expr::Side { .. } | Expr::Count => (0, 0),
        Expr::Input(input) => (2 + rank(inputs[*input].kind), *input),
        Expr::Literal(_) => (6, 0),
        _ => (1, 0),
    };
    let text = |of: &Expr| {
        let arguments: Vec<_> =
            inputs.iter().enumerate().map(|(input, of)| Argument { kind: of.kind, input }).collect();
        prefix(of, &arguments)
    };
    let is_first = class(&x).cmp(&class(&y)).then_with(|| text(&x).cmp(&text(&y))).is_le();
    if is_first { (x, y) } else { (y, x) }
}

/// The inputs of an expression, each once, as it comes to them.
fn meet(of: &Expr, met: &mut Vec<usize>) {
    of.each(&mut |part| match part {
        Expr::Input(input) if !met.contains(input) => met.push(*input),
        _ => {}
    });
}

/// The expression with each input's place in `order` for its number.
fn renumbered(of: &Expr, order: &[usize]) -> Expr {
    let mut of = of.clone();
    of.each_mut(&mut |part| {
        if let Expr::Input(input) = part {
            let at = order.iter().position(|other| other == input);
            *input = at.expect("every input of the expression was met");
        }
    });
    of
}

/// The expression in prefix notation. Each word has a fixed number of operands, so no two expressions share one.
fn prefix(of: &Expr, arguments: &[Argument]) -> String {
    let mut words = Vec::new();
    write(of, arguments, &mut words);
    words.join("_")
}

fn write(of: &Expr, arguments: &[Argument], words: &mut Vec<String>) {
    match of {
        Expr::Input(at) => {
            let kind = arguments[*at].kind;
            let number = arguments[..=*at].iter().filter(|argument| argument.kind == kind).count();
            let letter = letter(kind);
            words.push(if number == 1 { letter.to_string() } else { format!("{letter}{number}") });
        }
        Expr::State(index) => words.push(format!("state{index}")),
        Expr::Side { second, index } => words.push(format!("{}{index}", if *second { "b" } else { "a" })),
        Expr::Count => words.push("count".to_owned()),
        Expr::Literal(value) => words.push(number(*value)),
        Expr::Unary(op, x) => {
            // Words have no underlines here: those stand between them.
            words.push(op.word().replace('_', ""));
            write(x, arguments, words);
        }
        Expr::Binary(op, x, y) => {
            words.push(op.word().to_owned());
            write(x, arguments, words);
            write(y, arguments, words);
        }
        Expr::Fma(operands) | Expr::Select(operands) => {
            words.push(if matches!(of, Expr::Fma(_)) { "fma" } else { "select" }.to_owned());
            operands.iter().for_each(|x| write(x, arguments, words));
        }
    }
}

/// A constant as a word: `2p5`, `n1`, `1em7`.
fn number(value: f64) -> String {
    format!("{value:?}")
        .to_lowercase()
        .trim_end_matches(".0")
        .replace('.', "p")
        .replace('-', "n")
        .replace("en", "em")
}

/// What joins the elements, and what is joined; or all expressions of the state.
fn reduction_name(fields: &[Field], arguments: &[Argument]) -> String {
    if let [Field { init, step: Expr::Binary(op, state, of), merge, .. }] = fields
        && **state == Expr::State(0)
        && let Expr::Binary(merged, a, b) = merge
        && merged == op
        && (&**a, &**b) == (&Expr::Side { second: false, index: 0 }, &Expr::Side { second: true, index: 0 })
        // By their bits: a sum that begins with −0 has another body.
        && init.constant().map(f64::to_bits) == neutral(*op).map(f64::to_bits)
    {
        let of = prefix(of, arguments);
        return if of == "m" { op.word().to_owned() } else { format!("{}_{of}", op.word()) };
    }
    let all = fields.iter().flat_map(|field| [&field.init, &field.step, &field.merge]);
    let all: Vec<_> = all.map(|of| prefix(of, arguments)).collect();
    format!("fold_{}", all.join("_"))
}

/// The state of no elements, where there is one for all.
const fn neutral(op: Binary) -> Option<f64> {
    match op {
        Binary::Add => Some(0.0),
        Binary::Mul => Some(1.0),
        Binary::Min => Some(f64::INFINITY),
        Binary::Max => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A name that is not too long: its beginning, and a hash of all of it.
fn short(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let mut hasher = FnvHasher::default();
    hasher.write(name.as_bytes());
    let beginning = name[..CUT].rsplit_once('_').map_or(name, |(words, _)| words);
    format!("{beginning}_{:08x}", hasher.finish() >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{op::Op, spec};

    fn computation(inputs: &str, output: &str) -> Computation {
        let text = format!(
            "summary = \"A test.\"\ninputs = {{ {inputs} }}\noutput = \"{output}\"\ndtypes = [\"f32\"]\n"
        );
        let source = spec::Source { name: "op.toml".to_owned(), text };
        let specs = spec::load(&[source]).unwrap_or_else(|errors| panic!("{errors}"));
        Op::of_spec(&specs[0]).remove(0).computation
    }

    const TWO: &str = "x = \"matrix\", y = \"matrix\"";

    #[test]
    fn what_is_the_same_has_one_name_and_what_is_not_has_others() {
        let name = |inputs: &str, output: &str| computation(inputs, output).name;
        let scalar = "x = \"matrix\", k = \"scalar\"";
        let first = "gain = \"scalar\", a = \"matrix\"";
        for (inputs, output) in
            [(scalar, "x * k"), (scalar, "k * x"), (first, "gain * a"), (first, "a * gain")]
        {
            assert_eq!(name(inputs, output), "mul_m_s", "{output}");
        }
        assert_eq!(name(TWO, "x - y"), "sub_m_m2");
        // Which of the two matrices comes first is a matter of arguments.
        assert_eq!(name(TWO, "y - x"), "sub_m_m2");
        assert_eq!(name(TWO, "x * x + y"), "add_mul_m_m_m2");
        assert_eq!(name("x = \"matrix\"", "x * x"), "mul_m_m");
        assert_eq!(name("x = \"matrix\"", "x * 2.5"), "mul_m_2p5");
        assert_eq!(name("x = \"matrix\"", "x - 1e-7"), "sub_m_1em7");
        assert_eq!(name("x = \"matrix\", r = \"row\"", "max(r, x)"), "max_m_r");
        assert_eq!(
            name("x = \"matrix\", lo = \"scalar\", hi = \"scalar\"", "clamp(x, lo, hi)"),
            "min_max_m_s_s2"
        );
    }

    #[test]
    fn arguments_are_those_of_the_spec_in_another_order() {
        let of =
            computation("k = \"scalar\", y = \"matrix\", r = \"row\", x = \"matrix\"", "k * (x - y) + r");
        let inputs: Vec<_> = of.arguments.iter().map(|argument| argument.input).collect();
        assert_eq!((inputs, of.takes().as_str()), (vec![3, 1, 2, 0], "mmrs"));
        assert_eq!((of.position(3), of.position(0)), (0, 3));
        assert_eq!(of.name, "add_mul_sub_m_m2_s_r");
    }

    #[test]
    fn long_names_are_cut_and_differ_all_the_same() {
        let long = |last: &str| {
            let product = ["(x + y)"; 8].join(" * ");
            computation(TWO, &format!("{product} * {last}")).name
        };
        let (a, b) = (long("x"), long("y"));
        assert!(a != b && a.len() <= LONGEST && a.starts_with("mul_mul_"), "{a} {b}");
    }

    #[test]
    fn reductions_are_named_by_what_joins_their_elements() {
        let names = |rest: &str| {
            let text = format!(
                "summary = \"A test.\"\ninputs = {{ x = \"matrix\" }}\ndtypes = [\"f32\"]\n[reduce]\naxes = [\"all\", \"0\", \"1\"]\n{rest}\n"
            );
            let source = spec::Source { name: "op.toml".to_owned(), text };
            let specs = spec::load(&[source]).unwrap_or_else(|errors| panic!("{errors}"));
            Op::of_spec(&specs[0]).into_iter().map(|op| op.computation.name).collect::<Vec<_>>()
        };
        let sum = "of = \"x\"\ncombine = \"add\"";
        assert_eq!(names(sum), ["add_all", "add_columns", "add_rows"]);
        assert_eq!(names(&format!("{sum}\nfinish = \"acc / count\"")), names(sum));
        let state = "[reduce.state]\nt = { init = \"0\", step = \"x + t\", merge = \"a.t + b.t\" }";
        assert_eq!(names(state), names(sum));
        assert_eq!(names("of = \"x * x\"\ncombine = \"add\"")[0], "add_mul_m_m_all");
        let minus = state.replace("\"0\"", "\"-0.0\"");
        assert_eq!(names(&minus)[0], "fold_neg_0_add_state0_m_add_a0_b0_all");
        let fused = "[reduce.state]\nt = { init = \"0\", step = \"fma(x, x, t)\", merge = \"a.t + b.t\" }";
        assert_eq!(names(fused)[0], "fold_0_fma_m_m_state0_add_a0_b0_all");
    }
}
