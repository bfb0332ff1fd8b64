//! Select: of all candidates, the kernels that a build ships, and the rows of the dispatch table.

use std::collections::BTreeSet;

use raptors_profile::{Percent, Span};

use crate::{
    Isa,
    expand::{Candidate, Expanded, Group, beyond_cache, bytes, default_variant, tall},
    isa::Size,
    op::{Family, Op},
    spec::{Chunk, Threads},
    variant::Variant,
};

/// Classes of size, in the order of the library's dispatch: first, second, third cache, memory.
pub const SIZES: usize = Size::ALL.len();
/// Classes of aspect: wide, square, tall.
pub const ASPECTS: usize = 3;
/// The last of them.
const TALL: usize = 2;

/// The dispatch table of a group, for those of its operations whose calls are cut alike.
#[derive(Clone, Debug)]
pub struct Table<'c, 'a> {
    /// The group.
    pub group: &'c Group<'a>,
    /// The operations whose table it is.
    pub ops: Vec<&'a Op<'a>>,
    /// One for each ISA, in the order of [`Isa::all`].
    pub isas: Vec<IsaRows>,
}

/// The rows for one ISA. Kernels go by their places among all candidates.
#[derive(Clone, Debug)]
pub struct IsaRows {
    /// The ISA.
    pub isa: &'static Isa,
    /// Kernels of target shapes, one for each size.
    pub exact: Vec<((usize, usize), Vec<usize>)>,
    /// The kernel of each bucket, sizes outermost.
    pub buckets: Vec<usize>,
    /// The kernels of shapes and buckets on processors where other ones pay, by their place in the ISA's list.
    pub on: Vec<(usize, Kernels)>,
    /// How the calls of each bucket are cut over threads.
    pub tasks: Vec<Tasks>,
    /// What profiles put in the place of the above: the profile's place in the list, and its rows.
    pub tuned: Vec<(usize, Tuned)>,
}

/// Kernels of target shapes, and of buckets.
pub type Kernels = (Vec<((usize, usize), Vec<usize>)>, Vec<usize>);

/// The rows of an ISA by a profile, whole: where it has none, they are the default ones.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// Kernels of target shapes, one for each size.
    pub exact: Vec<((usize, usize), Vec<Pick>)>,
    /// The kernel of each bucket.
    pub buckets: Vec<Pick>,
    /// How calls are cut, by the number of threads, fewest first.
    pub threads: Vec<(usize, Vec<TunedTasks>)>,
}

/// A kernel, and by how much it won if it did.
#[derive(Clone, Copy, Debug)]
pub struct Pick {
    /// The kernel.
    pub kernel: usize,
    /// What its row in the profile says.
    pub won: Option<Won>,
}

/// How the calls of a bucket are cut, and by how much that won if it did.
#[derive(Clone, Copy, Debug)]
pub struct TunedTasks {
    /// How they are cut.
    pub tasks: Tasks,
    /// What the row in the profile says.
    pub won: Option<Won>,
}

/// How much faster than the default a winner was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Won {
    /// By the duel.
    pub margin: Percent,
    /// Where that lies.
    pub interval: Span,
}

/// How the calls of a bucket are cut over threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tasks {
    /// Bytes from which on a call takes more than one thread; `None` if it never does.
    pub crossover: Option<usize>,
    /// Bytes of a piece; `None` for a piece for each thread.
    pub chunk: Option<usize>,
}

/// What one core moves in ten to twenty microseconds, which is what it takes to wake a sleeping worker: a call of fewer
/// bytes is done before help comes, and one of more loses at most as much as it could have gained.
const CROSSOVER: usize = 1 << 20;

/// The defaults, by family and size class.
///
/// Pieces should be many, so that whoever is free can take one, and long, since each costs a tenth of a microsecond and
/// in memory breaks a run. Down the columns every thread has one stripe as wide as can be: a narrow one walks against
/// the rows.
///
/// A spec that does not list them has its own: the first piece it lists, or one thread.
fn tasks(op: &Op<'_>, family: Family, size: Size) -> Tasks {
    let listed = &op.spec.tasks;
    let shares = family != Family::RunsInOrder && listed.threads.contains(&Threads::All);
    let crossover = shares.then_some(CROSSOVER);
    let chunk = match (family, size) {
        (Family::Columns | Family::ColumnTree, _) => None,
        (_, Size::Memory) => Some(1 << 20),
        _ => Some(256 << 10),
    };
    let chunk = chunk.map_or(Chunk::PerThread, Chunk::Bytes);
    let chunk = if listed.chunk.contains(&chunk) { chunk } else { listed.chunk[0] };
    Tasks { crossover, chunk: if let Chunk::Bytes(bytes) = chunk { Some(bytes) } else { None } }
}

/// More bytes than these stay in no first or second cache that processors have. Were there one after all, a target
/// shape of that size would be served by the kernel that the next class has for it.
const LARGEST: [usize; SIZES] = [256 << 10, 4 << 20, usize::MAX, usize::MAX];

/// Every table, in the order of groups.
#[must_use]
pub fn select<'c, 'a>(expanded: &'c Expanded<'a>) -> Vec<Table<'c, 'a>> {
    let mut tables: Vec<Table<'c, 'a>> = Vec::new();
    for group in &expanded.groups {
        let first = tables.len();
        for &op in &group.ops {
            let alike = tables[first..].iter_mut().find(|table| table.ops[0].spec.tasks == op.spec.tasks);
            match alike {
                Some(table) => table.ops.push(op),
                None => tables.push(Table { group, ops: vec![op], isas: Vec::new() }),
            }
        }
        for table in &mut tables[first..] {
            for isa in Isa::all() {
                let own = isa_rows(group, table.ops[0], isa, &expanded.candidates);
                let rows = where_it_pays(own, group, &table.isas);
                table.isas.push(rows);
            }
        }
    }
    tables
}

/// The target shapes of a group: those of all its operations, since each that has the table has the row.
fn shapes(group: &Group<'_>) -> Vec<(usize, usize)> {
    let mut shapes: Vec<_> = group.ops.iter().flat_map(|op| op.spec.shapes.iter().copied()).collect();
    shapes.sort_unstable();
    shapes.dedup();
    shapes
}

fn isa_rows(group: &Group<'_>, op: &Op<'_>, isa: &'static Isa, candidates: &[Candidate]) -> IsaRows {
    let all: Vec<_> = group
        .kernels
        .iter()
        .copied()
        .filter(|&at| candidates[at].kernel.isa.name == isa.name && candidates[at].dropped.is_none())
        // Unless a profile says otherwise, kernels serve.
        .filter(|&at| candidates[at].routine.is_none())
        .collect();
    let default = default_variant(group, isa);
    let find = |wanted: &Variant| all.iter().copied().find(|&at| candidates[at].kernel.variant == *wanted);
    let beyond = beyond_cache(group, &default);
    let sizes: [&Variant; SIZES] = [&default, &default, &default, &beyond];
    let tasks = Size::ALL.into_iter().flat_map(|size| [tasks(op, group.family, size); ASPECTS]).collect();
    let mut buckets = Vec::new();
    for wanted in sizes {
        for aspect in 0..ASPECTS {
            let wanted = if aspect == TALL { tall(group, wanted) } else { *wanted };
            buckets.extend(find(&wanted).or_else(|| find(&default)).or_else(|| all.first().copied()));
        }
    }
    // What its bucket has, until a profile says otherwise.
    let row = |shape| {
        let aspect = raptors_profile::aspect_class(shape);
        (shape, (0..SIZES).map(|size| buckets[size * ASPECTS + aspect]).collect())
    };
    let exact = if buckets.is_empty() { Vec::new() } else { shapes(group).into_iter().map(row).collect() };
    IsaRows { isa, exact, buckets, on: Vec::new(), tasks, tuned: Vec::new() }
}

/// An ISA's rows, with those of the plainer ISA it names where its own kernels do not pay.
fn where_it_pays(own: IsaRows, group: &Group<'_>, before: &[IsaRows]) -> IsaRows {
    let Some(pays) = &own.isa.pays else { return own };
    let plainer = before.iter().find(|rows| rows.isa.name == pays.elsewhere);
    let plainer = plainer.expect("descriptions are checked to name one that comes before");
    if own.buckets.is_empty() || plainer.buckets.is_empty() {
        return own;
    }
    let kernels = |on: Option<usize>| -> Kernels {
        let is_own =
            |size: usize| own.isa.pays_in(Size::ALL[size], group.family, group.inplace.is_some(), on);
        let bucket = |bucket: usize| {
            if is_own(bucket / ASPECTS) { own.buckets[bucket] } else { plainer.buckets[bucket] }
        };
        let shapes = own.exact.iter().zip(&plainer.exact);
        let exact = shapes.map(|((shape, kernels), (_, others))| {
            let kernel = |size: usize| {
                // The class that a call of this shape has where it does not have this one.
                let fits = |class: &usize| bytes(group.ops[0], group.dtype, *shape) <= LARGEST[*class];
                let class = (size..SIZES).find(fits);
                if class.is_some_and(is_own) { kernels[size] } else { others[size] }
            };
            (*shape, (0..SIZES).map(kernel).collect())
        });
        (exact.collect(), (0..SIZES * ASPECTS).map(bucket).collect())
    };
    let usual = kernels(None);
    let on = (0..pays.on.len()).map(|at| (at, kernels(Some(at)))).filter(|(_, there)| *there != usual);
    let on = on.collect();
    let (exact, buckets) = usual;
    IsaRows { exact, buckets, on, ..own }
}

impl IsaRows {
    /// The kernels of shapes and buckets on a processor that no profile speaks of.
    #[must_use]
    pub fn on(&self, cpu: &str) -> Kernels {
        let there = self.isa.listed(cpu).and_then(|at| self.on.iter().find(|(on, _)| *on == at));
        there.map_or_else(|| (self.exact.clone(), self.buckets.clone()), |(_, kernels)| kernels.clone())
    }
}

/// Which candidates ship: those that some row names, a default one or one of a profile.
#[must_use]
pub fn shipped(tables: &[Table<'_, '_>]) -> BTreeSet<usize> {
    let mut shipped = BTreeSet::new();
    for rows in tables.iter().flat_map(|table| &table.isas) {
        shipped.extend(rows.exact.iter().flat_map(|(_, kernels)| kernels).chain(&rows.buckets));
        for (_, (exact, buckets)) in &rows.on {
            shipped.extend(exact.iter().flat_map(|(_, kernels)| kernels).chain(buckets));
        }
        for (_, tuned) in &rows.tuned {
            let picks = tuned.exact.iter().flat_map(|(_, picks)| picks).chain(&tuned.buckets);
            shipped.extend(picks.map(|pick| pick.kernel));
        }
    }
    shipped
}
