//! Runs in any order: the extreme of whole vectors as they come.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{
    super::kernel::{comment, number},
    Writer,
};
use crate::ir::any_order::{Extreme, PAIR, Side};

impl Writer<'_> {
    /// The kernel says how to take in some steps of as many places as are read at once, and what comes at the end.
    pub(super) fn any_order(&self, extreme: &Extreme) -> TokenStream {
        let streams = self.kernel.variant.streams;
        let several = self.blocks(extreme, streams);
        let one = (streams > 1).then(|| {
            let one = self.blocks(extreme, 1);
            quote!(let one = #one;)
        });
        let one_role = if streams > 1 { quote!(&one) } else { quote!(&several) };
        let (init, dtype, lanes) = (self.init(), self.dtype(), number(self.lanes()));
        let step = self.scalar_step();
        let exact = word(extreme.side, false);
        let whole = self.element(extreme, &quote!(v::load(x)));
        let part = self.element(extreme, &quote!(v::load_part_or(part, v::splat(*x))));
        let names: Vec<Ident> = (0..self.lanes()).map(|run| format_ident!("found{run}")).collect();
        let fold = self.fold(self.lanes(), 1, &|run, _| names[run].clone());
        quote! {
            let start = v::splat(#init);
            let several = #several;
            #one
            let rest = |x: &[#dtype]| {
                let mut found = start;
                let (x, part) = x.as_chunks::<#lanes>();
                for x in x {
                    found = v::#exact(found, #whole);
                }
                if let [x, ..] = part {
                    found = v::#exact(found, #part);
                }
                found
            };
            let fold = |found: [v::V; #lanes]| {
                let [#(#names),*] = found;
                #fold
            };
            let noted = |notes: v::N, found: v::V| v::noted(notes, found);
            let merge = |a: v::V, b: v::V| v::#exact(a, b);
            let none = (#init, start, v::no_notes());
            any_order::runs(x, acc, none, &several, #one_role, &rest, &noted, &merge, &fold, #step);
        }
    }

    /// What an element comes to, as a vector.
    fn element(&self, extreme: &Extreme, x: &TokenStream) -> TokenStream {
        self.vector(extreme.of, &|_| x.clone())
    }

    /// A closure that takes some steps of each place into what was found there.
    fn blocks(&self, extreme: &Extreme, places: usize) -> TokenStream {
        let vectors = PAIR * self.kernel.variant.unroll;
        let (dtype, lanes) = (self.dtype(), number(self.lanes()));
        let step = number(vectors * self.lanes());
        let count = number(places);
        let names =
            |what: &str| -> Vec<Ident> { (0..places).map(|place| format_ident!("{what}{place}")).collect() };
        let (xs, found, notes) = (names("x"), names("found"), names("notes"));
        let (first_x, others) = xs.split_first().expect("at least one place");
        let accumulator = |place: usize, vector: usize| format_ident!("acc{place}_{vector}");
        let start: TokenStream = (0..places)
            .flat_map(|place| (0..vectors).map(move |vector| (place, vector)))
            .map(|(place, vector)| {
                let acc = accumulator(place, vector);
                // Each place goes on from what was found there.
                let from = if vector == 0 { found[place].clone() } else { format_ident!("start") };
                quote!(let mut #acc = #from;)
            })
            .collect();
        let pass = |is_fast: bool| -> TokenStream {
            let word = word(extreme.side, is_fast);
            let places = (0..places).map(|place| {
                let (x, notes) = (&xs[place], &notes[place]);
                let pairs = (0..vectors).step_by(PAIR).map(|vector| {
                    let values = [0, 1].map(|at| {
                        let at = number(vector + at);
                        self.element(extreme, &quote!(v::load(&step[#at])))
                    });
                    let [a, b] = [accumulator(place, vector), accumulator(place, vector + 1)];
                    let [x, y] = values;
                    let note = is_fast.then(|| quote!(#notes = v::note(#notes, x, y);));
                    quote! {
                        let (x, y) = (#x, #y);
                        #note
                        #a = v::#word(#a, x);
                        #b = v::#word(#b, y);
                    }
                });
                quote! {
                    let (step, _) = #x[i].as_chunks::<#lanes>();
                    #(#pairs)*
                }
            });
            quote!(for i in 0..len { #(#places)* })
        };
        let joined = |is_fast: bool| -> TokenStream {
            let word = word(extreme.side, is_fast);
            (0..places)
                .map(|place| {
                    let values = (0..vectors).map(|vector| {
                        let acc = accumulator(place, vector);
                        quote!(#acc)
                    });
                    let (found, value) = (&found[place], extreme_of(values.collect(), &word));
                    quote!(let #found = #value;)
                })
                .collect()
        };
        let zero = found
            .iter()
            .map(|found| quote!(v::eq(#found, v::splat(0.0))))
            .reduce(|a, b| quote!(v::or(#a, #b)))
            .expect("at least one place");
        let (fast, exact) = (pass(true), pass(false));
        let (fast_joined, exact_joined) = (joined(true), joined(false));
        let hints = self.run_hints(&xs);
        let fast_note = comment("numbers alone: a NaN is noted, and the sign of a zero is open");
        let exact_note = comment("a zero is the extreme of a lane: its sign has to be told");
        let length = (!others.is_empty()).then(|| quote!(#(let #others = &#others[..len];)*));
        quote! {
            |x: [&[[#dtype; #step]]; #count], found: any_order::Found<v::V, v::N, #count>| {
                let [#(#xs),*] = x;
                let len = #first_x.len();
                #length
                let ([#(#found),*], [#(mut #notes),*], is_zero) = found;
                #hints
                if !is_zero {
                    #fast_note
                    #start
                    #fast
                    #fast_joined
                    if v::FAST_IS_EXACT || !v::any(#zero) {
                        return ([#(#found),*], [#(#notes),*], false);
                    }
                }
                #exact_note
                #start
                #exact
                #exact_joined
                #(#notes = v::note(#notes, #found, #found);)*
                ([#(#found),*], [#(#notes),*], v::any(#zero))
            }
        }
    }
}

/// The extreme of several values, as a tree of pairs.
fn extreme_of(mut values: Vec<TokenStream>, word: &Ident) -> TokenStream {
    while values.len() > 1 {
        let pairs = values.chunks(2).map(|pair| match pair {
            [a, b] => quote!(v::#word(#a, #b)),
            _ => pair[0].clone(),
        });
        values = pairs.collect();
    }
    values.remove(0)
}

/// The vocabulary's word for the extreme of two.
fn word(side: Side, is_fast: bool) -> Ident {
    let name = match side {
        Side::Min => "min",
        Side::Max => "max",
    };
    if is_fast { format_ident!("fast_{name}") } else { format_ident!("{name}") }
}
