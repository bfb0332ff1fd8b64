//! What vDSP's manual says of its routines, in Rust: strides count elements and may be negative or 0, an output may be an
//! input, no elements are a sum of 0 and write nothing else, and what `vsub` takes away comes first.
//!
//! It is for tests on systems that have no Accelerate: that each pointer, stride and length is right.

#![allow(non_snake_case, reason = "as the library writes them")]
#![allow(clippy::too_many_arguments, reason = "as many as there are")]

macro_rules! stand_in {
    (
        $float:ident, $vsmul:ident, $vadd:ident, $vsub:ident, $vsma:ident, $sve:ident, $svemg:ident, $svesq:ident
    ) => {
        /// c ← a × b
        pub(super) unsafe fn $vsmul(
            a: *const $float,
            ia: isize,
            b: *const $float,
            c: *mut $float,
            ic: isize,
            n: usize,
        ) {
            for at in 0..n.cast_signed() {
                // SAFETY: the caller names as many elements as there are.
                unsafe { *c.offset(at * ic) = *a.offset(at * ia) * *b }
            }
        }

        /// c ← a + b
        pub(super) unsafe fn $vadd(
            a: *const $float,
            ia: isize,
            b: *const $float,
            ib: isize,
            c: *mut $float,
            ic: isize,
            n: usize,
        ) {
            for at in 0..n.cast_signed() {
                // SAFETY: the caller names as many elements as there are.
                unsafe { *c.offset(at * ic) = *a.offset(at * ia) + *b.offset(at * ib) }
            }
        }

        /// c ← a − b, of which b comes first
        pub(super) unsafe fn $vsub(
            b: *const $float,
            ib: isize,
            a: *const $float,
            ia: isize,
            c: *mut $float,
            ic: isize,
            n: usize,
        ) {
            for at in 0..n.cast_signed() {
                // SAFETY: the caller names as many elements as there are.
                unsafe { *c.offset(at * ic) = *a.offset(at * ia) - *b.offset(at * ib) }
            }
        }

        /// d ← a × b + c
        pub(super) unsafe fn $vsma(
            a: *const $float,
            ia: isize,
            b: *const $float,
            c: *const $float,
            ic: isize,
            d: *mut $float,
            id: isize,
            n: usize,
        ) {
            for at in 0..n.cast_signed() {
                // SAFETY: the caller names as many elements as there are.
                unsafe { *d.offset(at * id) = *a.offset(at * ia) * *b + *c.offset(at * ic) }
            }
        }

        /// c ← Σ a
        pub(super) unsafe fn $sve(a: *const $float, ia: isize, c: *mut $float, n: usize) {
            // SAFETY: the caller names as many elements as there are.
            unsafe { *c = (0..n.cast_signed()).map(|at| *a.offset(at * ia)).sum() }
        }

        /// c ← Σ |a|
        pub(super) unsafe fn $svemg(a: *const $float, ia: isize, c: *mut $float, n: usize) {
            // SAFETY: the caller names as many elements as there are.
            unsafe { *c = (0..n.cast_signed()).map(|at| (*a.offset(at * ia)).abs()).sum() }
        }

        /// c ← Σ a²
        pub(super) unsafe fn $svesq(a: *const $float, ia: isize, c: *mut $float, n: usize) {
            // SAFETY: the caller names as many elements as there are.
            unsafe { *c = (0..n.cast_signed()).map(|at| *a.offset(at * ia) * *a.offset(at * ia)).sum() }
        }
    };
}

stand_in!(f32, vDSP_vsmul, vDSP_vadd, vDSP_vsub, vDSP_vsma, vDSP_sve, vDSP_svemg, vDSP_svesq);
stand_in!(f64, vDSP_vsmulD, vDSP_vaddD, vDSP_vsubD, vDSP_vsmaD, vDSP_sveD, vDSP_svemgD, vDSP_svesqD);
