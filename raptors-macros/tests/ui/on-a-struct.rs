//! On something that is no function.

use raptors_macros::kernel;

#[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 2)]
struct Scale;

fn main() {}
