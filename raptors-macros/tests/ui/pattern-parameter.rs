//! A parameter that is a pattern.

use raptors_macros::kernel;

#[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 2)]
fn scale_f32_portable_u2([x, y]: [f32; 2], factor: f32, out: &mut [f32]) {}

fn main() {}
