//! What the attribute names in the crate that it is used in, no more than that.
#![allow(dead_code)]

pub mod dispatch {
    pub mod call {
        use super::Isa;

        pub trait Sig: 'static {
            type Args<'a>;
        }

        pub struct Row<S: Sig> {
            pub name: &'static str,
            pub isa: Isa,
            pub shape: Option<(usize, usize)>,
            pub entry: for<'a> unsafe fn(S::Args<'a>),
        }

        impl<S: Sig> Row<S> {
            pub const fn new(
                name: &'static str,
                isa: Isa,
                shape: Option<(usize, usize)>,
                entry: for<'a> unsafe fn(S::Args<'a>),
            ) -> Self {
                Self { name, isa, shape, entry }
            }
        }

        pub fn begins_on_a_line() {}
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Isa {
        Portable,
        Avx2,
    }
}

pub mod ops {
    pub mod sig {
        use crate::dispatch::call::Sig;

        pub struct Scale<T>(std::marker::PhantomData<T>);
        impl<T: 'static> Sig for Scale<T> {
            type Args<'a> = (&'a [T], T, &'a mut [T]);
        }

        pub struct ScaleInplace<T>(std::marker::PhantomData<T>);
        impl<T: 'static> Sig for ScaleInplace<T> {
            type Args<'a> = (&'a mut [T], T);
        }
    }
}
