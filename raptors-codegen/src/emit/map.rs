//! Map kernels: row by row; in a row steps of several vectors, then single vectors, then a part of one.

use std::ops::Range;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{
    expr,
    kernel::{comment, number, prefetch_word, zipped},
};
use crate::{
    ir::{GROUP, Kernel, LINE, Map, dag::Node},
    spec::{InputKind, Prefetch, Schedule, Store},
};

/// Parameters and body.
pub(super) fn write(kernel: &Kernel, map: &Map) -> (TokenStream, TokenStream) {
    let writer = Writer { kernel, map };
    (writer.parameters(), writer.body())
}

struct Writer<'a> {
    kernel: &'a Kernel,
    map: &'a Map,
}

/// Something that is read or written an element at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The input of that index.
    Input(usize),
    /// The output.
    Out,
}

impl Writer<'_> {
    fn dtype(&self) -> Ident {
        format_ident!("{}", self.kernel.types.storage.name())
    }

    fn unroll(&self) -> usize {
        self.kernel.variant.unroll
    }

    fn streams_out(&self) -> bool {
        self.kernel.variant.store == Store::Streaming
    }

    /// Whether a step is more than a single vector.
    fn has_steps(&self) -> bool {
        let variant = &self.kernel.variant;
        self.unroll() > 1 || variant.schedule == Schedule::Pipelined || variant.prefetch != Prefetch::None
    }

    fn parameters(&self) -> TokenStream {
        let dtype = self.dtype();
        let mut parameters = TokenStream::new();
        for (index, input) in self.map.inputs.iter().enumerate() {
            let name = format_ident!("{}", input.name);
            parameters.extend(match input.kind {
                InputKind::Matrix if self.map.overwrites == Some(index) => {
                    quote!(mut #name: MatrixMut<'_, #dtype>,)
                }
                InputKind::Matrix => quote!(#name: MatrixRef<'_, #dtype>,),
                InputKind::Row | InputKind::Column => quote!(#name: &[#dtype],),
                InputKind::Scalar => quote!(#name: #dtype,),
            });
        }
        if self.map.overwrites.is_none() {
            parameters.extend(quote!(mut out: MatrixMut<'_, #dtype>));
        }
        parameters
    }

    /// What has elements: matrices and rows, then the output.
    fn sides(&self) -> Vec<Side> {
        let mut sides: Vec<_> = (0..self.map.inputs.len())
            .filter(|&index| matches!(self.map.inputs[index].kind, InputKind::Matrix | InputKind::Row))
            .map(Side::Input)
            .collect();
        if self.map.overwrites.is_none() {
            sides.push(Side::Out);
        }
        sides
    }

    fn name(&self, side: Side, suffix: &str) -> Ident {
        match side {
            Side::Input(index) => format_ident!("{}{suffix}", self.map.inputs[index].name),
            Side::Out => format_ident!("out{suffix}"),
        }
    }

    fn is_row(&self, side: Side) -> bool {
        matches!(side, Side::Input(index) if self.map.inputs[index].kind == InputKind::Row)
    }

    /// Whether it is written to: the output, or the input that is overwritten.
    fn is_mutable(&self, side: Side) -> bool {
        match side {
            Side::Input(index) => self.map.overwrites == Some(index),
            Side::Out => true,
        }
    }

    /// Where results go.
    fn target(&self) -> Side {
        self.map.overwrites.map_or(Side::Out, Side::Input)
    }

    fn body(&self) -> TokenStream {
        let mut body = TokenStream::new();
        for input in &self.map.inputs {
            if input.kind == InputKind::Scalar {
                let (name, vector) = (format_ident!("{}", input.name), format_ident!("{}_v", input.name));
                body.extend(quote!(let #vector = v::splat(#name);));
            }
        }
        for (index, bits) in self.literals().into_iter().enumerate() {
            let name = format_ident!("const_{index}");
            let value = expr::literal(bits, self.kernel.types.arithmetic);
            body.extend(quote!(let #name = v::splat(#value);));
        }
        if !self.streams_out() {
            for side in self.sides().into_iter().filter(|&side| self.is_row(side)) {
                body.extend(self.split(side));
            }
        }
        let row_body = if self.streams_out() { self.streamed_row() } else { self.cached_row() };
        let mut walked: Vec<(TokenStream, TokenStream)> = Vec::new();
        for side in self.sides().into_iter().filter(|&side| !self.is_row(side)) {
            let name = self.name(side, "");
            let rows = if self.is_mutable(side) { quote!(#name.rows_mut()) } else { quote!(#name.rows()) };
            walked.push((quote!(#name), rows));
        }
        let mut start = TokenStream::new();
        for input in self.map.inputs.iter().filter(|input| input.kind == InputKind::Column) {
            let (name, vector) = (format_ident!("{}", input.name), format_ident!("{}_v", input.name));
            walked.push((quote!(#name), quote!(#name)));
            start.extend(quote!(let #vector = v::splat(*#name);));
        }
        body.extend(zipped(&walked, &quote!(#start #row_body)));
        if self.streams_out() {
            body.extend(comment("streaming stores are ordered before whatever this thread stores next"));
            body.extend(quote!(v::fence();));
        }
        body
    }

    /// `let (x, x_tail) = x.as_chunks::<8>(); let (x_steps, x_rest) = x.as_chunks::<4>();`
    fn split(&self, side: Side) -> TokenStream {
        let (name, tail) = (self.name(side, ""), self.name(side, "_tail"));
        let (steps, rest) = (self.name(side, "_steps"), self.name(side, "_rest"));
        let (lanes, unroll) = (number(self.kernel.lanes()), number(self.unroll()));
        let chunks = if self.is_mutable(side) { quote!(as_chunks_mut) } else { quote!(as_chunks) };
        if !self.has_steps() {
            return quote!(let (#rest, #tail) = #name.#chunks::<#lanes>(););
        }
        quote! {
            let (#name, #tail) = #name.#chunks::<#lanes>();
            let (#steps, #rest) = #name.#chunks::<#unroll>();
        }
    }

    /// One row: steps, single vectors, a part of a vector.
    fn cached_row(&self) -> TokenStream {
        let mut body: TokenStream = self
            .sides()
            .into_iter()
            .filter(|&side| !self.is_row(side))
            .map(|side| self.split(side))
            .collect();
        if self.has_steps() {
            body.extend(self.steps());
        }
        body.extend(self.singles());
        body
    }

    /// One row with streaming stores: the elements before the first whole line and after the last step are stored
    /// through the caches.
    fn streamed_row(&self) -> TokenStream {
        let (lanes, unroll) = (number(self.kernel.lanes()), number(self.unroll()));
        let mut body = quote!(let (out_head, out_steps, out_tail) = v::slots_mut::<#unroll>(out););
        for side in self.sides().into_iter().filter(|&side| side != Side::Out) {
            let name = self.name(side, "");
            let (head, steps, tail) =
                (self.name(side, "_head"), self.name(side, "_steps"), self.name(side, "_tail"));
            body.extend(quote! {
                let (#head, #name) = #name.split_at(out_head.len());
                let (#steps, _) = #name.as_chunks::<#lanes>().0.as_chunks::<#unroll>();
                let #tail = &#name[#name.len() - out_tail.len()..];
            });
        }
        body.extend(self.steps());
        let (names, ends): (Vec<_>, Vec<_>) = self
            .sides()
            .into_iter()
            .map(|side| {
                let (name, head, tail) =
                    (self.name(side, ""), self.name(side, "_head"), self.name(side, "_tail"));
                (quote!(#name), (quote!(#head), quote!(#tail)))
            })
            .unzip();
        let heads = ends.iter().map(|(head, _)| head);
        let tails = ends.iter().map(|(_, tail)| tail);
        let splits: TokenStream = self
            .sides()
            .into_iter()
            .map(|side| {
                let (name, rest, tail) =
                    (self.name(side, ""), self.name(side, "_rest"), self.name(side, "_tail"));
                let chunks = if self.is_mutable(side) { quote!(as_chunks_mut) } else { quote!(as_chunks) };
                quote!(let (#rest, #tail) = #name.#chunks::<#lanes>();)
            })
            .collect();
        let singles = self.singles();
        body.extend(quote! {
            for (#(#names),*) in [(#(#heads),*), (#(#tails),*)] {
                #splits
                #singles
            }
        });
        body
    }

    /// Pairs of a name and an iterator, the first with `.iter()`.
    fn walked(&self, suffix: &str) -> Vec<(TokenStream, TokenStream)> {
        let sides = self.sides();
        sides
            .into_iter()
            .enumerate()
            .map(|(at, side)| {
                let (name, all) = (self.name(side, ""), self.name(side, suffix));
                let iterator = match (at, self.is_mutable(side)) {
                    (0, false) => quote!(#all.iter()),
                    (0, true) => quote!(#all.iter_mut()),
                    _ => quote!(#all),
                };
                (quote!(#name), iterator)
            })
            .collect()
    }

    fn steps(&self) -> TokenStream {
        match self.kernel.variant.schedule {
            Schedule::Grouped => {
                // A long step is taken a group at a time, so that registers hold what is under way.
                let mut body = self.hints();
                for from in (0..self.unroll()).step_by(GROUP) {
                    let group = from..self.unroll().min(from + GROUP);
                    body.extend(self.loads(true, group.clone()));
                    body.extend(self.work(group.clone()));
                    body.extend(self.stores(&self.target_name(), group));
                }
                zipped(&self.walked("_steps"), &body)
            }
            Schedule::Pipelined => self.pipelined_steps(),
        }
    }

    /// The loads of the next step are issued before the stores of this one.
    fn pipelined_steps(&self) -> TokenStream {
        let walked = self.walked("_steps");
        let mut sides = walked.iter();
        let (first_name, first) = sides.next().expect("a map reads something");
        let (pattern, iterator) =
            sides.fold((first_name.clone(), first.clone()), |(pattern, all), (name, next)| {
                let name = if name.to_string() == "out" { quote!(next_out) } else { name.clone() };
                (quote!((#pattern, #name)), quote!(#all.zip(#next)))
            });
        let step = 0..self.unroll();
        let (hints, first_loads) = (self.hints(), self.loads(true, step.clone()));
        let loads = self.loads(false, step.clone());
        let (work, stores) = (self.work(step.clone()), self.stores(&format_ident!("out"), step));
        let note = comment("the next step's loads, before this step's stores");
        let mutable: TokenStream = self
            .loaded()
            .flat_map(|index| (0..self.unroll()).map(move |i| (index, i)))
            .map(|(index, i)| {
                let name = format_ident!("{}{i}", self.map.inputs[index].name);
                quote!(let mut #name = #name;)
            })
            .collect();
        quote! {
            let mut steps = #iterator;
            if let Some(#pattern) = steps.next() {
                #hints
                #first_loads
                #mutable
                let mut out = next_out;
                for #pattern in steps {
                    #hints
                    #work
                    #note
                    #loads
                    #stores
                    out = next_out;
                }
                #work
                #stores
            }
        }
    }

    fn target_name(&self) -> Ident {
        self.name(self.target(), "")
    }

    /// Inputs that are loaded a vector at a time and used.
    fn loaded(&self) -> impl Iterator<Item = usize> {
        (0..self.map.inputs.len())
            .filter(|&index| matches!(self.map.inputs[index].kind, InputKind::Matrix | InputKind::Row))
    }

    /// One hint for each line that this step reads from a matrix.
    fn hints(&self) -> TokenStream {
        let Some(word) = prefetch_word(self.kernel.variant.prefetch) else { return TokenStream::new() };
        let vector = self.kernel.vector_bytes();
        let stride = (LINE / vector).max(1);
        self.loaded()
            .filter(|&index| self.map.inputs[index].kind == InputKind::Matrix)
            .flat_map(|index| (0..self.unroll()).step_by(stride).map(move |i| (index, i)))
            .map(|(index, i)| {
                let (name, i) = (self.name(Side::Input(index), ""), number(i));
                quote!(#word(&#name[#i]);)
            })
            .collect()
    }

    /// `let x0 = v::load(&x[0]);` for each of these vectors of the step, or without `let`.
    fn loads(&self, declare: bool, vectors: Range<usize>) -> TokenStream {
        let keyword = declare.then(|| quote!(let));
        self.loaded()
            .flat_map(|index| vectors.clone().map(move |i| (index, i)))
            .map(|(index, i)| {
                let name = self.name(Side::Input(index), "");
                let (vector, at) = (format_ident!("{name}{i}"), number(i));
                quote!(#keyword #vector = v::load(&#name[#at]);)
            })
            .collect()
    }

    /// `let out0 = v::mul(x0, factor_v);` for each of these vectors of the step.
    fn work(&self, vectors: Range<usize>) -> TokenStream {
        let mut work = TokenStream::new();
        for output in &self.map.outputs {
            for i in vectors.clone() {
                let (shared, value) =
                    expr::vector(&self.kernel.dag, output.root, &format!("_{i}"), &|node| {
                        self.leaf(node, &i.to_string())
                    });
                let result = format_ident!("{}{i}", output.name);
                work.extend(quote!(#shared let #result = #value;));
            }
        }
        work
    }

    fn stores(&self, to: &Ident, vectors: Range<usize>) -> TokenStream {
        let word = if self.streams_out() { format_ident!("stream") } else { format_ident!("store") };
        let mut stores = TokenStream::new();
        for output in &self.map.outputs {
            for i in vectors.clone() {
                let (result, at) = (format_ident!("{}{i}", output.name), number(i));
                stores.extend(quote!(v::#word(&mut #to[#at], #result);));
            }
        }
        stores
    }

    /// Single vectors, then a part of one.
    fn singles(&self) -> TokenStream {
        let load = |word: &str, suffix: &str| -> TokenStream {
            let word = format_ident!("{word}");
            self.loaded()
                .map(|index| {
                    let (vector, from) = (
                        format_ident!("{}0", self.map.inputs[index].name),
                        self.name(Side::Input(index), suffix),
                    );
                    quote!(let #vector = v::#word(#from);)
                })
                .collect()
        };
        let root = self.map.outputs[0].root;
        let (shared, value) = expr::vector(&self.kernel.dag, root, "", &|node| self.leaf(node, "0"));
        let target = self.target_name();
        let target_tail = self.name(self.target(), "_tail");
        let whole = load("load", "");
        let part = load("load_part", "_tail");
        let singles = zipped(&self.walked("_rest"), &quote!(#whole #shared v::store(#target, #value);));
        quote! {
            #singles
            if !#target_tail.is_empty() {
                #part
                #shared
                v::store_part(#target_tail, #value);
            }
        }
    }

    fn literals(&self) -> Vec<u64> {
        let mut literals: Vec<u64> = Vec::new();
        for output in &self.map.outputs {
            for id in self.kernel.dag.reachable(output.root) {
                if let Node::Literal(bits) = self.kernel.dag.node(id)
                    && !literals.contains(bits)
                {
                    literals.push(*bits);
                }
            }
        }
        literals
    }

    fn leaf(&self, node: &Node, suffix: &str) -> TokenStream {
        let name = match node {
            Node::Input(index) => {
                let input = &self.map.inputs[*index];
                match input.kind {
                    InputKind::Matrix | InputKind::Row => format_ident!("{}{suffix}", input.name),
                    InputKind::Scalar | InputKind::Column => format_ident!("{}_v", input.name),
                }
            }
            Node::Literal(bits) => {
                let index = self.literals().iter().position(|other| other == bits);
                format_ident!("const_{}", index.expect("every constant has its place"))
            }
            _ => unreachable!("a map reads inputs and constants"),
        };
        quote!(#name)
    }
}
