//! A function with a lifetime parameter.

use raptors_macros::kernel;

#[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "portable", unroll = 2)]
fn mul_m_s_map_f32_portable_u2<'a>(x: &'a [f32], k: f32, out: &'a mut [f32]) {}

fn main() {}
