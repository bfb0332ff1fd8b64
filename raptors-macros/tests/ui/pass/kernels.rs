//! Kernels with and without features, in place, and for one shape.
#![forbid(unsafe_code)]

use raptors_macros::kernel;

#[path = "../library/mod.rs"]
mod library;
use library::{dispatch, ops};

/// Scales in plain Rust.
#[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 2)]
fn scale_f32_portable_u2(x: &[f32], factor: f32, out: &mut [f32]) {
    for (x, out) in x.iter().zip(out) {
        *out = x * factor;
    }
}

#[kernel(op = "scale", dtype = "f64", isa = "avx2", unroll = 4, store = "streaming", shape = "8x16",)]
fn scale_f64_avx2_u4_nt_8x16(x: &[f64], factor: f64, mut out: &mut [f64]) {
    out = &mut out[..x.len()];
    for (x, out) in x.iter().zip(out) {
        *out = x * factor;
    }
}

#[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 1, inplace)]
fn scale_f32_portable_u1_inplace(x: &mut [f32], factor: f32) {
    for x in x {
        *x *= factor;
    }
}

fn main() {
    let mut out = [0.0; 2];
    scale_f32_portable_u2(&[1.0, 2.0], 3.0, &mut out);
    assert_eq!(out, [3.0, 6.0]);

    let row = SCALE_F32_PORTABLE_U2;
    assert_eq!((row.name, row.isa, row.shape), ("scale_f32_portable_u2", dispatch::Isa::Portable, None));
    let row = SCALE_F32_PORTABLE_U1_INPLACE;
    assert_eq!((row.name, row.isa, row.shape), ("scale_f32_portable_u1_inplace", dispatch::Isa::Portable, None));
    #[cfg(target_arch = "x86_64")]
    {
        let row = SCALE_F64_AVX2_U4_NT_8X16;
        assert_eq!((row.name, row.shape), ("scale_f64_avx2_u4_nt_8x16", Some((8, 16))));
        assert_eq!(row.isa, dispatch::Isa::Avx2);
    }
}
