//! A kernel is named as its arguments say, also where a keyword could be meant.

use raptors_macros::kernel;

#[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "portable", unroll = 2)]
fn r#mul(x: &[f32], k: f32, out: &mut [f32]) {}

fn main() {}
