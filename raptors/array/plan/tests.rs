//! Plans against those that `tests/numpy/plans.py` wrote, each of which it carried out and compared with `NumPy`.

use super::{Asked, Pieces, Plan, compact};

fn numbers<N: std::str::FromStr>(field: &str) -> Vec<N> {
    field.split(',').filter_map(|number| number.parse().ok()).collect()
}

#[test]
fn plans_are_those_of_numpy() {
    let text = include_str!("../../../tests/numpy/plans.txt");
    for line in text.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let [shape, strides, reduced, out, mask, buffered, order, pieces] = fields[..] else {
            panic!("not a case: {line}")
        };
        let reduced: Vec<bool> = numbers::<u8>(reduced).iter().map(|is| *is == 1).collect();
        let of = |strides: &str| (strides != "-").then(|| numbers(strides));
        let (out, mask): (Option<Vec<isize>>, Option<Vec<isize>>) = (of(out), of(mask));
        let plan = Plan::new(&Asked {
            shape: &numbers(shape),
            strides: &numbers(strides),
            reduced: &reduced,
            out: out.as_deref(),
            mask: mask.as_deref(),
            buffered: buffered == "1",
        });
        assert_eq!(plan.order(), numbers::<usize>(order), "{line}");
        let expected = (pieces != "-").then(|| numbers(pieces));
        assert_eq!(plan.pieces().map(|Pieces { period, most }| vec![period, most]), expected, "{line}");
    }
}

#[test]
fn pieces_are_counted_and_found() {
    let pieces = Pieces { period: 10, most: 4 };
    assert_eq!(pieces.count(30), 9);
    assert_eq!((0..6).map(|piece| pieces.first(piece)).collect::<Vec<_>>(), [0, 4, 8, 10, 14, 18]);
    assert_eq!(pieces.alike(0..6), (0, 4, 2));
    assert_eq!(pieces.alike(1..6), (4, 4, 1));
    assert_eq!(pieces.alike(2..6), (8, 2, 1));
    assert_eq!(Pieces::of(5).alike(2..6), (10, 5, 4));
}

#[test]
fn copies_lie_as_the_array_does() {
    assert_eq!(compact(&[3, 4, 5], &[1, 6, -100]), [1, 3, 12]);
    assert_eq!(compact(&[2, 1, 3], &[3, 77, 1]), [3, 0, 1]);
}
