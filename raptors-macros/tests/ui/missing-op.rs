//! Without the operation.

use raptors_macros::kernel;

#[kernel(dtype = "f32", isa = "portable", unroll = 2)]
fn scale_f32_portable_u2(x: &[f32], factor: f32, out: &mut [f32]) {}

fn main() {}
