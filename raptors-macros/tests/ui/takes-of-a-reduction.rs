//! A reduction takes one matrix, and does not say so.

use raptors_macros::kernel;

#[kernel(computes = "add", skeleton = "runs", takes = "m", dtype = "f32", isa = "portable", unroll = 2)]
fn add_runs_f32_portable_u2(x: &[f32], acc: &mut [f32]) {}

fn main() {}
