//! On something that is no function.

use raptors_macros::kernel;

#[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "portable", unroll = 2)]
struct Kernels;

fn main() {}
