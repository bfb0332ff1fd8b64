//! The fields of a spec file, once: the reader, its messages, the JSON schema and the reference all come from this table.

use super::{
    model::{Axis, InputKind, Numerics, Schedule, Store, Threads},
    word,
};
use crate::Dtype;

/// A table of a spec file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// The file itself.
    Spec,
    /// `[reduce]`.
    Reduce,
    /// One field of `[reduce.state]`.
    State,
    /// One stage of `[reduce.stages]`.
    Stage,
    /// `[variants]`.
    Variants,
    /// `[tasks]`.
    Tasks,
    /// `[shapes]`.
    Shapes,
}

impl Table {
    /// Every table, in the order of the reference.
    pub(super) const ALL: [Self; 7] =
        [Self::Spec, Self::Reduce, Self::State, Self::Stage, Self::Variants, Self::Tasks, Self::Shapes];

    /// As messages call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Spec => "a spec",
            Self::Reduce => "`[reduce]`",
            Self::State => "a field of the state",
            Self::Stage => "a stage",
            Self::Variants => "`[variants]`",
            Self::Tasks => "`[tasks]`",
            Self::Shapes => "`[shapes]`",
        }
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A sentence for people.
    Sentence,
    /// An expression.
    Expression,
    /// Names with their kinds of input.
    Inputs,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of these words.
    Words(&'static [&'static str]),
    /// A list of whole numbers.
    Numbers(Numbers),
    /// A list of words of a form, such as `l1 8 lines`.
    Forms(&'static word::Form),
    /// A list of pairs of whole numbers.
    Pairs(Numbers),
    /// A table of fields.
    Table(Table),
    /// Names with a [`Table::State`] each.
    States,
    /// Names with a [`Table::Stage`] each.
    Stages,
    /// Names with a number each.
    Defaults,
    /// Names with an expression each.
    Outputs,
    /// An expression of `NumPy`.
    Numpy,
    /// Backends with a routine or a list of routines each.
    Backends,
}

/// Which whole numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    /// The least.
    pub(super) min: usize,
    /// The greatest.
    pub(super) max: usize,
    /// Only powers of two.
    pub(super) powers_of_two: bool,
}

impl Numbers {
    /// Whether the number is one of them.
    pub(super) const fn allow(self, number: usize) -> bool {
        self.min <= number && number <= self.max && (!self.powers_of_two || number.is_power_of_two())
    }

    /// `1 to 16`.
    pub(super) fn range(self) -> String {
        let powers = if self.powers_of_two { "a power of two from " } else { "" };
        format!("{powers}{} to {}", self.min, self.max)
    }
}

/// The operations that a field serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// All.
    Any,
    /// Those with `output`.
    Map,
    /// Those with `[reduce]`.
    Reduce,
    /// Reductions over all elements or along axis 1, whose elements lie side by side.
    Contiguous,
    /// Reductions along axis 0.
    Columns,
}

impl Family {
    /// As messages call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Any => "every operation",
            Self::Map => "an operation with `output`",
            Self::Reduce => "a reduction",
            Self::Contiguous => "a reduction over axes `all` or `1`",
            Self::Columns => "a reduction over axis `0`",
        }
    }
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Where it stands.
    pub(super) table: Table,
    /// Its key.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// Whether its table is incomplete without it.
    pub(super) required: bool,
    /// What it serves.
    pub(super) family: Family,
    /// One sentence.
    pub(super) doc: &'static str,
    /// It and a value, as one writes them.
    pub(super) example: &'static str,
}

impl Field {
    /// The fields of a table, in the order of the reference.
    pub(super) fn of(table: Table) -> impl Iterator<Item = &'static Self> + Clone {
        FIELDS.iter().filter(move |field| field.table == table)
    }

    /// The field of that name.
    pub(super) fn find(table: Table, name: &str) -> Option<&'static Self> {
        Self::of(table).find(|field| field.name == name)
    }
}

/// Words of the numeric classes.
pub(super) const NUMERICS: [&str; 2] = [Numerics::Numpy.name(), Numerics::Accurate.name()];
/// Words of the element types.
pub(super) const DTYPES: [&str; 2] = [Dtype::F32.name(), Dtype::F64.name()];
/// Words of the axes.
pub(super) const AXES: [&str; 3] = [Axis::All.name(), Axis::Zero.name(), Axis::One.name()];
/// Words of the kinds of input.
pub(super) const INPUT_KINDS: [&str; 4] =
    [InputKind::Matrix.name(), InputKind::Row.name(), InputKind::Column.name(), InputKind::Scalar.name()];
/// What `schedule` can say, in the order of its words.
pub(super) const SCHEDULES: [Schedule; 2] = [Schedule::Grouped, Schedule::Pipelined];
/// What `store` can say, in the order of its words.
pub(super) const STORES: [Store; 2] = [Store::Cached, Store::Streaming];
/// What `threads` can say.
pub(super) const THREADS: [&str; 2] = [Threads::One.name(), Threads::All.name()];

/// Words of the families that operations are built by: features of the crate that has the specs.
pub const FAMILIES: [&str; 5] = ["arithmetic", "elementary", "extremes", "sums", "statistics"];

/// What `combine` can say.
pub(super) const COMBINES: [&str; 7] = ["add", "mul", "min", "max", "count", "argmin", "argmax"];
/// What `terms` can say.
pub(super) const TERMS: [&str; 2] = ["fused", "block"];

/// Rows and columns a shape can have.
const EXTENT: Numbers = Numbers { min: 1, max: 65_536, powers_of_two: false };

/// Every field there is.
pub(super) const FIELDS: &[Field] = &[
    Field {
        table: Table::Spec,
        name: "summary",
        kind: Kind::Sentence,
        required: true,
        family: Family::Any,
        doc: "What the operation does, in one sentence that ends with a full stop, all of which can be seen; it heads the \
              generated docs.",
        example: "summary = \"Multiply every element of a matrix by a scalar.\"",
    },
    Field {
        table: Table::Spec,
        name: "inputs",
        kind: Kind::Inputs,
        required: true,
        family: Family::Any,
        doc: "The arguments in their order: a name, and whether it is a matrix, a row (used in every row), a column \
              (used in every column) or a scalar. One input may list several of these: the first gives `<op>`, each \
              other one an operation of its own, such as `<op>_row`.",
        example: "inputs = { x = \"matrix\", factor = \"scalar\" }",
    },
    Field {
        table: Table::Spec,
        name: "output",
        kind: Kind::Expression,
        required: false,
        family: Family::Any,
        doc: "What each element of the result is, from the inputs at its place; beside `[reduce.stages]` from what the stages \
              come to, too.",
        example: "output = \"x * factor\"",
    },
    Field {
        table: Table::Spec,
        name: "dtypes",
        kind: Kind::Words(&DTYPES),
        required: true,
        family: Family::Any,
        doc: "The element types that kernels are generated for.",
        example: "dtypes = [\"f32\", \"f64\"]",
    },
    Field {
        table: Table::Spec,
        name: "family",
        kind: Kind::Word(&FAMILIES),
        required: false,
        family: Family::Any,
        doc: "The cargo feature that the operation is built with. Left out: it is always built.",
        example: "family = \"sums\"",
    },
    Field {
        table: Table::Spec,
        name: "defaults",
        kind: Kind::Defaults,
        required: false,
        family: Family::Any,
        doc: "What Python's function takes for a scalar that a call leaves out. These scalars come last.",
        example: "defaults = { ddof = 0 }",
    },
    Field {
        table: Table::Spec,
        name: "numpy",
        kind: Kind::Numpy,
        required: false,
        family: Family::Any,
        doc: "`NumPy`'s expression for the same bits, over `np`, the inputs and, in a reduction, `axis` and `keepdims`: tests \
              and the comparison use it. Left out: what follows from the expressions. `\"none\"`: `NumPy` has none.",
        example: "numpy = \"np.ptp(x, axis=axis, keepdims=keepdims)\"",
    },
    Field {
        table: Table::Spec,
        name: "backends",
        kind: Kind::Backends,
        required: false,
        family: Family::Any,
        doc: "Routines of other libraries that compute the same: in the numeric class `any`, which the operation has by \
              listing some, they compete with its kernels.",
        example: "backends = { cblas = \"scal\", accelerate = \"vsmul\" }",
    },
    Field {
        table: Table::Spec,
        name: "reduce",
        kind: Kind::Table(Table::Reduce),
        required: false,
        family: Family::Reduce,
        doc: "Makes the operation a reduction: many elements to one value. Stands in the place of `output`, or, with stages, \
              beside it.",
        example: "[reduce]",
    },
    Field {
        table: Table::Spec,
        name: "variants",
        kind: Kind::Table(Table::Variants),
        required: false,
        family: Family::Any,
        doc: "Which candidates there are: the combinations that an ISA can hold.",
        example: "[variants]",
    },
    Field {
        table: Table::Spec,
        name: "tasks",
        kind: Kind::Table(Table::Tasks),
        required: false,
        family: Family::Any,
        doc: "Which ways there are to cut a call over threads: what a tournament chooses from.",
        example: "[tasks]",
    },
    Field {
        table: Table::Spec,
        name: "shapes",
        kind: Kind::Table(Table::Shapes),
        required: false,
        family: Family::Any,
        doc: "Shapes that get a dispatch row of their own, which a profile may give another kernel than their bucket's.",
        example: "[shapes]",
    },
    Field {
        table: Table::Reduce,
        name: "axes",
        kind: Kind::Words(&AXES),
        required: true,
        family: Family::Reduce,
        doc: "Over what: `all` elements gives `<op>`, down the rows (`0`) gives `<op>_axis0`, along the columns (`1`) \
              gives `<op>_axis1`.",
        example: "axes = [\"all\", \"0\", \"1\"]",
    },
    Field {
        table: Table::Reduce,
        name: "of",
        kind: Kind::Expression,
        required: false,
        family: Family::Reduce,
        doc: "With `combine`: what is reduced, over the inputs.",
        example: "of = \"x\"",
    },
    Field {
        table: Table::Reduce,
        name: "combine",
        kind: Kind::Word(&COMBINES),
        required: false,
        family: Family::Reduce,
        doc: "With `of`: how two values become one. Short for a state of one field, `acc`. `count`: how often the mask `of` \
              holds. `argmin`, `argmax`: where the least or greatest value stands, the first of equal ones; a NaN is found \
              before all.",
        example: "combine = \"add\"",
    },
    Field {
        table: Table::Reduce,
        name: "terms",
        kind: Kind::Word(&TERMS),
        required: false,
        family: Family::Reduce,
        doc: "How `of` is computed where it is more than the input: `fused` into kernels of its own, the fastest and the \
              dearest to compile, for one matrix alone; or by the `block`, into memory that stays in the first cache, where \
              the kernels of the plain reduction take it in. Left out: `fused` for sums, products and extremes of one \
              matrix, else by the `block`.",
        example: "terms = \"block\"",
    },
    Field {
        table: Table::Reduce,
        name: "stages",
        kind: Kind::Stages,
        required: false,
        family: Family::Reduce,
        doc: "In the place of `of` and `combine`: results with a name each, in order. A later one, and an `output` beside them, \
              can use those before it, as if each were an input that has one value a result.",
        example: "[reduce.stages]",
    },
    Field {
        table: Table::Reduce,
        name: "outputs",
        kind: Kind::Outputs,
        required: false,
        family: Family::Reduce,
        doc: "In the place of `finish`: several results, each with its name, from stages, scalars and `count`.",
        example: "outputs = { least = \"lo\", greatest = \"hi\" }",
    },
    Field {
        table: Table::Reduce,
        name: "state",
        kind: Kind::States,
        required: false,
        family: Family::Reduce,
        doc: "The general form, in the place of `of` and `combine`: what a reduction carries along, field by field.",
        example: "[reduce.state]",
    },
    Field {
        table: Table::Reduce,
        name: "finish",
        kind: Kind::Expression,
        required: false,
        family: Family::Reduce,
        doc: "The result, from the state's fields or the stages, scalars, and `count`, the number of elements. Without it: \
              the first field, or the last stage. A mask gives a result that is true or false.",
        example: "finish = \"acc / count\"",
    },
    Field {
        table: Table::Reduce,
        name: "numerics",
        kind: Kind::Words(&NUMERICS),
        required: false,
        family: Family::Reduce,
        doc: "The numeric classes a caller can choose from; `numpy` is always one, and the default.",
        example: "numerics = [\"numpy\", \"accurate\"]",
    },
    Field {
        table: Table::State,
        name: "init",
        kind: Kind::Expression,
        required: true,
        family: Family::Reduce,
        doc: "The field before any element: a constant that is neutral for `merge`. If it is not finite, an empty input is \
              an error.",
        example: "init = \"0\"",
    },
    Field {
        table: Table::State,
        name: "step",
        kind: Kind::Expression,
        required: true,
        family: Family::Reduce,
        doc: "The field with one more element, from the fields and the input.",
        example: "step = \"total + x\"",
    },
    Field {
        table: Table::State,
        name: "merge",
        kind: Kind::Expression,
        required: true,
        family: Family::Reduce,
        doc: "The field of two states, `a.<field>` and `b.<field>`, of lanes or of threads: what `step` makes of the \
              elements of both.",
        example: "merge = \"a.total + b.total\"",
    },
    Field {
        table: Table::Stage,
        name: "of",
        kind: Kind::Expression,
        required: false,
        family: Family::Reduce,
        doc: "With `combine`: what is reduced, over the inputs and the stages before.",
        example: "of = \"(x - mean) * (x - mean)\"",
    },
    Field {
        table: Table::Stage,
        name: "combine",
        kind: Kind::Word(&COMBINES),
        required: false,
        family: Family::Reduce,
        doc: "With `of`: how two values become one, as in `[reduce]`.",
        example: "combine = \"add\"",
    },
    Field {
        table: Table::Stage,
        name: "terms",
        kind: Kind::Word(&TERMS),
        required: false,
        family: Family::Reduce,
        doc: "How `of` is computed, as in `[reduce]`. Left out: by the `block`.",
        example: "terms = \"fused\"",
    },
    Field {
        table: Table::Stage,
        name: "finish",
        kind: Kind::Expression,
        required: false,
        family: Family::Reduce,
        doc: "The stage's value, from `acc`, the stages before, scalars and `count`: computed in f64 and rounded once to the \
              operation's dtype. Without it: `acc`. Without `of`, it alone is the stage.",
        example: "finish = \"acc / count\"",
    },
    Field {
        table: Table::Variants,
        name: "unroll",
        kind: Kind::Numbers(Numbers { min: 1, max: 32, powers_of_two: false }),
        required: false,
        family: Family::Any,
        doc: "Vectors a step; in reductions leaves or rows a step, and powers of two.",
        example: "unroll = [1, 2, 4, 8]",
    },
    Field {
        table: Table::Variants,
        name: "schedule",
        kind: Kind::Words(&["grouped", "pipelined"]),
        required: false,
        family: Family::Map,
        doc: "`grouped`: loads, then work, then stores. `pipelined`: the next step's loads before this step's stores.",
        example: "schedule = [\"grouped\", \"pipelined\"]",
    },
    Field {
        table: Table::Variants,
        name: "prefetch",
        kind: Kind::Forms(&word::PREFETCH),
        required: false,
        family: Family::Any,
        doc: "Software prefetch: the cache level, and how many 64-byte lines ahead.",
        example: "prefetch = [\"none\", \"l1 8 lines\", \"l2 32 lines\"]",
    },
    Field {
        table: Table::Variants,
        name: "store",
        kind: Kind::Words(&["cached", "streaming"]),
        required: false,
        family: Family::Map,
        doc: "Stores through the caches, or past them.",
        example: "store = [\"cached\", \"streaming\"]",
    },
    Field {
        table: Table::Variants,
        name: "streams",
        kind: Kind::Numbers(Numbers { min: 1, max: 8, powers_of_two: true }),
        required: false,
        family: Family::Contiguous,
        doc: "Places far apart that are read at once.",
        example: "streams = [1, 2, 4, 8]",
    },
    Field {
        table: Table::Variants,
        name: "tile",
        kind: Kind::Forms(&word::TILE),
        required: false,
        family: Family::Columns,
        doc: "Columns a stripe, in bytes of a row.",
        example: "tile = [\"1 KiB\", \"4 KiB\", \"whole\"]",
    },
    Field {
        table: Table::Variants,
        name: "explore",
        kind: Kind::Word(&["budget", "full"]),
        required: false,
        family: Family::Any,
        doc: "`full` lifts the budget of candidates: every combination is tried. The default is `budget`.",
        example: "explore = \"full\"",
    },
    Field {
        table: Table::Tasks,
        name: "chunk",
        kind: Kind::Forms(&word::CHUNK),
        required: false,
        family: Family::Any,
        doc: "Bytes of a piece, read and written, or a piece for each thread. Left out: 64 KiB, 256 KiB, 1 MiB and \
              `1 per thread`.",
        example: "chunk = [\"64 KiB\", \"1 MiB\", \"1 per thread\"]",
    },
    Field {
        table: Table::Tasks,
        name: "threads",
        kind: Kind::Words(&THREADS),
        required: false,
        family: Family::Any,
        doc: "`one`: the thread that calls. `all`: from a crossover on, as many as a call may use. Left out: both.",
        example: "threads = [\"one\", \"all\"]",
    },
    Field {
        table: Table::Shapes,
        name: "square",
        kind: Kind::Numbers(EXTENT),
        required: false,
        family: Family::Any,
        doc: "Square shapes: rows and columns are this number.",
        example: "square = [512, 1024]",
    },
    Field {
        table: Table::Shapes,
        name: "rect",
        kind: Kind::Pairs(EXTENT),
        required: false,
        family: Family::Any,
        doc: "Other shapes: rows and columns.",
        example: "rect = [[512, 64], [64, 512]]",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str) -> &'static [&'static str] {
        match Field::find(Table::Variants, name).unwrap().kind {
            Kind::Words(words) => words,
            _ => panic!("{name} is a list of words"),
        }
    }

    #[test]
    fn words_stand_in_the_order_of_what_they_mean() {
        assert_eq!(words("schedule"), SCHEDULES.map(|schedule| schedule.to_string()));
        assert_eq!(words("store"), STORES.map(|store| store.to_string()));
        assert_eq!(NUMERICS, Numerics::LISTED.map(Numerics::name));
        assert_eq!(DTYPES, Dtype::ALL.map(Dtype::name));
        assert_eq!(AXES, Axis::ALL.map(Axis::name));
        assert_eq!(INPUT_KINDS, InputKind::ALL.map(InputKind::name));
    }

    #[test]
    fn each_field_is_there_once_with_a_sentence_and_an_example() {
        for field in FIELDS {
            let same = Field::of(field.table).filter(|other| other.name == field.name).count();
            assert_eq!(same, 1, "{}", field.name);
            assert!(field.doc.ends_with('.'), "{}", field.name);
            let key = field.example.split([' ', '=']).next().unwrap().trim_matches(['[', ']']);
            assert_eq!(key.rsplit('.').next(), Some(field.name));
        }
    }
}
