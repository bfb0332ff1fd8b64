//! An operation that the crate has no signature for.
#![allow(unused_variables)]

use raptors_macros::kernel;

#[path = "library/mod.rs"]
mod library;
use library::{dispatch, ops};

#[kernel(op = "scales", dtype = "f32", isa = "portable", unroll = 2)]
fn scales_f32_portable_u2(x: &[f32], factor: f32, out: &mut [f32]) {}

fn main() {}
