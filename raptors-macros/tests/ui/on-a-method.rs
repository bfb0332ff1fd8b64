//! On a method.

use raptors_macros::kernel;

struct Scale;

impl Scale {
    #[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 2)]
    fn scale_f32_portable_u2(&self, x: &[f32], out: &mut [f32]) {}
}

fn main() {}
