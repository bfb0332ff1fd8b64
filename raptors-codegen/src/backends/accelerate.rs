//! Apple's Accelerate: the routines of vDSP.

use super::{Backend, Routine, Way};
use crate::op::Family;

/// What it has. Its lengths are as wide as pointers.
///
/// Left out: `meanv`, since a mean is a sum whose division is no part of a kernel; `maxv`, `minv` and `maxmgv`, of which
/// nobody says what they make of a NaN.
pub(super) const ACCELERATE: Backend = Backend {
    name: "accelerate",
    summary: "vDSP, from Apple's Accelerate",
    feature: "accelerate",
    vendor: Some("apple"),
    longest: None,
    routines: &[
        Routine {
            name: "vsmul",
            symbols: ["vDSP_vsmul", "vDSP_vsmulD"],
            computes: "mul_m_s",
            family: Family::Map,
            function: "vsmul",
            ways: &[Way::Into, Way::First],
        },
        Routine {
            name: "vadd",
            symbols: ["vDSP_vadd", "vDSP_vaddD"],
            computes: "add_m_m2",
            family: Family::Map,
            function: "vadd",
            ways: &[Way::Into, Way::First],
        },
        Routine {
            name: "vadd",
            symbols: ["vDSP_vadd", "vDSP_vaddD"],
            computes: "add_m_r",
            family: Family::Map,
            function: "vadd_row",
            ways: &[Way::Into, Way::First],
        },
        Routine {
            name: "vsub",
            symbols: ["vDSP_vsub", "vDSP_vsubD"],
            computes: "sub_m_m2",
            family: Family::Map,
            function: "vsub",
            ways: &[Way::Into, Way::First],
        },
        // A vector times a scalar, plus a vector.
        Routine {
            name: "vsma",
            symbols: ["vDSP_vsma", "vDSP_vsmaD"],
            computes: "add_mul_m_s_m2",
            family: Family::Map,
            function: "vsma",
            ways: &[Way::Into],
        },
        Routine {
            name: "sve",
            symbols: ["vDSP_sve", "vDSP_sveD"],
            computes: "add",
            family: Family::Runs,
            function: "sums",
            ways: &[],
        },
        Routine {
            name: "svemg",
            symbols: ["vDSP_svemg", "vDSP_svemgD"],
            computes: "add_abs_m",
            family: Family::Runs,
            function: "sums_of_magnitudes",
            ways: &[],
        },
        Routine {
            name: "svesq",
            symbols: ["vDSP_svesq", "vDSP_svesqD"],
            computes: "add_mul_m_m",
            family: Family::Runs,
            function: "sums_of_squares",
            ways: &[],
        },
        // Row after row onto the results.
        Routine {
            name: "vadd",
            symbols: ["vDSP_vadd", "vDSP_vaddD"],
            computes: "add",
            family: Family::Columns,
            function: "sums_of_columns",
            ways: &[],
        },
    ],
};
