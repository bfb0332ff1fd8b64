//! Without any argument.

use raptors_macros::kernel;

#[kernel()]
fn scale_f32_portable_u2(x: &[f32], factor: f32, out: &mut [f32]) {}

fn main() {}
