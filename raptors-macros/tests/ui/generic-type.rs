//! A function with a type parameter.

use raptors_macros::kernel;

#[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 2)]
fn scale_f32_portable_u2<T>(x: &[T], factor: T, out: &mut [T]) {}

fn main() {}
