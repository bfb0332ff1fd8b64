//! Kernels with and without features, in place, and of a reduction.
#![forbid(unsafe_code)]

use raptors_macros::kernel;

#[path = "../library/mod.rs"]
mod library;
use library::{dispatch, ops, runtime};

/// Scales in plain Rust.
#[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "portable", unroll = 2)]
fn mul_m_s_map_f32_portable_u2(x: &[f32], k: f32, out: &mut [f32]) {
    for (x, out) in x.iter().zip(out) {
        *out = x * k;
    }
}

#[kernel(
    computes = "mul_m_s",
    skeleton = "map",
    takes = "ms",
    dtype = "f64",
    isa = "avx2",
    unroll = 4,
    store = "streaming",
)]
fn mul_m_s_map_f64_avx2_u4_nt(x: &[f64], k: f64, mut out: &mut [f64]) {
    out = &mut out[..x.len()];
    for (x, out) in x.iter().zip(out) {
        *out = x * k;
    }
}

#[kernel(
    computes = "mul_m_s",
    skeleton = "map",
    takes = "ms",
    dtype = "f32",
    isa = "portable",
    unroll = 1,
    inplace = 0
)]
fn mul_m_s_map_f32_portable_u1_inplace(x: &mut [f32], k: f32) {
    for x in x {
        *x *= k;
    }
}

#[kernel(computes = "add", skeleton = "runs", dtype = "f64", isa = "portable", unroll = 1, streams = 2)]
fn add_runs_f64_portable_u1_s2(x: &[f64], acc: &mut [f64]) {
    acc[0] = x.iter().sum();
}

fn main() {
    let mut out = [0.0; 2];
    mul_m_s_map_f32_portable_u2(&[1.0, 2.0], 3.0, &mut out);
    assert_eq!(out, [3.0, 6.0]);

    let row = MUL_M_S_MAP_F32_PORTABLE_U2;
    assert_eq!((row.name, row.isa), ("mul_m_s_map_f32_portable_u2", dispatch::Isa::Portable));
    let row: dispatch::call::Row<ops::sig::MapMSInplace<f32>> = MUL_M_S_MAP_F32_PORTABLE_U1_INPLACE;
    assert_eq!((row.name, row.isa), ("mul_m_s_map_f32_portable_u1_inplace", dispatch::Isa::Portable));
    let row: dispatch::call::Row<runtime::reduce::States<f64>> = ADD_RUNS_F64_PORTABLE_U1_S2;
    assert_eq!((row.name, row.isa), ("add_runs_f64_portable_u1_s2", dispatch::Isa::Portable));
    #[cfg(target_arch = "x86_64")]
    {
        let row = MUL_M_S_MAP_F64_AVX2_U4_NT;
        assert_eq!((row.name, row.isa), ("mul_m_s_map_f64_avx2_u4_nt", dispatch::Isa::Avx2));
    }
}
