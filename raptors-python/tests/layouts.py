"""Arrays of given elements in every layout that NumPy has, and how results are compared."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import raptors

Array = np.ndarray[Any, Any]

FUNCTIONS = {function["name"]: function for function in raptors._functions()}
# Those that NumPy has as well; with the others there is nothing to compare.
COMPARED = {name: function for name, function in FUNCTIONS.items() if function["numpy"] is not None}
MAPS = {name: function for name, function in COMPARED.items() if not function["axes"]}
# Those in stages that give a matrix.
MATRICES = {name: function for name, function in COMPARED.items() if function["results"] == ["matrix"]}
REDUCTIONS = {name: function for name, function in COMPARED.items() if function["axes"] and name not in MATRICES}
# Of what results there is one, as an array of the caller's can take it.
ALONE = {name: function for name, function in REDUCTIONS.items() if len(function["results"]) < 2}


def apart(x: Array, axis: int) -> Array:
    """With other elements between those of an axis."""
    shape = [3 * n + 1 if i == axis else n for i, n in enumerate(x.shape)]
    places: list[slice] = [slice(None)] * x.ndim
    places[axis] = slice(1, 1 + 3 * x.shape[axis], 3)
    large = np.full(shape, 77, x.dtype)
    large[tuple(places)] = x
    return large[tuple(places)]


def part(x: Array) -> Array:
    """The middle of something larger: rows apart, each contiguous."""
    large = np.full([n + 5 for n in x.shape], 77, x.dtype)
    places = tuple(slice(2, 2 + n) for n in x.shape)
    large[places] = x
    return large[places]


def backwards(x: Array, axis: int) -> Array:
    return np.flip(np.flip(x, axis).copy(), axis)


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


def unaligned(x: Array) -> Array:
    raw = np.zeros(x.nbytes + 1, np.uint8)
    there = raw[1:].view(x.dtype).reshape(x.shape)
    there[...] = x
    return there


def field(x: Array) -> Array:
    """A field of records, whose strides are no multiples of an element."""
    records = np.zeros(x.shape, np.dtype([("a", np.uint8), ("b", x.dtype)]))
    records["b"] = x
    return records["b"]


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": np.copy,
    "fortran": np.asfortranarray,
    "transposed": lambda x: x.T.copy().T,
    "rows apart": lambda x: apart(x, 0),
    "columns apart": lambda x: apart(x, x.ndim - 1),
    "part": part,
    "rows backwards": lambda x: backwards(x, 0),
    "columns backwards": lambda x: backwards(x, x.ndim - 1),
    "read-only": read_only,
    "swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "unaligned": unaligned,
    "field": field,
}


def matrices(name: str, x: Array) -> dict[str, Array]:
    """A matrix for each that a reduction takes, the first of them `x`."""
    first, *others = [input for input, kind in FUNCTIONS[name]["inputs"] if kind == "matrix"]
    return {first: x, **{other: np.array(x[..., ::-1], x.dtype.newbyteorder("=")) for other in others}}


def as_it_lies(x: Array) -> Array:
    """A copy without gaps, its axes in the order in which the result of an expression has them."""
    copy = np.empty_like(np.positive(x.astype(x.dtype.newbyteorder("="), copy=False)))
    copy[...] = x
    return copy


def dense(x: Array) -> bool:
    """Whether nothing is between its elements, and none is there twice."""
    strides = [(stride, n) for stride, n in zip(x.strides, x.shape, strict=True) if n > 1]
    expected = x.itemsize
    for stride, n in sorted(strides):
        if stride != expected:
            return False
        expected *= n
    return True


def told_text(name: str, told: dict[str, Any]) -> str:
    """The expression of NumPy, with what it is told beside its axes."""
    text: str = FUNCTIONS[name]["numpy"]
    return text.replace("keepdims=keepdims", ", ".join(["keepdims=keepdims", *(f"{key}={key}" for key in told)]))


def numpy(
    name: str, arguments: dict[str, Any], axis: int | None = None, keepdims: bool = False, told: dict[str, Any] | None = None
) -> Any:
    """What NumPy gives for the arrays as they lie; of reductions in stages that read no array as it lies, for copies of those that
    are not native; and where the result is a matrix, for copies without the gaps that NumPy's mean or variance reads."""
    in_stages = bool(FUNCTIONS[name]["results"]) and not FUNCTIONS[name]["takes"]
    reads_gaps = name in MATRICES and re.search(r"np\.(var|std|mean)\(", FUNCTIONS[name]["numpy"])
    told = told or {}

    def taken(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        is_plain = value.dtype.isnative and value.flags.aligned
        if ((in_stages or name in MAPS) and not is_plain) or (reads_gaps and not dense(value)):
            return as_it_lies(value)
        return value

    plain = {key: taken(value) for key, value in arguments.items()}
    plain = {**dict(FUNCTIONS[name]["defaults"]), **plain}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = eval(told_text(name, told), {"np": np, "axis": axis, "keepdims": keepdims, **plain, **told})
    if any(kind == "column" for _, kind in FUNCTIONS[name]["inputs"]):
        # NumPy makes a matrix of one row of a vector that has a column beside it.
        first = next(iter(arguments.values()))
        return result.reshape(first.shape)
    return result


def same(ours: Any, theirs: Any, name: str) -> None:
    """Same type, dtype, shape and bits, any NaN standing for any other; and of equal zeros, NumPy's minima and maxima
    take what its hardware does."""
    if isinstance(theirs, tuple):
        assert isinstance(ours, tuple) and len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            same(one, other, name)
        return
    if isinstance(theirs, int):
        # A count of NumPy's over all elements.
        theirs = np.int64(theirs)
    assert type(ours) is type(theirs), (type(ours), type(theirs))
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, (ours.shape, theirs.shape)
    a, b = np.atleast_1d(ours).ravel(), np.atleast_1d(theirs).ravel()
    integer = {1: np.uint8, 4: np.uint32, 8: np.uint64}[a.dtype.itemsize]
    equal = (a.view(integer) == b.view(integer)) | (np.isnan(a) & np.isnan(b))
    if re.search(r"np\.(nan|f)?(min|max)|np\.(ptp|clip)", FUNCTIONS[name]["numpy"]):
        equal |= (a == 0) & (b == 0)
    wrong = np.flatnonzero(~equal)
    assert not len(wrong), f"{name}: {len(wrong)} of {len(a)} differ, first {a[wrong[0]]!r} for {b[wrong[0]]!r}"


def refused(said: str, ours: Callable[[], Any]) -> str | None:
    """What is wrong with a call that NumPy refuses in these words: it has no result where there are no elements, and no
    other reason."""
    if "zero-size array" not in said and "of an empty sequence" not in said:
        return f"NumPy refuses: {said}"
    try:
        return f"{ours()!r} where NumPy refuses: {said}"
    except ValueError as error:
        return None if str(error) == said else str(error)
