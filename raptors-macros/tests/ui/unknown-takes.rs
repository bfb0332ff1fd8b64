//! A kind of argument that there is not.

use raptors_macros::kernel;

#[kernel(computes = "mul_m_s", skeleton = "map", takes = "mx", dtype = "f32", isa = "portable", unroll = 2)]
fn mul_m_s_map_f32_portable_u2(x: &[f32], k: f32, out: &mut [f32]) {}

fn main() {}
