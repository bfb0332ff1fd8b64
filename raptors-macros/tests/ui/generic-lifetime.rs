//! A function with a lifetime parameter.

use raptors_macros::kernel;

#[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 2)]
fn scale_f32_portable_u2<'a>(x: &'a [f32], factor: f32, out: &'a mut [f32]) {}

fn main() {}
