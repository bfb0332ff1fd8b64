//! A function with a type parameter.

use raptors_macros::kernel;

#[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "portable", unroll = 2)]
fn mul_m_s_map_f32_portable_u2<T>(x: &[T], k: T, out: &mut [T]) {}

fn main() {}
