//! Lower: the expression DAG, and what a kernel holds and does.

use super::*;

fn x() -> Expr {
    Expr::Input(0)
}

fn binary(op: Binary, x: Expr, y: Expr) -> Expr {
    Expr::Binary(op, Box::new(x), Box::new(y))
}

fn square() -> Expr {
    binary(Binary::Mul, x(), x())
}

#[test]
fn equal_subexpressions_are_one_node() {
    let mut dag = Dag::default();
    let root = dag.add(&binary(Binary::Add, square(), square()));
    assert_eq!(dag.reachable(root).len(), 3);
    assert_eq!(dag.work(root), 2);
    let [left, right] = dag.node(root).operands()[..] else { panic!("a sum has two operands") };
    assert_eq!(left, right);
    assert_eq!((dag.uses(root, left), dag.uses(root, Id(0))), (2, 2));
}

#[test]
fn what_is_not_equal_is_not_shared() {
    let mut dag = Dag::default();
    let minus = Expr::Literal(-0.0);
    let plus = Expr::Literal(0.0);
    let root = dag.add(&binary(Binary::Add, minus, plus));
    let [left, right] = dag.node(root).operands()[..] else { panic!("a sum has two operands") };
    assert_ne!(left, right, "the zeros differ in a bit");
    // NumPy's bits depend on the order of the operands.
    let other = dag.add(&binary(Binary::Sub, Expr::Input(0), Expr::Input(1)));
    let turned = dag.add(&binary(Binary::Sub, Expr::Input(1), Expr::Input(0)));
    assert_ne!(other, turned);
}

#[test]
fn operands_come_before_their_users() {
    let mut dag = Dag::default();
    let select = Expr::Select(Box::new([binary(Binary::Lt, x(), Expr::Literal(0.5)), square(), x()]));
    let root = dag.add(&Expr::Unary(Unary::Neg, Box::new(select)));
    let order = dag.reachable(root);
    assert_eq!(order.last(), Some(&root));
    for (at, &id) in order.iter().enumerate() {
        assert!(dag.node(id).operands().iter().all(|operand| order[..at].contains(operand)));
    }
}

#[test]
fn a_root_that_another_shares_is_reached_from_both() {
    let mut dag = Dag::default();
    let inner = dag.add(&square());
    let outer = dag.add(&binary(Binary::Add, square(), x()));
    assert_eq!(dag.node(outer).operands()[0], inner);
    assert_eq!(dag.reachable(inner).len(), 2);
    assert!(!dag.node(Id(0)).is_work() && dag.node(inner).is_work());
}

#[test]
fn peak_counts_what_is_alive_at_once() {
    let peak = |expr: &Expr| {
        let mut dag = Dag::default();
        let root = dag.add(expr);
        dag.peak(root, |node| matches!(node, Node::Literal(_)))
    };
    let y = || Expr::Input(1);
    assert_eq!(peak(&x()), 1);
    assert_eq!(
        peak(&binary(Binary::Mul, x(), Expr::Literal(2.0))),
        1,
        "a constant has a register of its own"
    );
    assert_eq!(peak(&binary(Binary::Add, x(), y())), 2);
    assert_eq!(peak(&binary(Binary::Add, square(), binary(Binary::Mul, y(), y()))), 2);
    // x is needed to the end, the square beside it.
    assert_eq!(peak(&binary(Binary::Sub, square(), x())), 2);
}

#[test]
fn live_vectors_of_a_map() {
    let live = |output: &str, name: &str| lowered(&map_of(output, "[1, 2, 4]"), name).live_vectors();
    assert_eq!(live("x * k", "map_f32_avx2_u4"), 4 + 1);
    assert_eq!(live("x + y", "map_f32_avx2_u4"), 8);
    assert_eq!(live("x * 2.0 + 3.0", "map_f32_avx2_u2"), 2 + 2);
    assert_eq!(live("x * k + y", "map_f32_avx2_u1"), 2 + 1);
}

#[test]
fn the_next_steps_loads_are_alive_too() {
    let text = format!("{}schedule = [\"pipelined\"]\n", map_of("x * k", "[1, 2, 4]"));
    assert_eq!(lowered(&text, "map_f32_avx2_u4_pipe").live_vectors(), 4 * 2 + 1);
}

#[test]
fn the_minimum_of_a_map_is_that_of_its_expression() {
    let minimum = |output: &str, name: &str| lowered(&map_of(output, "[1, 2, 4]"), name).minimum();
    assert_eq!(minimum("x * k", "map_f32_avx2_u4"), Minimum { loads: 4, stores: 4, arithmetic: 4 });
    assert_eq!(minimum("x * x + x * x", "map_f32_avx2_u1"), Minimum { loads: 1, stores: 1, arithmetic: 2 });
    assert_eq!(minimum("x * k + y", "map_f32_avx2_u2"), Minimum { loads: 4, stores: 2, arithmetic: 4 });
    assert_eq!(minimum("fma(x, k, y)", "map_f32_avx2_u2"), Minimum { loads: 4, stores: 2, arithmetic: 2 });
}

#[test]
fn the_minimum_of_a_reduction_is_that_of_its_family() {
    let minimum =
        |name: &str| lowered(&format!("{SUM}[variants]\nunroll = [2]\nstreams = [1]\n"), name).minimum();
    // Eight accumulators of two leaves: f64 has four lanes.
    assert_eq!(minimum("runs_f64_avx2_u2"), Minimum { loads: 4, stores: 0, arithmetic: 4 });
    assert_eq!(minimum("runs_f32_avx2_u2"), Minimum { loads: 2, stores: 0, arithmetic: 2 });
    // Two lines, which are four vectors, of two rows and of the states that they go to.
    assert_eq!(minimum("columns_f32_avx2_u2"), Minimum { loads: 4 * 3, stores: 4, arithmetic: 4 * 2 });
}
