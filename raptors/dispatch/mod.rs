//! From an operation and a shape to the kernel that computes it.
//!
//! [`table`] holds what the build selected, [`cpu`] what this machine is, [`profile`] whose winners it follows, and
//! [`call`] the one place where a kernel is entered. The tables themselves, and the list of ISAs, are generated.

#[allow(unsafe_code, reason = "a room of unsafe: entering a kernel")]
pub(crate) mod call;
pub(crate) mod cpu;
pub(crate) mod profile;
pub(crate) mod table;

pub use cpu::{Caches, caches, isa};
pub use generated::Isa;

pub(crate) mod generated {
    include!(concat!(env!("OUT_DIR"), "/dispatch.rs"));
}
