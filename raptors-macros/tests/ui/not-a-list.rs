//! Arguments that are no list.

use raptors_macros::kernel;

#[kernel(op: "scale")]
fn scale_f32_portable_u2(x: &[f32], factor: f32, out: &mut [f32]) {}

fn main() {}
