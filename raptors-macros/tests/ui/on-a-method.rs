//! On a method.

use raptors_macros::kernel;

struct Kernels;

impl Kernels {
    #[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "portable", unroll = 2)]
    fn mul_m_s_map_f32_portable_u2(&self, x: &[f32], out: &mut [f32]) {}
}

fn main() {}
