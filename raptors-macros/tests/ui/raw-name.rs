//! A kernel is named as its arguments say, also where a keyword could be meant.

use raptors_macros::kernel;

#[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 2)]
fn r#scale(x: &[f32], factor: f32, out: &mut [f32]) {}

fn main() {}
