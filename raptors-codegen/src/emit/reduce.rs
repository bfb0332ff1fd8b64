//! Reduction kernels: they compute states; what follows from a state is common to all of them.

mod any_order;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{
    expr,
    kernel::{comment, number, prefetch_word},
};
use crate::{
    ir::{BLOCK, Field, Kernel, LEAF, LINE, Reduce, dag::Node},
    op::Family,
    spec::Tile,
};

/// Parameters and body.
pub(super) fn write(kernel: &Kernel, reduce: &Reduce) -> (TokenStream, TokenStream) {
    let [field] = &reduce.state[..] else { unreachable!("the checker refuses states of several fields") };
    let writer = Writer { kernel, field };
    let dtype = writer.dtype();
    let parameters = quote!(x: MatrixRef<'_, #dtype>, acc: &mut [#dtype]);
    let body = match reduce.family {
        Family::Runs => match reduce.extreme_of_runs(&kernel.dag) {
            Some(extreme) => writer.any_order(&extreme),
            None => writer.runs(),
        },
        Family::RunsInOrder => writer.runs_in_order(),
        Family::Columns => writer.columns(),
        Family::ColumnTree => writer.column_tree(),
        Family::Map => unreachable!("a reduction is no map"),
    };
    (parameters, body)
}

struct Writer<'a> {
    kernel: &'a Kernel,
    field: &'a Field,
}

impl Writer<'_> {
    fn dtype(&self) -> Ident {
        format_ident!("{}", self.kernel.types.storage.name())
    }

    fn lanes(&self) -> usize {
        self.kernel.lanes()
    }

    fn init(&self) -> TokenStream {
        expr::literal(self.field.init.to_bits(), self.kernel.types.arithmetic)
    }

    /// `acc` with one more element, as vectors.
    fn step(&self, acc: &TokenStream, x: &TokenStream) -> TokenStream {
        self.vector(self.field.step, &|node| match node {
            Node::State(_) => acc.clone(),
            _ => x.clone(),
        })
    }

    /// Two states, as vectors.
    fn merge(&self, a: &TokenStream, b: &TokenStream) -> TokenStream {
        self.vector(self.field.merge, &|node| match node {
            Node::Side { second: true, .. } => b.clone(),
            _ => a.clone(),
        })
    }

    fn vector(&self, root: crate::ir::dag::Id, leaf: &dyn Fn(&Node) -> TokenStream) -> TokenStream {
        let (shared, value) = expr::vector(&self.kernel.dag, root, "", &|node| match node {
            Node::Literal(bits) => {
                let value = expr::literal(*bits, self.kernel.types.arithmetic);
                quote!(v::splat(#value))
            }
            _ => leaf(node),
        });
        if shared.is_empty() { value } else { quote!({ #shared #value }) }
    }

    /// `|acc, x| acc + x`, over scalars.
    fn scalar_step(&self) -> TokenStream {
        scalar_step(&self.kernel.dag, self.field.step, self.kernel.types.arithmetic)
    }

    /// `|a, b| a + b`, over scalars.
    fn scalar_merge(&self) -> TokenStream {
        scalar_merge(&self.kernel.dag, self.field.merge, self.kernel.types.arithmetic)
    }

    /// Runs by the tree. The kernel says how to compute leaves, as many side by side as the tree asks for.
    fn runs(&self) -> TokenStream {
        let (streams, unroll) = (self.kernel.variant.streams, self.kernel.variant.unroll);
        let (several, each, one) = (self.leaves(streams * unroll), self.leaves(streams), self.leaves(1));
        let (step, merge) = (self.scalar_step(), self.scalar_merge());
        let several_note =
            comment("leaves side by side, so that one's additions need not wait for another's");
        // A body is written once, however many of its roles it plays.
        let each = (unroll > 1 && streams > 1).then(|| quote!(let each = #each;));
        let one = (streams * unroll > 1).then(|| quote!(let one = #one;));
        let each_role = match (unroll, streams) {
            (1, _) => quote!(&several),
            (_, 1) => quote!(&one),
            _ => quote!(&each),
        };
        let one_role = if one.is_some() { quote!(&one) } else { quote!(&several) };
        quote! {
            #several_note
            let several = #several;
            #each
            #one
            tree::runs(x, acc, &several, #each_role, #one_role, #step, #merge);
        }
    }

    /// A closure that gives the values of so many leaves' blocks.
    fn leaves(&self, count: usize) -> TokenStream {
        let vectors = BLOCK / self.lanes();
        let accumulator = |leaf: usize, part: usize| accumulator(leaf, part, vectors);
        let places = || (0..count).flat_map(move |leaf| (0..vectors).map(move |part| (leaf, part)));
        let init = self.init();
        let start: TokenStream = places()
            .map(|(leaf, part)| {
                let acc = accumulator(leaf, part);
                quote!(let mut #acc = v::splat(#init);)
            })
            .collect();
        let advance: TokenStream = (0..count)
            .map(|leaf| {
                let x = format_ident!("x{leaf}");
                let (lanes, parts) = (number(self.lanes()), number(vectors));
                let split = (vectors > 1).then(|| quote!(let block = lanes::<#lanes, #parts, _>(&#x[i]);));
                let steps: TokenStream = (0..vectors)
                    .map(|part| {
                        let (acc, at) = (accumulator(leaf, part), number(part));
                        let load =
                            if vectors > 1 { quote!(v::load(&block[#at])) } else { quote!(v::load(&#x[i])) };
                        let next = self.step(&quote!(#acc), &load);
                        quote!(#acc = #next;)
                    })
                    .collect();
                quote!(#split #steps)
            })
            .collect();
        let names: Vec<Ident> = (0..count).map(|leaf| format_ident!("x{leaf}")).collect();
        let (dtype, block, leaves) = (self.dtype(), number(BLOCK), number(count));
        let (shortest, others) = names.split_first().expect("at least one leaf");
        let hints = self.run_hints(&names);
        let fold_note = comment("((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each leaf");
        let fold = self.fold(count, vectors, &accumulator);
        quote! {
            |x: [&[[#dtype; #block]]; #leaves]| {
                let [#(#names),*] = x;
                let len = #shortest.len();
                #(let #others = &#others[..len];)*
                #hints
                #start
                for i in 0..len {
                    #advance
                }
                #fold_note
                #fold
            }
        }
    }

    /// A hint for each line of each leaf.
    fn run_hints(&self, names: &[Ident]) -> TokenStream {
        let Some(word) = prefetch_word(self.kernel.variant.prefetch) else { return TokenStream::new() };
        let line = number(LINE / self.kernel.types.storage.bytes());
        quote! {
            for blocks in [#(#names),*] {
                for line in blocks.as_flattened().chunks(#line) {
                    #word(line);
                }
            }
        }
    }

    /// `((r0+r1)+(r2+r3))+((r4+r5)+(r6+r7))` of each leaf: neighbours first, several leaves in one vector.
    fn fold(
        &self,
        leaves: usize,
        vectors: usize,
        accumulator: &dyn Fn(usize, usize) -> Ident,
    ) -> TokenStream {
        let lanes = self.lanes();
        let mut out = TokenStream::new();
        let mut parts: Vec<Vec<Ident>> = Vec::new();
        for part in 0..vectors {
            let mut current: Vec<Ident> = (0..leaves).map(|leaf| accumulator(leaf, part)).collect();
            let mut distance = 1;
            while distance < lanes {
                let merged: Vec<Ident> = current
                    .chunks(2)
                    .map(|pair| {
                        let (a, b) = (&pair[0], pair.last().expect("a chunk has an element"));
                        let result = pair[0].clone();
                        let (even, odd) = (format_ident!("even"), format_ident!("odd"));
                        let value = self.merge(&quote!(#even), &quote!(#odd));
                        let distance = number(distance);
                        out.extend(quote! {
                            let (#even, #odd) = v::pairs::<#distance>(#a, #b);
                            let #result = #value;
                        });
                        result
                    })
                    .collect();
                current = merged;
                distance *= 2;
            }
            parts.push(current);
        }
        while parts.len() > 1 {
            parts = parts
                .chunks(2)
                .map(|pair| {
                    pair[0]
                        .iter()
                        .zip(&pair[1])
                        .map(|(a, b)| {
                            let value = self.merge(&quote!(#a), &quote!(#b));
                            out.extend(quote!(let #a = #value;));
                            a.clone()
                        })
                        .collect()
                })
                .collect();
        }
        let results = &parts[0];
        let (lanes_count, count) = (number(lanes), number(results.len()));
        out.extend(quote!(let mut values = [[0.0; #lanes_count]; #count];));
        for (at, result) in results.iter().enumerate() {
            let at = number(at);
            out.extend(quote!(v::store(&mut values[#at], #result);));
        }
        out.extend(match (leaves == lanes, leaves < lanes) {
            (true, _) => quote!(values[0]),
            (_, true) => quote!(first(&values[0])),
            _ => quote!(first(values.as_flattened())),
        });
        out
    }

    /// Runs one element after another.
    fn runs_in_order(&self) -> TokenStream {
        let (init, step) = (self.init(), self.scalar_step());
        quote! {
            for (acc, run) in acc.iter_mut().zip(x.rows()) {
                *acc = run.iter().copied().fold(#init, #step);
            }
        }
    }

    /// Down the columns: several rows a step, the states in `acc`.
    fn columns(&self) -> TokenStream {
        let (init, unroll) = (self.init(), self.kernel.variant.unroll);
        let several = self.take_rows(unroll);
        let rows = number(unroll);
        let rest = if unroll > 1 { quote!(rest) } else { quote!(_) };
        let mut body = quote!(let (steps, #rest) = x.row_groups::<#rows>(););
        body.extend(quote!(acc.fill(#init); for rows in steps { #several }));
        if unroll > 1 {
            let single = self.take_rows(1);
            body.extend(quote!(for rows in rest.rows().map(|row| [row]) { #single }));
        }
        self.striped(&body)
    }

    /// The body once for each stripe of columns, if the variant has stripes.
    fn striped(&self, body: &TokenStream) -> TokenStream {
        let Tile::Bytes(bytes) = self.kernel.variant.tile else { return body.clone() };
        let width = number(bytes / self.kernel.types.storage.bytes());
        quote! {
            for (x, acc) in x.stripes(#width).zip(acc.chunks_mut(#width)) {
                #body
            }
        }
    }

    /// Takes `count` rows into `acc`: several vectors of columns at a time, then single ones, then a part of one.
    fn take_rows(&self, count: usize) -> TokenStream {
        let lanes = number(self.kernel.lanes());
        let width = self.kernel.column_vectors();
        let vectors = number(width);
        let names =
            |suffix: &str| -> Vec<Ident> { (0..count).map(|row| format_ident!("x{row}{suffix}")).collect() };
        let (rows, steps, rests, tails) = (names(""), names("_steps"), names("_rest"), names("_tail"));
        let mut out = quote! {
            let (acc, acc_tail) = acc.as_chunks_mut::<#lanes>();
            let (acc_steps, acc_rest) = acc.as_chunks_mut::<#vectors>();
        };
        for row in 0..count {
            let (row, tail, at, steps, rest) =
                (&rows[row], &tails[row], number(row), &steps[row], &rests[row]);
            out.extend(quote! {
                let (#row, #tail) = rows[#at].as_chunks::<#lanes>();
                let (#steps, #rest) = #row.as_chunks::<#vectors>();
            });
        }
        if let Some(word) = prefetch_word(self.kernel.variant.prefetch) {
            let line = number(LINE / self.kernel.types.storage.bytes());
            out.extend(quote! {
                for row in rows.iter() {
                    for line in row.chunks(#line) {
                        #word(line);
                    }
                }
            });
        }
        // One after another, the rows go into the state of each vector of the step.
        let chain = |width: usize, load: &dyn Fn(usize, usize) -> TokenStream| -> TokenStream {
            (0..count)
                .flat_map(|row| (0..width).map(move |vector| (row, vector)))
                .map(|(row, vector)| {
                    let state = format_ident!("state{vector}");
                    let next = self.step(&quote!(#state), &load(row, vector));
                    quote!(#state = #next;)
                })
                .collect()
        };
        let whole = chain(width, &|row, vector| {
            let (row, vector) = (&steps[row], number(vector));
            quote!(v::load(&#row[i][#vector]))
        });
        let single = chain(1, &|row, _| {
            let row = &rests[row];
            quote!(v::load(&#row[i]))
        });
        let part = chain(1, &|row, _| {
            let row = &tails[row];
            quote!(v::load_part(#row))
        });
        let states: Vec<Ident> = (0..width).map(|vector| format_ident!("state{vector}")).collect();
        let places: Vec<_> = (0..width).map(number).collect();
        out.extend(comment("all rows have this length: said once, the loops need no checks"));
        out.extend(quote! {
            let len = acc_steps.len();
            #(let #steps = &#steps[..len];)*
            for i in 0..len {
                #(let mut #states = v::load(&acc_steps[i][#places]);)*
                #whole
                #(v::store(&mut acc_steps[i][#places], #states);)*
            }
            let len = acc_rest.len();
            #(let #rests = &#rests[..len];)*
            for i in 0..len {
                let mut state0 = v::load(&acc_rest[i]);
                #single
                v::store(&mut acc_rest[i], state0);
            }
            if !acc_tail.is_empty() {
                let mut state0 = v::load_part(acc_tail);
                #part
                v::store_part(acc_tail, state0);
            }
        });
        out
    }

    /// Down the columns by the tree over the rows: eight accumulators a column, in a stripe that stays in cache.
    fn column_tree(&self) -> TokenStream {
        let init = self.init();
        let Tile::Bytes(bytes) = self.kernel.variant.tile else {
            unreachable!("an unbounded stripe is not held")
        };
        let width = number(bytes / self.kernel.types.storage.bytes());
        let lanes = number(self.kernel.lanes());
        let block = number(BLOCK);
        let advance = self.step(&quote!(v::load(r)), &quote!(v::load(x)));
        let advance_part = self.step(&quote!(v::load_part(r_tail)), &quote!(v::load_part(x_tail)));
        let accumulate = quote! {
            let (r, r_tail) = r.as_chunks_mut::<#lanes>();
            let (x, x_tail) = row.as_chunks::<#lanes>();
            for (r, x) in r.iter_mut().zip(x) {
                v::store(r, #advance);
            }
            if !r_tail.is_empty() {
                v::store_part(r_tail, #advance_part);
            }
        };
        let level = |names: &[TokenStream]| -> Vec<TokenStream> {
            names.chunks(2).map(|pair| self.merge(&pair[0], &pair[1])).collect()
        };
        let loads: Vec<_> = (0..BLOCK)
            .map(|row| {
                let row = number(row);
                quote!(v::load(&r[#row].as_chunks::<#lanes>().0[i]))
            })
            .collect();
        let folded = level(&level(&level(&loads))).remove(0);
        let merge = self.merge(&quote!(v::load(a)), &quote!(v::load(b)));
        let merge_part = self.merge(&quote!(v::load_part(a_tail)), &quote!(v::load_part(b_tail)));
        let leaf_note = comment(&format!("up to {LEAF} rows: row i goes to accumulator i mod 8"));
        let fold_note = comment("((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each column");
        let rest_note = comment("rows after the last eight, one after another");
        let leaf = quote! {
            #leaf_note
            let leaf = |x: MatrixRef<'_, _>, acc: &mut [_]| {
                let mut r = [[#init; #width]; #block];
                let (steps, rest) = x.row_groups::<#block>();
                for rows in steps {
                    for (r, row) in r.iter_mut().zip(rows) {
                        let r = &mut r[..row.len()];
                        #accumulate
                    }
                }
                #fold_note
                for (i, acc) in acc.chunks_mut(#lanes).enumerate() {
                    v::store_part(acc, #folded);
                }
                #rest_note
                for row in rest.rows() {
                    let r = &mut *acc;
                    #accumulate
                }
            };
        };
        let merge = quote! {
            let merge = |a: &mut [_], b: &[_]| {
                let (a, a_tail) = a.as_chunks_mut::<#lanes>();
                let (b, b_tail) = b.as_chunks::<#lanes>();
                for (a, b) in a.iter_mut().zip(b) {
                    v::store(a, #merge);
                }
                if !a_tail.is_empty() {
                    v::store_part(a_tail, #merge_part);
                }
            };
        };
        let stripes = self.striped(&quote!(tree::rows(x, acc, &leaf, &merge);));
        quote!(#leaf #merge #stripes)
    }
}

/// `acc0`, or `acc0_1` where a leaf needs several vectors.
fn accumulator(leaf: usize, part: usize, vectors: usize) -> Ident {
    if vectors == 1 { format_ident!("acc{leaf}") } else { format_ident!("acc{leaf}_{part}") }
}

/// `|acc, x| acc + x`, over scalars.
pub(super) fn scalar_step(
    dag: &crate::ir::dag::Dag,
    root: crate::ir::dag::Id,
    dtype: crate::Dtype,
) -> TokenStream {
    let value = expr::scalar(dag, root, &|node| match node {
        Node::State(_) => quote!(acc),
        Node::Literal(bits) => expr::literal(*bits, dtype),
        _ => quote!(x),
    });
    quote!(|acc, x| #value)
}

/// `|a, b| a + b`, over scalars.
pub(super) fn scalar_merge(
    dag: &crate::ir::dag::Dag,
    root: crate::ir::dag::Id,
    dtype: crate::Dtype,
) -> TokenStream {
    let value = expr::scalar(dag, root, &|node| match node {
        Node::Side { second, .. } => {
            if *second {
                quote!(b)
            } else {
                quote!(a)
            }
        }
        Node::Literal(bits) => expr::literal(*bits, dtype),
        _ => unreachable!("a merge reads its two states and constants"),
    });
    quote!(|a, b| #value)
}
