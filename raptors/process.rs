//! Values of which each process has its own.

use std::{process, sync::OnceLock};

/// A value that is made when a process first asks for it.
///
/// A child that was forked has none of its parent's threads: a lock that one of them held stays held, and what one was
/// writing stays half written. So the child leaves what it inherited alone and goes on to a value of its own.
pub(crate) struct PerProcess<T> {
    first: Place<T>,
    make: fn() -> T,
}

/// Where the value of a process is, once it has one; the children's come after it.
type Place<T> = OnceLock<Box<Own<T>>>;

struct Own<T> {
    process: u32,
    value: T,
    child: Place<T>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new(make: fn() -> T) -> Self {
        Self { first: OnceLock::new(), make }
    }

    /// This process's own.
    pub(crate) fn here(&self) -> &T {
        self.of(process::id())
    }

    /// That of a process: this one, or its child's.
    fn of(&self, process: u32) -> &T {
        let mut place = &self.first;
        loop {
            let own = place.get().unwrap_or_else(|| {
                // Made outside of any lock: a process may be forked meanwhile.
                let own = Box::new(Own { process, value: (self.make)(), child: OnceLock::new() });
                place.get_or_init(|| own)
            });
            if own.process == process {
                return &own.value;
            }
            place = &own.child;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::PerProcess;

    #[test]
    fn a_forked_child_inherits_no_value() {
        let calls: PerProcess<AtomicUsize> = PerProcess::new(AtomicUsize::default);
        for process in [1, 2, 3] {
            assert_eq!(calls.of(process).fetch_add(process as usize, Ordering::Relaxed), 0);
        }
        assert_eq!([1, 2, 3].map(|process| calls.of(process).load(Ordering::Relaxed)), [1, 2, 3]);
    }
}
