//! How a call is carried out: its arguments checked, a kernel chosen, the kernel run.

pub(crate) mod check;
pub(crate) mod map;
pub(crate) mod reduce;
