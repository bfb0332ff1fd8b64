//! The peer `ndarray`: what its documentation recommends, writing into the same outputs where it can.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, LinalgScalar, azip};
use raptors::Element;

use crate::{
    buffers::{Buffers, Parts},
    contenders::{Contender, Op},
};

/// An element of both libraries.
pub(crate) trait Scalar: Element + LinalgScalar + std::ops::AddAssign {}

impl Scalar for f32 {}
impl Scalar for f64 {}

/// The buffers as `ndarray` sees them.
struct Views<'a, T> {
    x: ArrayView2<'a, T>,
    y: ArrayView2<'a, T>,
    row: ArrayView1<'a, T>,
    factor: T,
    out: ArrayViewMut2<'a, T>,
    sums: ArrayViewMut1<'a, T>,
}

fn views<T: Scalar>(b: &mut Buffers<T>) -> Views<'_, T> {
    const FITS: &str = "the shape of the buffer";
    let Parts { x, y, row, factor, out, sums, rows, cols, .. } = b.parts();
    let shape = (rows, cols);
    Views {
        x: ArrayView2::from_shape(shape, x).expect(FITS),
        y: ArrayView2::from_shape(shape, y).expect(FITS),
        row: ArrayView1::from(row),
        factor,
        out: ArrayViewMut2::from_shape(shape, out).expect(FITS),
        sums: ArrayViewMut1::from(sums),
    }
}

pub(crate) fn contenders<T: Scalar>(op: &Op) -> Vec<Contender<T>> {
    match op.name() {
        "scale" => vec![
            Contender {
                name: "azip",
                run: |b| {
                    let Views { x, factor, out, .. } = views(b);
                    azip!((out in out, &x in x) *out = x * factor);
                },
            },
            Contender {
                name: "zip_mut_with",
                run: |b| {
                    let Views { x, factor, mut out, .. } = views(b);
                    out.zip_mut_with(&x, |out, &x| *out = x * factor);
                },
            },
        ],
        "add" => vec![Contender {
            name: "azip",
            run: |b| {
                let Views { x, y, out, .. } = views(b);
                azip!((out in out, &x in x, &y in y) *out = x + y);
            },
        }],
        "broadcast_add" => vec![
            Contender {
                name: "azip of a broadcast",
                run: |b| {
                    let Views { x, row, out, .. } = views(b);
                    let rows = row.broadcast(x.raw_dim()).expect("a row for each row");
                    azip!((out in out, &x in x, &row in rows) *out = x + row);
                },
            },
            Contender {
                name: "azip of each row",
                run: |b| {
                    let Views { x, row, mut out, .. } = views(b);
                    azip!((out in out.rows_mut(), x in x.rows()) azip!((out in out, &x in x, &row in row) *out = x + row));
                },
            },
        ],
        "sum" => vec![Contender {
            name: "sum",
            run: |b| {
                let Views { x, mut sums, .. } = views(b);
                sums[0] = x.sum();
            },
        }],
        "sum_axis0" => vec![
            Contender {
                name: "sum_axis",
                run: |b| {
                    let Views { x, mut sums, .. } = views(b);
                    sums.assign(&x.sum_axis(Axis(0)));
                },
            },
            Contender {
                name: "+= each row",
                run: |b| {
                    let Views { x, mut sums, .. } = views(b);
                    sums.fill(T::ZERO);
                    for row in x.rows() {
                        sums += &row;
                    }
                },
            },
        ],
        "sum_axis1" => vec![
            Contender {
                name: "sum_axis",
                run: |b| {
                    let Views { x, mut sums, .. } = views(b);
                    sums.assign(&x.sum_axis(Axis(1)));
                },
            },
            Contender {
                name: "azip of row sums",
                run: |b| {
                    let Views { x, sums, .. } = views(b);
                    azip!((sum in sums, row in x.rows()) *sum = row.sum());
                },
            },
        ],
        _ => Vec::new(),
    }
}
