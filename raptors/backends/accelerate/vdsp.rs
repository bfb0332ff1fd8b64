//! The routines, as `vDSP.h` of Apple's SDK declares them: no package that can be built without a Mac does.

#![allow(non_snake_case, reason = "as the library writes them")]

// Links the library.
use accelerate_src as _;

/// `vDSP_Stride`, a `long`.
type Stride = isize;
/// `vDSP_Length`, an `unsigned long`.
type Length = usize;

macro_rules! declare {
    (
        $float:ident, $vsmul:ident, $vadd:ident, $vsub:ident, $vsma:ident, $sve:ident, $svemg:ident, $svesq:ident
    ) => {
        unsafe extern "C" {
            /// c ← a × b
            pub(super) fn $vsmul(
                a: *const $float,
                ia: Stride,
                b: *const $float,
                c: *mut $float,
                ic: Stride,
                n: Length,
            );
            /// c ← a + b
            pub(super) fn $vadd(
                a: *const $float,
                ia: Stride,
                b: *const $float,
                ib: Stride,
                c: *mut $float,
                ic: Stride,
                n: Length,
            );
            /// c ← a − b, of which b comes first
            pub(super) fn $vsub(
                b: *const $float,
                ib: Stride,
                a: *const $float,
                ia: Stride,
                c: *mut $float,
                ic: Stride,
                n: Length,
            );
            /// d ← a × b + c
            pub(super) fn $vsma(
                a: *const $float,
                ia: Stride,
                b: *const $float,
                c: *const $float,
                ic: Stride,
                d: *mut $float,
                id: Stride,
                n: Length,
            );
            /// c ← Σ a
            pub(super) fn $sve(a: *const $float, ia: Stride, c: *mut $float, n: Length);
            /// c ← Σ |a|
            pub(super) fn $svemg(a: *const $float, ia: Stride, c: *mut $float, n: Length);
            /// c ← Σ a²
            pub(super) fn $svesq(a: *const $float, ia: Stride, c: *mut $float, n: Length);
        }
    };
}

declare!(f32, vDSP_vsmul, vDSP_vadd, vDSP_vsub, vDSP_vsma, vDSP_sve, vDSP_svemg, vDSP_svesq);
declare!(f64, vDSP_vsmulD, vDSP_vaddD, vDSP_vsubD, vDSP_vsmaD, vDSP_sveD, vDSP_svemgD, vDSP_svesqD);
