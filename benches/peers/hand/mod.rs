//! The kernels that someone who knows the field would write by hand with AVX2 intrinsics, each for one operation.
//!
//! They stand on their own: nothing here comes from the library. Their sums have `NumPy`'s order, so that their bits can
//! be compared. They are at their best where rows are whole vectors and runs are whole leaves, as in the cases timed,
//! and right everywhere.

#[cfg(target_arch = "x86_64")]
mod maps;
#[cfg(target_arch = "x86_64")]
mod sums;

use raptors::Element;

use crate::contenders::{Contender, Op};
#[cfg(target_arch = "x86_64")]
use crate::{buffers::Parts, contenders::Work};

/// Whether the kernels run on this machine.
pub(crate) fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// An element that there are kernels for.
pub(crate) trait Kernels: Element {
    /// The kernels of `op`: none without AVX2.
    fn kernels(op: &Op) -> Vec<Contender<Self>>;
}

pub(crate) fn contenders<T: Kernels>(op: &Op) -> Vec<Contender<T>> {
    T::kernels(op)
}

#[cfg(not(target_arch = "x86_64"))]
mod elsewhere {
    use super::{Contender, Kernels, Op};

    impl Kernels for f32 {
        fn kernels(_: &Op) -> Vec<Contender<Self>> {
            Vec::new()
        }
    }

    impl Kernels for f64 {
        fn kernels(_: &Op) -> Vec<Contender<Self>> {
            Vec::new()
        }
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! kernels {
    ($float:ident) => {
        impl Kernels for $float {
            fn kernels(op: &Op) -> Vec<Contender<Self>> {
                use maps::$float as maps;
                use sums::$float as sums;

                if !available() {
                    return Vec::new();
                }
                /// A way that calls an AVX2 function with the parts `p` of the buffers.
                macro_rules! way {
                    ($name:literal, |$p:ident| $call:expr) => {{
                        let work: Work<$float> = |$p: Parts<'_, $float>| {
                            assert!(available());
                            // SAFETY: the feature is there.
                            unsafe { $call }
                        };
                        Contender { name: $name, work }
                    }};
                }
                match op.name() {
                    "scale" => vec![
                        way!("cached", |p| maps::scale::<false>(p.x, p.factor, p.out)),
                        way!("streaming", |p| maps::scale::<true>(p.x, p.factor, p.out)),
                    ],
                    "add" => vec![
                        way!("cached", |p| maps::add::<false>(p.x, p.y, p.out)),
                        way!("streaming", |p| maps::add::<true>(p.x, p.y, p.out)),
                    ],
                    "broadcast_add" => vec![
                        way!("cached", |p| maps::add_row::<false>(p.x, p.row, p.out)),
                        way!("streaming", |p| maps::add_row::<true>(p.x, p.row, p.out)),
                        way!("4 rows", |p| maps::add_row_to_four::<false>(p.x, p.row, p.out)),
                        way!("4 rows, streaming", |p| maps::add_row_to_four::<true>(p.x, p.row, p.out)),
                    ],
                    "sum" => vec![
                        way!("8 leaves in a row", |p| p.sums[0] = sums::all(p.x)),
                        way!("8 leaves far apart", |p| p.sums[0] = sums::all_apart(p.x)),
                    ],
                    "sum_axis0" => vec![
                        way!("4 rows", |p| sums::axis0::<4>(p.x, p.sums)),
                        way!("8 rows", |p| sums::axis0::<8>(p.x, p.sums)),
                    ],
                    "sum_axis1" => vec![
                        way!("row after row", |p| sums::axis1(p.x, p.cols, p.sums)),
                        way!("8 rows", |p| sums::axis1_rows::<false>(p.x, p.cols, p.sums)),
                        way!("8 rows far apart", |p| sums::axis1_rows::<true>(p.x, p.cols, p.sums)),
                    ],
                    "mean" => vec![
                        way!("8 leaves in a row", |p| p.sums[0] = sums::mean(sums::all(p.x), p.x.len())),
                        way!("8 leaves far apart", |p| p.sums[0] =
                            sums::mean(sums::all_apart(p.x), p.x.len())),
                    ],
                    "mean_axis0" => vec![
                        way!("4 rows", |p| {
                            sums::axis0::<4>(p.x, p.sums);
                            sums::means(p.sums, p.rows);
                        }),
                        way!("8 rows", |p| {
                            sums::axis0::<8>(p.x, p.sums);
                            sums::means(p.sums, p.rows);
                        }),
                    ],
                    "mean_axis1" => vec![
                        way!("row after row", |p| {
                            sums::axis1(p.x, p.cols, p.sums);
                            sums::means(p.sums, p.cols);
                        }),
                        way!("8 rows", |p| {
                            sums::axis1_rows::<false>(p.x, p.cols, p.sums);
                            sums::means(p.sums, p.cols);
                        }),
                        way!("8 rows far apart", |p| {
                            sums::axis1_rows::<true>(p.x, p.cols, p.sums);
                            sums::means(p.sums, p.cols);
                        }),
                    ],
                    _ => Vec::new(),
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
kernels!(f32);
#[cfg(target_arch = "x86_64")]
kernels!(f64);
