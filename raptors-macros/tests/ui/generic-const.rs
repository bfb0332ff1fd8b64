//! A function with a const parameter.

use raptors_macros::kernel;

#[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 2)]
fn scale_f32_portable_u2<const N: usize>(x: &[f32; N], factor: f32, out: &mut [f32; N]) {}

fn main() {}
