//! CBLAS, as `OpenBLAS` has it.

use super::{Backend, Routine, Way};
use crate::op::Family;

/// What it has. Matrices are row by row, rows may be apart (the leading dimension).
///
/// Left out: `nrm2`, whose result is the root and not the sum that kernels keep; `i?amax`, which finds neither the greatest
/// nor the NaN where there is one.
pub(super) const CBLAS: Backend = Backend {
    name: "cblas",
    summary: "CBLAS, from OpenBLAS",
    feature: "openblas",
    vendor: None,
    longest: Some(i32::MAX.unsigned_abs()),
    routines: &[
        // On a copy; in place as it is made for.
        Routine {
            name: "scal",
            symbols: ["cblas_sscal", "cblas_dscal"],
            computes: "mul_m_s",
            family: Family::Map,
            function: "scal",
            ways: &[Way::Into, Way::First],
        },
        Routine {
            name: "axpy",
            symbols: ["cblas_saxpy", "cblas_daxpy"],
            computes: "add_mul_m_s_m2",
            family: Family::Map,
            function: "axpy",
            ways: &[Way::Into],
        },
        // With 1 for the scalar.
        Routine {
            name: "axpy",
            symbols: ["cblas_saxpy", "cblas_daxpy"],
            computes: "add_m_m2",
            family: Family::Map,
            function: "add",
            ways: &[Way::Into, Way::First],
        },
        Routine {
            name: "axpy",
            symbols: ["cblas_saxpy", "cblas_daxpy"],
            computes: "add_m_r",
            family: Family::Map,
            function: "add_row",
            ways: &[Way::Into, Way::First],
        },
        // With a vector of ones.
        Routine {
            name: "dot",
            symbols: ["cblas_sdot", "cblas_ddot"],
            computes: "add",
            family: Family::Runs,
            function: "sums",
            ways: &[],
        },
        // With itself.
        Routine {
            name: "dot",
            symbols: ["cblas_sdot", "cblas_ddot"],
            computes: "add_mul_m_m",
            family: Family::Runs,
            function: "sums_of_squares",
            ways: &[],
        },
        Routine {
            name: "gemv",
            symbols: ["cblas_sgemv", "cblas_dgemv"],
            computes: "add",
            family: Family::Runs,
            function: "sums_of_rows",
            ways: &[],
        },
        Routine {
            name: "gemv",
            symbols: ["cblas_sgemv", "cblas_dgemv"],
            computes: "add",
            family: Family::Columns,
            function: "sums_of_columns",
            ways: &[],
        },
        Routine {
            name: "asum",
            symbols: ["cblas_sasum", "cblas_dasum"],
            computes: "add_abs_m",
            family: Family::Runs,
            function: "sums_of_magnitudes",
            ways: &[],
        },
    ],
};
