//! The peer `ndarray`: what its documentation recommends, writing into the same outputs where it can.

use ndarray::{
    Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, LinalgScalar, azip, par_azip,
    parallel::prelude::*,
};
use raptors::Element;

use crate::{
    buffers::Parts,
    contenders::{Contender, Op, Output, Work},
};

/// An element of both libraries. What is here is the same for both floats, but has bounds that only they are known to
/// meet.
pub(crate) trait Scalar: Element + LinalgScalar + std::ops::AddAssign {
    fn mean(x: &ArrayView2<'_, Self>) -> Option<Self>;
    fn mean_axis(x: &ArrayView2<'_, Self>, axis: Axis) -> Option<Array1<Self>>;
    fn lesser(self, other: Self) -> Self;
    fn greater(self, other: Self) -> Self;
}

macro_rules! scalar {
    ($float:ident) => {
        impl Scalar for $float {
            fn mean(x: &ArrayView2<'_, Self>) -> Option<Self> {
                x.mean()
            }
            fn mean_axis(x: &ArrayView2<'_, Self>, axis: Axis) -> Option<Array1<Self>> {
                x.mean_axis(axis)
            }
            fn lesser(self, other: Self) -> Self {
                self.min(other)
            }
            fn greater(self, other: Self) -> Self {
                self.max(other)
            }
        }
    };
}
scalar!(f32);
scalar!(f64);

const SOME: &str = "a matrix with elements";

/// A count as a divisor.
fn divisor<T: Scalar>(count: usize) -> T {
    T::from_f64(f64::from(u32::try_from(count).expect("a matrix of less than 2³² elements")))
}

/// The buffers as `ndarray` sees them.
struct Views<'a, T> {
    x: ArrayView2<'a, T>,
    y: ArrayView2<'a, T>,
    row: ArrayView1<'a, T>,
    factor: T,
    out: ArrayViewMut2<'a, T>,
    sums: ArrayViewMut1<'a, T>,
}

fn views<T: Scalar>(parts: Parts<'_, T>) -> Views<'_, T> {
    const FITS: &str = "the shape of the buffer";
    let Parts { x, y, row, factor, out, sums, rows, cols, .. } = parts;
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
    if op.output == Output::Matrix { maps(op) } else { reductions(op) }
}

fn maps<T: Scalar>(op: &Op) -> Vec<Contender<T>> {
    match op.name() {
        "scale" => vec![
            Contender {
                name: "azip",
                work: |p| {
                    let Views { x, factor, out, .. } = views(p);
                    azip!((out in out, &x in x) *out = x * factor);
                },
            },
            Contender {
                name: "zip_mut_with",
                work: |p| {
                    let Views { x, factor, mut out, .. } = views(p);
                    out.zip_mut_with(&x, |out, &x| *out = x * factor);
                },
            },
        ],
        "add" => vec![Contender {
            name: "azip",
            work: |p| {
                let Views { x, y, out, .. } = views(p);
                azip!((out in out, &x in x, &y in y) *out = x + y);
            },
        }],
        "broadcast_add" => vec![
            Contender {
                name: "azip, broadcast",
                work: |p| {
                    let Views { x, row, out, .. } = views(p);
                    let rows = row.broadcast(x.raw_dim()).expect("a row for each row");
                    azip!((out in out, &x in x, &row in rows) *out = x + row);
                },
            },
            Contender {
                name: "azip of each row",
                work: |p| {
                    let Views { x, row, mut out, .. } = views(p);
                    azip!((out in out.rows_mut(), x in x.rows()) azip!((out in out, &x in x, &row in row) *out = x + row));
                },
            },
        ],
        "minimum" => vec![Contender {
            name: "azip",
            work: |p| {
                let Views { x, y, out, .. } = views(p);
                azip!((out in out, &x in x, &y in y) *out = x.lesser(y));
            },
        }],
        "maximum" => vec![Contender {
            name: "azip",
            work: |p| {
                let Views { x, y, out, .. } = views(p);
                azip!((out in out, &x in x, &y in y) *out = x.greater(y));
            },
        }],
        _ => Vec::new(),
    }
}

fn reductions<T: Scalar>(op: &Op) -> Vec<Contender<T>> {
    match op.name() {
        "sum" => vec![Contender {
            name: "sum",
            work: |p| {
                let Views { x, mut sums, .. } = views(p);
                sums[0] = x.sum();
            },
        }],
        "sum_axis0" => vec![
            Contender {
                name: "sum_axis",
                work: |p| {
                    let Views { x, mut sums, .. } = views(p);
                    sums.assign(&x.sum_axis(Axis(0)));
                },
            },
            Contender {
                name: "+= each row",
                work: |p| {
                    let Views { x, mut sums, .. } = views(p);
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
                work: |p| {
                    let Views { x, mut sums, .. } = views(p);
                    sums.assign(&x.sum_axis(Axis(1)));
                },
            },
            Contender {
                name: "azip of row sums",
                work: |p| {
                    let Views { x, sums, .. } = views(p);
                    azip!((sum in sums, row in x.rows()) *sum = row.sum());
                },
            },
        ],
        "mean" => vec![Contender {
            name: "mean",
            work: |p| {
                let Views { x, mut sums, .. } = views(p);
                sums[0] = T::mean(&x).expect(SOME);
            },
        }],
        "mean_axis0" => vec![Contender {
            name: "mean_axis",
            work: |p| {
                let Views { x, mut sums, .. } = views(p);
                sums.assign(&T::mean_axis(&x, Axis(0)).expect(SOME));
            },
        }],
        "mean_axis1" => vec![
            Contender {
                name: "mean_axis",
                work: |p| {
                    let Views { x, mut sums, .. } = views(p);
                    sums.assign(&T::mean_axis(&x, Axis(1)).expect(SOME));
                },
            },
            Contender {
                name: "azip of row sums",
                work: |p| {
                    let count = divisor::<T>(p.cols);
                    let Views { x, sums, .. } = views(p);
                    azip!((mean in sums, row in x.rows()) *mean = row.sum() / count);
                },
            },
        ],
        "min" => vec![Contender {
            name: "fold",
            work: |p| {
                let Views { x, mut sums, .. } = views(p);
                sums[0] = x.fold(x[(0, 0)], |least, &x| least.lesser(x));
            },
        }],
        "max" => vec![Contender {
            name: "fold",
            work: |p| {
                let Views { x, mut sums, .. } = views(p);
                sums[0] = x.fold(x[(0, 0)], |greatest, &x| greatest.greater(x));
            },
        }],
        _ => Vec::new(),
    }
}

/// What its documentation says of several threads; nothing for what it has no parallel way for.
pub(crate) fn parallel_contenders<T: Scalar>(op: &Op) -> Vec<Contender<T>> {
    let contender = |name: &'static str, work: Work<T>| vec![Contender { name, work }];
    match op.name() {
        "scale" => contender("par_azip", |p| {
            let Views { x, factor, out, .. } = views(p);
            par_azip!((out in out, &x in x) *out = x * factor);
        }),
        "add" => contender("par_azip", |p| {
            let Views { x, y, out, .. } = views(p);
            par_azip!((out in out, &x in x, &y in y) *out = x + y);
        }),
        "broadcast_add" => contender("par_azip", |p| {
            let Views { x, row, out, .. } = views(p);
            let rows = row.broadcast(x.raw_dim()).expect("a row for each row");
            par_azip!((out in out, &x in x, &row in rows) *out = x + row);
        }),
        "minimum" => contender("par_azip", |p| {
            let Views { x, y, out, .. } = views(p);
            par_azip!((out in out, &x in x, &y in y) *out = x.lesser(y));
        }),
        "maximum" => contender("par_azip", |p| {
            let Views { x, y, out, .. } = views(p);
            par_azip!((out in out, &x in x, &y in y) *out = x.greater(y));
        }),
        "sum" => contender("into_par_iter of rows", |p| {
            let Views { x, mut sums, .. } = views(p);
            sums[0] = row_sums(&x).reduce(T::zero, |a, b| a + b);
        }),
        "mean" => contender("into_par_iter of rows", |p| {
            let count = divisor::<T>(p.x.len());
            let Views { x, mut sums, .. } = views(p);
            sums[0] = row_sums(&x).reduce(T::zero, |a, b| a + b) / count;
        }),
        "sum_axis1" => contender("par_azip of row sums", |p| {
            let Views { x, sums, .. } = views(p);
            par_azip!((sum in sums, row in x.rows()) *sum = row.sum());
        }),
        "mean_axis1" => contender("par_azip of row sums", |p| {
            let count = divisor::<T>(p.cols);
            let Views { x, sums, .. } = views(p);
            par_azip!((mean in sums, row in x.rows()) *mean = row.sum() / count);
        }),
        _ => Vec::new(),
    }
}

fn row_sums<T: Scalar>(x: &ArrayView2<'_, T>) -> impl ParallelIterator<Item = T> {
    x.axis_iter(Axis(0)).into_par_iter().map(|row| row.sum())
}

/// How many elements of a magnitude of one bound the rounding of a result, where the order of additions is not ours;
/// nothing where bits are to be the same.
pub(crate) fn terms(op: &Op, rows: usize, cols: usize) -> Option<usize> {
    match op.name() {
        "sum" | "sum_axis0" | "sum_axis1" => Some(rows * cols / op.sums(rows, cols)),
        "mean" | "mean_axis0" | "mean_axis1" => Some(1),
        _ => None,
    }
}
