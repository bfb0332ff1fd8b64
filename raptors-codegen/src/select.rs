//! Select: of all candidates, the kernels that a build ships, and the rows of the dispatch table.

use raptors_profile::{Percent, Span};

use crate::{
    Dtype, Isa,
    expand::{Candidate, beyond_cache, bytes, default_variant, tall},
    isa::Size,
    op::{Family, Op},
    spec::{Chunk, Numerics, Threads, Tile},
    variant::Variant,
};

/// Classes of size, in the order of the library's dispatch: first, second, third cache, memory.
pub const SIZES: usize = Size::ALL.len();
/// Classes of aspect: wide, square, tall.
pub const ASPECTS: usize = 3;
/// The last of them.
const TALL: usize = 2;

/// The dispatch table of one operation, dtype, numeric class and way of writing.
#[derive(Clone, Debug)]
pub struct Table<'c, 'a> {
    /// The operation.
    pub op: &'c Op<'a>,
    /// Element type.
    pub dtype: Dtype,
    /// The class its kernels serve.
    pub numerics: Numerics,
    /// Whether its kernels overwrite their first matrix.
    pub inplace: bool,
    /// One for each ISA, in the order of [`Isa::all`].
    pub isas: Vec<IsaRows<'c, 'a>>,
}

/// The rows for one ISA.
#[derive(Clone, Debug)]
pub struct IsaRows<'c, 'a> {
    /// The ISA.
    pub isa: &'static Isa,
    /// Kernels of target shapes, one for each size.
    pub exact: Vec<((usize, usize), Vec<&'c Candidate<'a>>)>,
    /// The kernel of each bucket, sizes outermost.
    pub buckets: Vec<&'c Candidate<'a>>,
    /// How the calls of each bucket are cut over threads.
    pub tasks: Vec<Tasks>,
    /// Everything held that belongs to this table, shipped or not.
    pub all: Vec<&'c Candidate<'a>>,
    /// What profiles put in the place of the above: the profile's place in the list, and its rows.
    pub tuned: Vec<(usize, Tuned<'c, 'a>)>,
}

/// The rows of an ISA by a profile, whole: where it has none, they are the default ones.
#[derive(Clone, Debug)]
pub struct Tuned<'c, 'a> {
    /// Kernels of target shapes, one for each size.
    pub exact: Vec<((usize, usize), Vec<Pick<'c, 'a>>)>,
    /// The kernel of each bucket.
    pub buckets: Vec<Pick<'c, 'a>>,
    /// How calls are cut, by the number of threads, fewest first.
    pub threads: Vec<(usize, Vec<TunedTasks>)>,
}

/// A kernel, and by how much it won if it did.
#[derive(Clone, Copy, Debug)]
pub struct Pick<'c, 'a> {
    /// The kernel.
    pub kernel: &'c Candidate<'a>,
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

/// Every table, in the order of operations, dtypes and classes.
#[must_use]
pub fn select<'c, 'a>(ops: &'c [Op<'a>], candidates: &'c [Candidate<'a>]) -> Vec<Table<'c, 'a>> {
    let mut tables = Vec::new();
    for op in ops {
        for &dtype in &op.spec.dtypes {
            for numerics in op.kernel_classes() {
                for inplace in [false, true] {
                    let of_table: Vec<_> = candidates
                        .iter()
                        .filter(|candidate| candidate.op.name == op.name && candidate.dtype == dtype)
                        .filter(|candidate| {
                            candidate.variant.numerics == numerics && candidate.variant.inplace == inplace
                        })
                        .filter(|candidate| candidate.dropped.is_none())
                        .collect();
                    if !of_table.is_empty() {
                        let mut isas = Vec::new();
                        for isa in Isa::all() {
                            let own = isa_rows(op, dtype, isa, numerics, &of_table);
                            isas.push(where_it_pays(op, dtype, own, &isas));
                        }
                        tables.push(Table { op, dtype, numerics, inplace, isas });
                    }
                }
            }
        }
    }
    tables
}

fn isa_rows<'c, 'a>(
    op: &Op<'a>,
    dtype: Dtype,
    isa: &'static Isa,
    numerics: Numerics,
    of_table: &[&'c Candidate<'a>],
) -> IsaRows<'c, 'a> {
    let all: Vec<_> = of_table.iter().copied().filter(|candidate| candidate.isa.name == isa.name).collect();
    let family = op.family(numerics);
    let default = default_variant(op, family, dtype, isa);
    let find = |wanted: &Variant| {
        all.iter().copied().find(|candidate| {
            // In place there is one schedule: the next step's loads would be of what this one stores.
            let schedule =
                if candidate.variant.inplace { wanted.schedule } else { candidate.variant.schedule };
            Variant { inplace: false, numerics: wanted.numerics, schedule, ..candidate.variant } == *wanted
        })
    };
    let default = Variant { numerics, ..default };
    let beyond = beyond_cache(op, family, &default);
    let sizes: [&Variant; SIZES] = [&default, &default, &default, &beyond];
    let fallback = || all.iter().copied().find(|candidate| candidate.variant.shape.is_none());
    let tasks = Size::ALL.into_iter().flat_map(|size| [tasks(op, family, size); ASPECTS]).collect();
    let mut buckets = Vec::new();
    for wanted in sizes {
        for aspect in 0..ASPECTS {
            let wanted = if aspect == TALL { tall(op, family, wanted) } else { *wanted };
            buckets.extend(find(&wanted).or_else(|| find(&default)).or_else(fallback));
        }
    }
    let exact = op
        .spec
        .shapes
        .iter()
        .filter_map(|&shape| {
            // A kernel for one shape walks whole rows.
            let shaped =
                |wanted: &Variant| find(&Variant { shape: Some(shape), tile: Tile::Whole, ..*wanted });
            let kernels = sizes.iter().map(|wanted| shaped(wanted).or_else(|| shaped(&default)));
            Some((shape, kernels.collect::<Option<Vec<_>>>()?))
        })
        .collect();
    IsaRows { isa, exact, buckets, tasks, all, tuned: Vec::new() }
}

/// An ISA's rows, with those of the plainer ISA it names where its own kernels do not pay.
fn where_it_pays<'c, 'a>(
    op: &Op<'a>,
    dtype: Dtype,
    own: IsaRows<'c, 'a>,
    before: &[IsaRows<'c, 'a>],
) -> IsaRows<'c, 'a> {
    let Some(pays) = &own.isa.pays else { return own };
    let plainer = before.iter().find(|rows| rows.isa.name == pays.elsewhere);
    let plainer = plainer.expect("descriptions are checked to name one that comes before");
    if own.buckets.is_empty() || plainer.buckets.is_empty() {
        return own;
    }
    let is_own = |size: usize| own.isa.pays_in(Size::ALL[size]);
    let buckets = (0..SIZES * ASPECTS)
        .map(|bucket| if is_own(bucket / ASPECTS) { own.buckets[bucket] } else { plainer.buckets[bucket] })
        .collect();
    let exact = own
        .exact
        .iter()
        .map(|(shape, kernels)| {
            let there = plainer.exact.iter().find(|(other, _)| other == shape);
            let Some((_, others)) = there else { return (*shape, kernels.clone()) };
            let kernel = |size: usize| {
                // The class that a call of this shape has where it does not have this one.
                let class = (size..SIZES).find(|&class| bytes(op, dtype, *shape) <= LARGEST[class]);
                if class.is_some_and(is_own) { kernels[size] } else { others[size] }
            };
            (*shape, (0..SIZES).map(kernel).collect())
        })
        .collect();
    IsaRows { exact, buckets, ..own }
}

/// Whether a candidate ships: some row names it, a default one or one of a profile.
#[must_use]
pub fn ships(tables: &[Table<'_, '_>], candidate: &Candidate<'_>) -> bool {
    tables.iter().filter(|table| table.op.name == candidate.op.name).flat_map(|table| &table.isas).any(
        |rows| {
            let exact = rows.exact.iter().flat_map(|(_, kernels)| kernels);
            let tuned = rows.tuned.iter().flat_map(|(_, tuned)| {
                tuned.exact.iter().flat_map(|(_, picks)| picks).chain(&tuned.buckets).map(|pick| &pick.kernel)
            });
            exact.chain(&rows.buckets).chain(tuned).any(|row| row.name == candidate.name)
        },
    )
}
