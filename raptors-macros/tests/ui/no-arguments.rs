//! Without any argument.

use raptors_macros::kernel;

#[kernel()]
fn mul_m_s_map_f32_portable_u2(x: &[f32], k: f32, out: &mut [f32]) {}

fn main() {}
