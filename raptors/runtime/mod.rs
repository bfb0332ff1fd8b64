//! How a call is carried out: its arguments checked, a kernel chosen, the call cut over threads, the kernel run.

mod cancel;
pub(crate) mod check;
pub(crate) mod chunk;
pub(crate) mod map;
pub(crate) mod pool;
pub(crate) mod reduce;
pub(crate) mod scratch;
mod seat;
pub(crate) mod staged;
#[allow(unsafe_code, reason = "a room of unsafe: work that is lent to other threads for a time")]
mod team;
pub(crate) mod threads;

pub use cancel::Cancel;
