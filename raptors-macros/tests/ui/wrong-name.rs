//! The name has to be the one that the arguments make.

use raptors_macros::kernel;

#[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "portable", unroll = 2)]
fn mul_m_s_map_f32_portable_u4(x: &[f32], k: f32, out: &mut [f32]) {}

fn main() {}
