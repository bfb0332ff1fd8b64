//! A parameter that has to live longer than a call.
#![allow(unused_variables)]

use raptors_macros::kernel;

#[path = "library/mod.rs"]
mod library;
use library::{dispatch, ops};

#[kernel(op = "scale", dtype = "f32", isa = "portable", unroll = 2)]
fn scale_f32_portable_u2(x: &'static [f32], factor: f32, out: &mut [f32]) {}

fn main() {}
