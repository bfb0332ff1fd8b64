//! The signatures of map kernels: what operations have in common whose arguments are of the same kinds.
//!
//! A signature has all that does not depend on what is computed: how arguments are checked, cut into pieces and handed
//! to a kernel. So one more operation costs the compiler little. No name of a spec stands in here.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::kernel::number;
use crate::{
    expand::Group,
    ir::{Kernel, MapInput, Skeleton},
    op::Family,
    select::Table,
    spec::InputKind,
};

/// The arguments of a map kernel, and which of them it overwrites.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Signature {
    takes: String,
    inputs: Vec<MapInput>,
    inplace: Option<usize>,
}

impl Signature {
    /// That of a group's kernels, if they are maps.
    pub(super) fn of(group: &Group<'_>) -> Option<Self> {
        if group.family != Family::Map {
            return None;
        }
        let variant = crate::variant::Variant { inplace: group.inplace, ..crate::variant::Variant::plain(1) };
        let isa = &crate::Isa::all()[0];
        let kernel = Kernel::lower(group.computation(), group.family, group.dtype, isa, &variant);
        let Skeleton::Map(map) = kernel.skeleton else { unreachable!("a map is lowered to one") };
        Some(Self { takes: kernel.takes, inputs: map.inputs, inplace: group.inplace })
    }

    /// Those of all tables, each once.
    pub(super) fn all(tables: &[Table<'_, '_>]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for signature in tables.iter().filter_map(|table| Self::of(table.group)) {
            if !all.contains(&signature) {
                all.push(signature);
            }
        }
        all.sort_by_key(Self::name);
        all
    }

    /// Its type in the library: `MapMS`, `MapMSInplace`.
    pub(super) fn name(&self) -> String {
        name(&self.takes, self.inplace)
    }

    pub(super) fn ty(&self) -> Ident {
        format_ident!("{}", self.name())
    }

    /// The same without overwriting.
    fn into(&self) -> Self {
        Self { inplace: None, ..self.clone() }
    }

    /// What is passed: inputs, and the output if there is one of its own. Each with its kind, and whether it is written.
    fn arguments(&self) -> Vec<(Ident, InputKind, bool)> {
        let inputs = self.inputs.iter().enumerate();
        let inputs =
            inputs.map(|(at, input)| (format_ident!("{}", input.name), input.kind, self.inplace == Some(at)));
        let out = self.inplace.is_none().then(|| (format_ident!("out"), InputKind::Matrix, true));
        inputs.chain(out).collect()
    }

    fn has(&self, kind: InputKind) -> bool {
        self.inputs.iter().any(|input| input.kind == kind)
    }

    /// Whether every element of contiguous matrices is treated alike, so that they may be seen as one long row.
    fn is_flat(&self) -> bool {
        !self.has(InputKind::Row) && !self.has(InputKind::Column)
    }

    /// Matrices read and written by a call into another matrix.
    fn matrices(&self) -> usize {
        1 + self.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count()
    }

    /// The type, and all that it does.
    pub(super) fn write(&self) -> TokenStream {
        let (name, split, run, part) = (self.ty(), self.split(), self.run(), self.part());
        let fill = self.inplace.is_none().then(|| self.fill());
        let types = self.types(&quote!('a));
        // Entries that both ways of writing share stand with the one that knows what is overwritten.
        let entries = self.inplace.map(|matrix| self.entries(matrix));
        quote! {
            #[derive(Debug)]
            pub struct #name<T>(PhantomData<T>);
            impl<T: Element> Sig for #name<T> {
                type Args<'a> = (#(#types,)*);
            }
            #split
            impl<T: Element> #name<T> {
                #run
                #part
                #fill
                #entries
            }
        }
    }

    /// The names of the inputs, and patterns that take these from values; the matrix that is overwritten is none.
    fn taken(&self) -> (Vec<Ident>, Vec<TokenStream>) {
        let names: Vec<_> = self.inputs.iter().map(|input| format_ident!("{}", input.name)).collect();
        let values = self.inputs.iter().zip(&names).enumerate().map(|(at, (input, name))| match input.kind {
            _ if self.inplace == Some(at) => quote!(_),
            InputKind::Matrix => quote!(Value::Matrix(#name)),
            InputKind::Row | InputKind::Column => quote!(Value::Slice(#name)),
            InputKind::Scalar => quote!(Value::Scalar(#name)),
        });
        let values = values.collect();
        (names, values)
    }

    /// How an operation in stages computes its result: all of it, or the part that is in hand.
    fn part(&self) -> TokenStream {
        let (names, values) = self.taken();
        let of_matrices =
            |(name, kind, _): &(Ident, InputKind, bool)| (*kind == InputKind::Matrix).then(|| name.clone());
        let walked: Vec<_> = self.arguments().iter().filter_map(of_matrices).collect();
        let out = walked.last().filter(|_| self.inplace.is_none()).cloned();
        let written = self.inplace.map_or_else(|| format_ident!("out"), |at| names[at].clone());
        let count = number(self.inputs.len());
        quote! {
            /// Computes the result of stages. `values` are the arguments of the kernels; the one that is overwritten
            /// stands apart.
            #[allow(dead_code, reason = "not every signature is one of stages")]
            pub(crate) fn part(
                table: &'static Table<Self>,
                call: &Call<'_>,
                part: Option<map::Part>,
                values: &[Value<'_, T>],
                #written: MatrixMut<'_, T>,
            ) -> Result<(), Error> {
                let [#(#values),*] = *values else {
                    unreachable!("stages have arguments of the kinds that the kernels take")
                };
                let shape = #written.shape();
                let Some(map::Part { cut, target }) = part else {
                    let call = Call { cut: call.cut, ..Call::default() };
                    return Self::run(table, &call, &Named::<#count>::NOBODY, shape, #(#names,)* #out);
                };
                let contiguous = #(#walked.is_contiguous())&&*;
                let mut plan = table.pick(Choice::Table, cut, target)?;
                plan.cut = None;
                Self::planned(&plan, contiguous, shape, #(#names,)* #out)
            }
        }
    }

    /// How a stage of a reduction computes a block of terms.
    fn fill(&self) -> TokenStream {
        let (names, values) = self.taken();
        let first = self.inputs.iter().position(|input| input.kind == InputKind::Matrix);
        let first = &names[first.expect("a map has a matrix")];
        let count = number(self.inputs.len());
        quote! {
            /// Computes a block. `values` are the arguments of the kernels.
            #[allow(dead_code, reason = "not every signature is one of a stage")]
            pub(crate) fn fill(
                table: &'static Table<Self>,
                values: &[Value<'_, T>],
                out: MatrixMut<'_, T>,
            ) -> Result<(), Error> {
                let [#(#values),*] = *values else {
                    unreachable!("a stage has arguments of the kinds that its kernels take")
                };
                Self::run(table, &Call::default(), &Named::<#count>::NOBODY, #first.shape(), #(#names,)* out)
            }
        }
    }

    fn types(&self, lifetime: &TokenStream) -> Vec<TokenStream> {
        let ty = |(_, kind, is_written): &(Ident, InputKind, bool)| match (kind, is_written) {
            (InputKind::Matrix, true) => quote!(MatrixMut<#lifetime, T>),
            (InputKind::Matrix, false) => quote!(MatrixRef<#lifetime, T>),
            (InputKind::Row | InputKind::Column, _) => {
                let lifetime = (lifetime.to_string() != "'_").then(|| lifetime.clone());
                quote!(& #lifetime [T])
            }
            (InputKind::Scalar, _) => quote!(T),
        };
        self.arguments().iter().map(ty).collect()
    }

    /// How arguments are taken apart.
    fn split(&self) -> TokenStream {
        let name = self.ty();
        let arguments = self.arguments();
        let names: Vec<_> = arguments.iter().map(|(name, ..)| name).collect();
        let before: Vec<_> = names.iter().map(|name| format_ident!("{name}_before")).collect();
        let after: Vec<_> = names.iter().map(|name| format_ident!("{name}_after")).collect();
        let halves = |along: InputKind| -> Vec<TokenStream> {
            let half = |(name, kind, _): &(Ident, InputKind, bool)| match kind {
                InputKind::Matrix if along == InputKind::Column => quote!(#name.split_rows(at)),
                InputKind::Matrix => quote!(#name.split_columns(at)),
                kind if *kind == along => quote!(#name.split_at(at)),
                _ => quote!((#name, #name)),
            };
            arguments.iter().map(half).collect()
        };
        // A column has an element for each row, and a row one for each column.
        let (by_rows, by_columns) = (halves(InputKind::Column), halves(InputKind::Row));
        quote! {
            impl<T: Element> Pieces for #name<T> {
                fn split(
                    (#(#names,)*): Self::Args<'_>,
                    along: Along,
                    at: usize,
                ) -> (Self::Args<'_>, Self::Args<'_>) {
                    match along {
                        Along::Rows => {
                            #(let (#before, #after) = #by_rows;)*
                            ((#(#before,)*), (#(#after,)*))
                        }
                        Along::Columns => {
                            #(let (#before, #after) = #by_columns;)*
                            ((#(#before,)*), (#(#after,)*))
                        }
                    }
                }
            }
        }
    }

    /// How a call is carried out: checks, a plan, the kernel on the whole or on pieces.
    fn run(&self) -> TokenStream {
        let arguments = self.arguments();
        let types = self.types(&quote!('_));
        let names: Vec<_> = arguments.iter().map(|(name, ..)| name).collect();
        let checks = self.inputs.iter().enumerate().map(|(at, input)| {
            let (name, at) = (format_ident!("{}", input.name), number(at));
            match input.kind {
                InputKind::Matrix => quote!(check::matrix(named.names[#at], #name.shape(), shape)?;),
                InputKind::Row => quote!(check::row(named.names[#at], #name.len(), shape)?;),
                InputKind::Column => quote!(check::column(named.names[#at], #name.len(), shape)?;),
                InputKind::Scalar => TokenStream::new(),
            }
        });
        let check_out = self.inplace.is_none().then(|| quote!(check::matrix("out", out.shape(), shape)?;));
        let of_matrices = |(name, kind, _): &(Ident, InputKind, bool)| match kind {
            InputKind::Matrix => Some(name.clone()),
            _ => None,
        };
        let walked: Vec<_> = arguments.iter().filter_map(of_matrices).collect();
        let matrices = number(self.matrices());
        let (joined, count, stores) = (self.joined(), number(self.inputs.len()), self.inplace.is_none());
        let call = if self.is_flat() {
            let flat = arguments.iter().map(|(name, kind, _)| {
                if *kind == InputKind::Matrix { quote!(#name.flattened()) } else { quote!(#name) }
            });
            quote! {
                if contiguous {
                    let args = (#(#flat,)*);
                    map::run::<T, Self>(plan, (1, shape.0 * shape.1), bytes, usize::MAX, args)
                } else {
                    map::run::<T, Self>(plan, shape, bytes, usize::MAX, (#(#names,)*))
                }
            }
        } else {
            let stripe =
                if self.has(InputKind::Row) { quote!(map::stripe::<T>()) } else { quote!(usize::MAX) };
            quote!(map::run::<T, Self>(plan, shape, bytes, #stripe, (#(#names,)*)))
        };
        quote! {
            /// Carries out a call on matrices of that shape.
            #[allow(clippy::too_many_arguments, reason = "as many as the operations have")]
            pub(crate) fn run(
                table: &'static Table<Self>,
                call: &Call<'_>,
                named: &Named<#count>,
                shape: (usize, usize),
                #(#names: #types,)*
            ) -> Result<(), Error> {
                #(#checks)*
                #check_out
                let contiguous = #(#walked.is_contiguous())&&*;
                let target = map::target::<T>(shape, #matrices, contiguous, #stores);
                if named.is_watched() {
                    let again = |call: &Call<'_>| Self::run(table, call, &Named::NOBODY, shape, #(#names,)*);
                    return watch::watched(named.op, (table, T::DTYPE), call, target, again);
                }
                let plan = table.pick(call.choice, call.cut, target)?;
                if shape.0 == 0 || shape.1 == 0 {
                    return Ok(());
                }
                Self::planned(&plan, contiguous, shape, #(#names,)*)
            }

            /// The same once all is checked and the plan is made, for matrices that have elements.
            #[allow(clippy::inline_always, reason = "it is a part of every call of a map")]
            #[allow(unused_variables, reason = "with a row and a column, gaps make no difference")]
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "as many as the operations have")]
            fn planned(
                plan: &Plan<Self>,
                contiguous: bool,
                shape: (usize, usize),
                #(#names: #types,)*
            ) -> Result<(), Error> {
                let bytes = plan.target.bytes;
                #joined
                #call
            }
        }
    }

    /// What is done with narrow matrices by an operation that takes rows and no columns: several rows of the matrices
    /// are seen as one, and the row arguments are repeated as often.
    fn joined(&self) -> TokenStream {
        if !self.has(InputKind::Row) || self.has(InputKind::Column) {
            return TokenStream::new();
        }
        let arguments = self.arguments();
        let names: Vec<_> = arguments.iter().map(|(name, ..)| name).collect();
        let joined = arguments.iter().map(|(name, kind, _)| match kind {
            InputKind::Matrix => quote!(#name.joined_rows(times)),
            InputKind::Row => quote!(&map::repeated(#name, times)),
            InputKind::Column | InputKind::Scalar => quote!(#name),
        });
        quote! {
            let times = if contiguous { map::joined_rows(shape) } else { 1 };
            if times > 1 {
                let at = shape.0 / times * times;
                let (whole, rest) = Self::split((#(#names,)*), Along::Rows, at);
                if at < shape.0 {
                    plan.kernel.call(rest);
                }
                let (#(#names,)*) = whole;
                let extent = (at / times, shape.1 * times);
                return map::run::<T, Self>(plan, extent, bytes, usize::MAX, (#(#joined,)*));
            }
        }
    }

    /// The entries whose arguments' dtype was known at run time alone, and what explains a call.
    fn entries(&self, overwritten: usize) -> TokenStream {
        let into = self.into().ty();
        let (count, matrices) = (number(self.inputs.len()), number(self.matrices()));
        let at_overwritten = number(overwritten);
        let names: Vec<_> = self.inputs.iter().map(|input| format_ident!("{}", input.name)).collect();
        let overwritten = &names[overwritten];
        let take = |inplace: bool| -> Vec<TokenStream> {
            let one = |(at, input): (usize, &MapInput)| {
                let (name, at) = (format_ident!("{}", input.name), number(at));
                match input.kind {
                    _ if inplace && name == *overwritten => TokenStream::new(),
                    InputKind::Matrix => {
                        quote!(let #name = args.matrix(named.order[#at], named.names[#at])?;)
                    }
                    InputKind::Row | InputKind::Column => {
                        quote!(let #name = args.slice(named.order[#at], named.names[#at])?;)
                    }
                    InputKind::Scalar => {
                        quote!(let #name = args.scalar(named.order[#at], named.names[#at])?;)
                    }
                }
            };
            self.inputs.iter().enumerate().map(one).collect()
        };
        let (into_args, inplace_args) = (take(false), take(true));
        // Where the matrix that is overwritten is all there is, there is nothing to take.
        let args = if self.inputs.len() == 1 { quote!() } else { quote!(let args =) };
        quote! {
            /// Carries out a call whose arguments were of any dtype.
            #[allow(dead_code, reason = "a signature may be one of stages alone")]
            pub(crate) fn erased(
                tables: &Map<#into<T>, Self>,
                named: &Named<#count>,
                call: &Call<'_>,
                args: &[Arg<'_>],
                place: Place<'_, T>,
            ) -> Result<(), Error> {
                match place {
                    Place::Matrix(out) => {
                        let args = Args::new(named.op, #count, args, None)?;
                        #(#into_args)*
                        let table = tables.into.of(call.numerics, #overwritten.shape());
                        #into::run(table, call, named, #overwritten.shape(), #(#names,)* out)
                    }
                    Place::Inplace(#overwritten) => {
                        #args Args::new(named.op, #count, args, Some(named.order[#at_overwritten]))?;
                        #(#inplace_args)*
                        let table = tables.inplace.of(call.numerics, #overwritten.shape());
                        Self::run(table, call, named, #overwritten.shape(), #(#names,)*)
                    }
                    Place::Slice(_) => Err(Error::Form {
                        op: named.op,
                        what: "out",
                        expected: "a matrix",
                        got: "a row or column",
                    }),
                }
            }

            /// Which kernel a call runs, and why.
            #[allow(dead_code, reason = "a signature may be one of stages alone")]
            pub(crate) fn explain(
                tables: &Map<#into<T>, Self>,
                (isa, cut): (Isa, Option<Cut>),
                numerics: Numerics,
                inplace: bool,
                shape: (usize, usize),
                spec: (&'static str, usize),
            ) -> Explanation {
                let target = map::target::<T>(shape, #matrices, true, !inplace);
                if inplace {
                    catalogue::explanation(&tables.inplace.of(numerics, shape).look_up(isa, cut, target), spec)
                } else {
                    catalogue::explanation(&tables.into.of(numerics, shape).look_up(isa, cut, target), spec)
                }
            }
        }
    }
}

/// The type of a signature in the library, from the letters of what is taken and the matrix that is overwritten.
#[must_use]
pub fn name(takes: &str, inplace: Option<usize>) -> String {
    let inplace = match inplace {
        None => String::new(),
        Some(0) => "Inplace".to_owned(),
        Some(matrix) => format!("Inplace{}", matrix + 1),
    };
    format!("Map{}{inplace}", takes.to_uppercase())
}
