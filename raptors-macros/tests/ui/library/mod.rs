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
            pub entry: for<'a> unsafe fn(S::Args<'a>),
        }

        impl<S: Sig> Row<S> {
            pub const fn new(name: &'static str, isa: Isa, entry: for<'a> unsafe fn(S::Args<'a>)) -> Self {
                Self { name, isa, entry }
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

        pub struct MapMS<T>(std::marker::PhantomData<T>);
        impl<T: 'static> Sig for MapMS<T> {
            type Args<'a> = (&'a [T], T, &'a mut [T]);
        }

        pub struct MapMSInplace<T>(std::marker::PhantomData<T>);
        impl<T: 'static> Sig for MapMSInplace<T> {
            type Args<'a> = (&'a mut [T], T);
        }
    }
}

pub mod runtime {
    pub mod reduce {
        use crate::dispatch::call::Sig;

        pub struct States<T>(std::marker::PhantomData<T>);
        impl<T: 'static> Sig for States<T> {
            type Args<'a> = (&'a [T], &'a mut [T]);
        }
    }
}
