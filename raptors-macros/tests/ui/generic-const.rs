//! A function with a const parameter.

use raptors_macros::kernel;

#[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "portable", unroll = 2)]
fn mul_m_s_map_f32_portable_u2<const N: usize>(x: &[f32; N], k: f32, out: &mut [f32; N]) {}

fn main() {}
