"""What is compared: calls of the functions of raptors, and what NumPy has in their place.

Nothing here knows an operation. The catalogue says what a function takes, and gives NumPy's counterpart as an
expression; both sides are statements of Python that are timed as they would stand in a program.
"""

from __future__ import annotations

import ast
import inspect
import timeit
from dataclasses import dataclass
from typing import Any

import numpy as np

import raptors
from raptors._raptors import _functions

from .measure import Sample

DTYPES: dict[str, Any] = {"f32": np.float32, "f64": np.float64}
LAYOUTS = ("contiguous", "transpose", "fortran", "strided", "reversed", "cropped")

SCALAR = 1.7
"""A factor that rounds."""

LEAST = -0.7
"""Of several scalars the first; the last is `SCALAR`, and they rise, as bounds do that something is held between."""


@dataclass(frozen=True)
class Op:
    """A function of the catalogue, along one of its axes if it has any."""

    name: str
    function: str
    inputs: tuple[tuple[str, str], ...]
    axis: int | None
    reduces: bool
    numpy: str | None
    dtypes: tuple[str, ...]
    numerics: tuple[str, ...] = ("numpy",)
    defaults: tuple[tuple[str, float], ...] = ()
    results: tuple[str, ...] = ()
    """Of a reduction in stages, the types of its results."""

    @property
    def is_staged(self) -> bool:
        """Whether it is computed in stages, by the kernels of other operations."""
        return bool(self.results)

    @property
    def gives_matrix(self) -> bool:
        """Whether it is computed in stages, and its result has the shape of the first matrix."""
        return self.results == ("matrix",)


def ops() -> dict[str, Op]:
    """All operations, by name: `scale`, `mean`, `mean_axis0`."""
    found = {}
    for about in _functions():
        dtypes = tuple(short for short, dtype in DTYPES.items() if np.dtype(dtype).name in about["dtypes"])
        for axis in about["axes"] or [None]:
            number = int(axis) if axis in ("0", "1") else None
            name = about["name"] if number is None else f"{about['name']}_axis{number}"
            inputs = tuple(tuple(pair) for pair in about["inputs"])
            reduces = axis is not None
            # The class "any" promises no bits.
            numerics = tuple(kind for kind in about["numerics"] if kind != "any")
            defaults = tuple(tuple(pair) for pair in about["defaults"])
            numpy = about["numpy"]
            results = tuple(about["results"])
            found[name] = Op(name, about["name"], inputs, number, reduces, numpy, dtypes, numerics, defaults, results)
    return found


@dataclass(frozen=True)
class Case:
    """One line of the comparison."""

    op: Op
    dtype: str
    shape: tuple[int, ...]
    layout: str = "contiguous"
    alloc: str = "new"

    def __str__(self) -> str:
        extra = [word for word, plain in ((self.layout, "contiguous"), (self.alloc, "new")) if word != plain]
        return " ".join([self.op.name, self.dtype, "x".join(map(str, self.shape)), *extra])


@dataclass
class Prepared:
    """A case with its arrays, ready to be called."""

    case: Case
    names: dict[str, Any]
    raptors_call: str
    numpy_call: str
    bytes_read: int
    bytes_written: int

    def evaluate(self, call: str) -> Any:
        return eval(call, self.names)

    def sampler(self, call: str) -> Sample:
        return self.sampler_of(call, self.names)

    @staticmethod
    def sampler_of(call: str, names: dict[str, Any]) -> Sample:
        return timeit.Timer(call, globals=names).timeit

    def differences(self) -> str | None:
        """How the results of the two differ, if they do."""
        ours = np.array(self.evaluate(self.raptors_call))
        names = dict(self.names)
        for name, form in self.case.op.inputs:
            if form == "matrix" and self.case.op.is_staged:
                # What has gaps is copied as it lies.
                names[name] = np.array(self.names[name], order="K", copy=True)
        theirs = np.array(eval(self.numpy_call, names))
        return differences(ours, theirs)


def differences(ours: Any, theirs: Any) -> str | None:
    """How two arrays differ in dtype, shape or bits, if they do; any NaN equals any NaN."""
    if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
        return f"{ours.dtype}{list(ours.shape)} instead of {theirs.dtype}{list(theirs.shape)}"
    bits = {1: np.uint8, 4: np.uint32, 8: np.uint64}[ours.dtype.itemsize]
    ours, theirs = np.ascontiguousarray(ours).ravel(), np.ascontiguousarray(theirs).ravel()
    wrong = (ours.view(bits) != theirs.view(bits)) & ~(np.isnan(ours) & np.isnan(theirs))
    if not wrong.any():
        return None
    at = int(wrong.argmax())
    return f"{int(wrong.sum())} of {wrong.size} elements; the first at {at}: {ours[at]!r} instead of {theirs[at]!r}"


def prepare(case: Case, seed: int) -> Prepared:
    """The case's arrays, from NumPy's allocator, and the two statements."""
    chance = np.random.default_rng(seed)
    dtype = np.dtype(DTYPES[case.dtype])
    names: dict[str, Any] = {"np": np, "rp": raptors, **_scalars(case.op)}
    for name, form in case.op.inputs:
        if form != "scalar":
            names[name] = _array(form, case, dtype, chance)
    raptors_call, numpy_call = statements(case)
    result = np.asarray(eval(statements(_with_new(case))[1], names))
    if np.isnan(result).any():
        # Roots of negative numbers, say. Any NaN is right beside another: of such results little would be compared.
        for name, form in case.op.inputs:
            if form != "scalar":
                np.abs(names[name], out=names[name])
        result = np.asarray(eval(statements(_with_new(case))[1], names))
    if case.alloc == "out":
        # In the layout that NumPy itself chooses.
        names["out"] = np.empty_like(result)
    read = sum(names[name].nbytes for name, form in case.op.inputs if form != "scalar")
    return Prepared(case, names, raptors_call, numpy_call, read, result.nbytes)


def _with_new(case: Case) -> Case:
    return Case(case.op, case.dtype, case.shape, case.layout, "new")


def _scalars(op: Op) -> dict[str, float]:
    defaults = dict(op.defaults)
    names = [name for name, form in op.inputs if form == "scalar" and name not in defaults]
    step = (SCALAR - LEAST) / max(1, len(names) - 1)
    return {**defaults, **{name: SCALAR - step * after for after, name in enumerate(reversed(names))}}


def _array(form: str, case: Case, dtype: Any, chance: np.random.Generator) -> Any:
    def array(*shape: int) -> Any:
        return chance.standard_normal(shape, dtype=dtype)

    shape = case.shape
    match form:
        case "row":
            return array(shape[1])
        case "column":
            return array(shape[0])
    match case.layout:
        case "transpose":
            return array(*reversed(shape)).T
        case "fortran":
            return np.asfortranarray(array(*shape))
        case "strided":
            return array(*shape[:-1], 2 * shape[-1])[..., ::2]
        case "reversed":
            return array(*shape)[::-1]
        case "cropped":
            return array(*shape[:-1], shape[-1] + 5)[..., : shape[-1]]
        case _:
            return array(*shape)


UFUNCS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.USub: "negative",
}
"""The functions behind operators, by which a result can be written to a given array."""


def statements(case: Case) -> tuple[str, str]:
    """The call of raptors, and the expression of NumPy."""
    op = case.op
    if op.numpy is None:
        raise ValueError(f"NumPy has nothing with the bits of {op.name}")
    words = [name for name, _ in op.inputs if name not in dict(op.defaults)]
    if op.axis is not None:
        words.append(f"axis={op.axis}")
    if case.alloc == "out":
        words.append("out=out")
    return f"rp.{op.function}({', '.join(words)})", _numpy(op, case.alloc == "out")


def _numpy(op: Op, out: bool) -> str:
    assert op.numpy is not None
    top = ast.parse(op.numpy, mode="eval").body
    if op.reduces:
        # Calls that reduce have `axis` and `keepdims`: of these only the axis is wanted, and only if there is one. What a
        # matrix is computed with keeps its dimensions.
        unwanted = ("axis",) if op.gives_matrix else ("axis", "keepdims")
        for call in ast.walk(top):
            if isinstance(call, ast.Call) and any(word.arg == "axis" for word in call.keywords):
                call.keywords = [word for word in call.keywords if word.arg not in unwanted]
                if op.axis is not None:
                    call.keywords.append(ast.keyword("axis", ast.Constant(op.axis)))
    # What is the default of both is left out, as people write it.
    for call in ast.walk(top):
        if isinstance(call, ast.Call):
            defaults = dict(op.defaults)
            call.keywords = [word for word in call.keywords if not (word.arg == "ddof" and defaults.get("ddof") == 0)]
    if out:
        match top:
            case ast.BinOp(left, kind, right) if type(kind) in UFUNCS:
                top = _function(UFUNCS[type(kind)], [left, right])
            case ast.UnaryOp(kind, operand) if type(kind) in UFUNCS:
                top = _function(UFUNCS[type(kind)], [operand])
        if not isinstance(top, ast.Call) or not _takes_out(top):
            # A tuple of results is no call; and not all functions have an `out`.
            raise ValueError(f"NumPy cannot write to a given array what {op.name} gives: `{ast.unparse(top)}`")
        top.keywords.append(ast.keyword("out", ast.Name("out")))
    return ast.unparse(top)


def _takes_out(call: ast.Call) -> bool:
    """Whether the function that is called can be given an array for its result."""
    function = eval(ast.unparse(call.func), {"np": np})
    return isinstance(function, np.ufunc) or "out" in inspect.signature(function).parameters


def _function(name: str, arguments: list[ast.expr]) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name("np"), name), arguments, [])
