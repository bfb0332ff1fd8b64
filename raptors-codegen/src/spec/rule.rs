//! The rules that a spec can break.

/// A rule; its id stands in brackets after `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The file can be read.
    Unreadable,
    /// The file is UTF-8.
    NotUtf8,
    /// The file is not too large.
    FileTooLarge,
    /// All of the file can be seen.
    InvisibleCharacter,
    /// The file is TOML.
    TomlSyntax,
    /// A field is given once.
    DuplicateField,
    /// The file is named as an operation can be.
    OperationName,
    /// One name, one operation, and one function.
    DuplicateOperation,
    /// Only fields that exist.
    UnknownField,
    /// A field that is needed is there.
    MissingField,
    /// A field has the kind of value it is for.
    WrongType,
    /// A word is one of those a field knows.
    UnknownValue,
    /// A number is one that a field allows.
    OutOfRange,
    /// A list says something.
    EmptyList,
    /// A list says it once.
    RepeatedValue,
    /// Of fields that exclude one another, one.
    ExactlyOne,
    /// A field serves what the operation is.
    DoesNotApply,
    /// The summary is one sentence.
    Summary,
    /// A name is one that functions can use, and stands for one thing.
    Name,
    /// The inputs suit the operation.
    InputKinds,
    /// Each input is used.
    UnusedInput,
    /// Each stage is used.
    UnusedStage,
    /// The `numpy` class is offered.
    NumpyMissing,
    /// The state of no elements changes no state that it is merged with.
    NotNeutral,
    /// Merging states gives what stepping over their elements gives.
    StepAndMerge,
    /// An expression is not too long.
    ExpressionTooLong,
    /// An expression is not nested too deeply.
    ExpressionTooDeep,
    /// An expression can be read.
    ExpressionSyntax,
    /// An expression uses the expression language, not all of Rust.
    NotInExpressions,
    /// A name in an expression exists.
    UnknownName,
    /// A name in an expression exists in this one.
    NameNotHere,
    /// A function exists.
    UnknownFunction,
    /// A function gets the arguments it takes.
    ArgumentCount,
    /// Comparisons are not chained.
    ChainedComparison,
    /// A value where a value is needed.
    ValueNeeded,
    /// A mask where a mask is needed.
    MaskNeeded,
    /// A number has no type of its own.
    LiteralSuffix,
    /// A number is finite in each dtype.
    LiteralNotFinite,
    /// Kernels can be generated for it.
    NotYetEmitted,
    /// A routine computes what the operation does.
    RoutineComputes,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 40] = [
        Self::Unreadable,
        Self::NotUtf8,
        Self::FileTooLarge,
        Self::InvisibleCharacter,
        Self::TomlSyntax,
        Self::DuplicateField,
        Self::OperationName,
        Self::DuplicateOperation,
        Self::UnknownField,
        Self::MissingField,
        Self::WrongType,
        Self::UnknownValue,
        Self::OutOfRange,
        Self::EmptyList,
        Self::RepeatedValue,
        Self::ExactlyOne,
        Self::DoesNotApply,
        Self::Summary,
        Self::Name,
        Self::InputKinds,
        Self::UnusedInput,
        Self::UnusedStage,
        Self::NumpyMissing,
        Self::NotNeutral,
        Self::StepAndMerge,
        Self::ExpressionTooLong,
        Self::ExpressionTooDeep,
        Self::ExpressionSyntax,
        Self::NotInExpressions,
        Self::UnknownName,
        Self::NameNotHere,
        Self::UnknownFunction,
        Self::ArgumentCount,
        Self::ChainedComparison,
        Self::ValueNeeded,
        Self::MaskNeeded,
        Self::LiteralSuffix,
        Self::LiteralNotFinite,
        Self::NotYetEmitted,
        Self::RoutineComputes,
    ];

    /// The id that messages show: `unknown-field`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NotUtf8 => "not-utf8",
            Self::FileTooLarge => "file-too-large",
            Self::InvisibleCharacter => "invisible-character",
            Self::TomlSyntax => "toml-syntax",
            Self::DuplicateField => "duplicate-field",
            Self::OperationName => "operation-name",
            Self::DuplicateOperation => "duplicate-operation",
            Self::UnknownField => "unknown-field",
            Self::MissingField => "missing-field",
            Self::WrongType => "wrong-type",
            Self::UnknownValue => "unknown-value",
            Self::OutOfRange => "out-of-range",
            Self::EmptyList => "empty-list",
            Self::RepeatedValue => "repeated-value",
            Self::ExactlyOne => "exactly-one",
            Self::DoesNotApply => "does-not-apply",
            Self::Summary => "summary",
            Self::Name => "name",
            Self::InputKinds => "input-kinds",
            Self::UnusedInput => "unused-input",
            Self::UnusedStage => "unused-stage",
            Self::NumpyMissing => "numpy-missing",
            Self::NotNeutral => "not-neutral",
            Self::StepAndMerge => "step-and-merge",
            Self::ExpressionTooLong => "expression-too-long",
            Self::ExpressionTooDeep => "expression-too-deep",
            Self::ExpressionSyntax => "expression-syntax",
            Self::NotInExpressions => "not-in-expressions",
            Self::UnknownName => "unknown-name",
            Self::NameNotHere => "name-not-here",
            Self::UnknownFunction => "unknown-function",
            Self::ArgumentCount => "argument-count",
            Self::ChainedComparison => "chained-comparison",
            Self::ValueNeeded => "value-needed",
            Self::MaskNeeded => "mask-needed",
            Self::LiteralSuffix => "literal-suffix",
            Self::LiteralNotFinite => "literal-not-finite",
            Self::NotYetEmitted => "not-yet-emitted",
            Self::RoutineComputes => "routine-computes",
        }
    }
}
