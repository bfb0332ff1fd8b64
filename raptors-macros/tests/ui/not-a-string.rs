//! A number in the place of a string.

use raptors_macros::kernel;

#[kernel(op = 1, dtype = "f32", isa = "portable", unroll = 2)]
fn scale_f32_portable_u2(x: &[f32], factor: f32, out: &mut [f32]) {}

fn main() {}
