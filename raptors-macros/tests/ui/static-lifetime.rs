//! A parameter that has to live longer than a call.
#![allow(unused_variables)]

use raptors_macros::kernel;

#[path = "library/mod.rs"]
mod library;
use library::{dispatch, ops};

#[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "portable", unroll = 2)]
fn mul_m_s_map_f32_portable_u2(x: &'static [f32], k: f32, out: &mut [f32]) {}

fn main() {}
