//! Arguments that the crate has no signature for.
#![allow(unused_variables)]

use raptors_macros::kernel;

#[path = "library/mod.rs"]
mod library;
use library::{dispatch, ops};

#[kernel(computes = "mul_m_r", skeleton = "map", takes = "mr", dtype = "f32", isa = "portable", unroll = 2)]
fn mul_m_r_map_f32_portable_u2(x: &[f32], row: &[f32], out: &mut [f32]) {}

fn main() {}
