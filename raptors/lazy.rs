//! Values that are found once.

use std::{ops::Deref, sync::OnceLock};

/// A value that the first who asks for it finds; whoever asks meanwhile finds it too, and one of them is kept.
///
/// Not the standard library's, which holds a lock while the value is found: a process forked meanwhile would wait for it
/// forever.
pub(crate) struct Lazy<T> {
    value: OnceLock<T>,
    find: fn() -> T,
}

impl<T> Lazy<T> {
    pub(crate) const fn new(find: fn() -> T) -> Self {
        Self { value: OnceLock::new(), find }
    }
}

impl<T> Deref for Lazy<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        #[cold]
        fn found<T>(lazy: &Lazy<T>) -> &T {
            let found = (lazy.find)();
            lazy.value.get_or_init(|| found)
        }
        self.value.get().unwrap_or_else(|| found(self))
    }
}
