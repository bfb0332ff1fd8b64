//! The name has to be the one that the arguments make.

use raptors_macros::kernel;

#[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 2)]
fn scale_f32_portable_u4(x: &[f32], factor: f32, out: &mut [f32]) {}

fn main() {}
