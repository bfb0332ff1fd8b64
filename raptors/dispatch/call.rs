//! The one unsafe call, entering a kernel; and where kernels begin.

#![allow(unreachable_pub, reason = "named by the associated types of a public trait, and by no public path")]

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::asm;

use super::{Isa, cpu, generated};
use crate::backends::Backend;

/// The signature of kernels.
pub trait Sig: 'static {
    /// The arguments, as one tuple. They go to the thread that computes their piece.
    type Args<'a>: Send;
}

/// A kernel as data. Only `#[kernel]` makes one, so that the entry's target features are those of `isa`.
pub struct Row<S: Sig> {
    /// Its name.
    pub(crate) name: &'static str,
    /// The ISA whose features the entry needs.
    pub(crate) isa: Isa,
    /// The library whose routine it is, if it is no kernel.
    pub(crate) backend: Option<&'static Backend>,
    entry: for<'a> unsafe fn(S::Args<'a>),
}

impl<S: Sig> Row<S> {
    /// A row, from inside the attribute macro. The entry must need no target features beyond those of `isa`.
    pub(crate) const fn new(name: &'static str, isa: Isa, entry: for<'a> unsafe fn(S::Args<'a>)) -> Self {
        Self { name, isa, backend: None, entry }
    }

    #[cfg_attr(not(feature = "openblas"), allow(dead_code, reason = "most builds have no backend"))]
    /// A row that is a routine of a library. It needs no target features: what the library runs is its own concern.
    pub(crate) const fn of_backend(
        name: &'static str,
        backend: &'static Backend,
        entry: for<'a> fn(S::Args<'a>),
    ) -> Self {
        Self { name, isa: Isa::Portable, backend: Some(backend), entry }
    }

    /// Why its library is not asked, if so.
    pub(crate) fn refused(&self) -> Option<&'static str> {
        self.backend.and_then(|backend| (backend.refused)())
    }
}

/// A row whose ISA this machine has: the proof that [`Ready::call`] rests on.
pub(crate) struct Ready<S: Sig>(&'static Row<S>);

impl<S: Sig> Ready<S> {
    /// The row, if this machine can run it.
    #[inline]
    pub(crate) fn new(row: &'static Row<S>) -> Option<Self> {
        cpu::has(row.isa).then_some(Self(row))
    }

    /// The row.
    pub(crate) const fn row(&self) -> &'static Row<S> {
        self.0
    }

    /// Enters the kernel.
    #[inline]
    pub(crate) fn call(&self, args: S::Args<'_>) {
        // SAFETY: an entry is a safe function but for the target features it needs. Those are the features of the
        // row's ISA, because `#[kernel]` writes both from one description; `new` found that this machine has them.
        unsafe { (self.0.entry)(args) }
    }
}

/// Has the function that this is called in begin on a cache line, whatever else is linked into a program. How the lines of the
/// instruction cache cut a short loop makes it faster or slower, by a tenth and more: what was measured of a kernel has
/// to hold in the next build. So it is where functions have sections of their own, as on Linux; elsewhere it does nothing.
#[expect(clippy::inline_always, reason = "it is about the function that it is called in")]
#[inline(always)]
pub(crate) fn begins_on_a_line() {
    // SAFETY: no instruction, but for one byte of nothing at most. The directive aligns the section; its last number says
    // that no more than that byte is skipped here, in the middle of the function.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    unsafe {
        asm!(".p2align 6,,1", options(nomem, nostack, preserves_flags));
    }
}

/// ISAs of this build's architecture that the machine has, whatever the environment says.
pub(crate) fn machine_isas() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| generated::detected(*isa))
}
