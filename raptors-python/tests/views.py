"""Calls at random on arrays of any number of dimensions, in whichever way they lie, compared with NumPy bit for bit."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import raptors

from layouts import COMPARED, FUNCTIONS, MAPS, MATRICES, REDUCTIONS, Array, numpy, refused, same, told_text

# What takes rows or columns takes matrices alone.
NAMES = sorted(
    name
    for name, function in COMPARED.items()
    if not any(kind in ("row", "column") for _, kind in function["inputs"])
)
PLAIN = [name for name in REDUCTIONS if not FUNCTIONS[name]["results"]]
# What NumPy has as one function of its own, so that the result lies as that leaves it.
ALONE = ["abs", "add", "div", "floor", "maximum", "mul", "neg", "sqrt", "square", "sub"]
# More of what decides by layout which elements are added first.
WEIGHTS = [4.0 if name in PLAIN else 1.0 for name in NAMES]
LENGTHS = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 64, 100, 130, 257, 1000, 4096, 5000, 9000]
# What decides where pieces begin and end.
MOST = [300, 20_000, 60_000]


def base(rng: np.random.Generator, dtype: Any) -> Array:
    most = rng.choice(MOST, p=[0.3, 0.4, 0.3])
    while True:
        shape = [int(n) for n in rng.choice(LENGTHS, rng.integers(1, 6))]
        if math.prod(shape) <= most:
            break
    if rng.random() < 0.02:
        shape[rng.integers(len(shape))] = 0
    x = rng.standard_normal(shape) * np.exp(rng.standard_normal(shape))
    if rng.random() < 0.1:
        x = np.where(rng.random(shape) < 0.02, rng.choice([np.nan, np.inf, -0.0, 0.0]), x)
    return np.asarray(x, dtype)


def view(rng: np.random.Generator, x: Array) -> Array:
    """One of an array's views, or a copy that lies in another way."""
    turned = x.transpose(rng.permutation(x.ndim))
    stepped = tuple(slice(None, None, int(rng.choice([1, 1, 2, 3, -1, -2]))) for _ in x.shape)
    cropped = tuple(slice(0, max(1, n - int(rng.integers(0, 3)))) if n else slice(None) for n in x.shape)
    axis = int(rng.integers(x.ndim))
    views = [
        lambda: x,
        lambda: np.asfortranarray(x),
        lambda: turned,
        lambda: x[stepped],
        lambda: x[cropped],
        lambda: x[cropped].transpose(rng.permutation(x.ndim)),
        lambda: turned.copy().transpose(rng.permutation(x.ndim))[stepped] if x.ndim < 2 else turned[..., ::2],
        lambda: np.broadcast_to(x.take([0], axis), x.shape) if x.shape[axis] else x,
        lambda: np.lib.stride_tricks.sliding_window_view(x, min(3, x.shape[axis]), axis),
        lambda: np.expand_dims(x, int(rng.integers(x.ndim + 1))),
        lambda: x.astype(x.dtype.newbyteorder()),
    ]
    made: Array = views[rng.integers(len(views))]()
    return made


def axes(rng: np.random.Generator, ndim: int) -> tuple[int, ...] | int | None:
    if rng.random() < 0.2:
        return None
    chosen = [int(axis) for axis in np.flatnonzero(rng.random(ndim) < rng.choice([0.3, 0.5, 0.8]))]
    signed = [axis - ndim if rng.random() < 0.3 else axis for axis in chosen]
    return signed[0] if len(signed) == 1 and rng.random() < 0.7 else tuple(signed)


@dataclass
class Case:
    """A call, and what it is in words."""

    name: str
    given: dict[str, Any]
    options: dict[str, Any]
    out: Array | None
    threads: int
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        arrays = [
            f"{key}: {value.dtype.str} {value.shape} {value.strides}" if isinstance(value, np.ndarray) else f"{key}={value!r}"
            for key, value in self.given.items()
        ]
        told = {
            key: f"{one.sum()} of {one.shape} {one.strides}" if isinstance(one, np.ndarray) else one
            for key, one in self.told.items()
        }
        out = "" if self.out is None else f" out {self.out.shape} {self.out.strides}"
        return f"{self.name} of {'; '.join(arrays)} {self.options} {told}{out}"

    def theirs(self) -> Any:
        if self.name in MAPS:
            # A number is converted to the dtype of the arrays first.
            dtype = next(value.dtype for value in self.given.values() if isinstance(value, np.ndarray))
            number = dtype.newbyteorder("=").type
            given = {key: number(one) if isinstance(one, float) else one for key, one in self.given.items()}
            return numpy(self.name, given)
        if self.out is None:
            return numpy(
                self.name, self.given, self.options.get("axis"), self.options.get("keepdims", False), self.told
            )
        # The caller's array has a say in which axis is walked first.
        x = next(iter(self.given.values()))
        told = {"out": self.empty(), **self.told}
        return eval(told_text(self.name, told), {"np": np, next(iter(self.given)): x, **told, **self.options})

    def empty(self) -> Array:
        """An array that lies as `out` does."""
        assert self.out is not None
        raw = np.empty(self.out.size, self.out.dtype)
        return np.lib.stride_tricks.as_strided(raw, self.out.shape, self.out.strides)

    def difference(self) -> str | None:
        with raptors.threads(self.threads), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs = self.theirs()
            except ValueError as error:
                return refused(str(error), self.ours)
            try:
                ours = self.ours()
                same(ours, theirs, self.name)
                if self.out is not None and ours is not self.out:
                    return "out is not what comes back"
                if (self.name in PLAIN or self.name in ALONE) and not lies_alike(ours, theirs):
                    return f"strides {ours.strides} for {theirs.strides} of shape {ours.shape}"
            except (AssertionError, ValueError) as error:
                # That such axes are refused, docs/layouts.md says.
                return None if "neighbours in memory" in str(error) else str(error) or repr(error)
        return None

    def ours(self) -> Any:
        out = {} if self.out is None else {"out": self.out}
        return getattr(raptors, self.name)(*self.given.values(), **self.options, **self.told, **out)


def lies_alike(ours: Any, theirs: Any) -> bool:
    pairs = zip(ours.strides, theirs.strides, ours.shape, strict=True)
    return 0 in ours.shape or all(one == other for one, other, n in pairs if n > 1)


def draw(seed: int, at: int) -> Case:
    rng = np.random.default_rng([seed, at, 19])
    weights = np.array(WEIGHTS)
    name = NAMES[rng.choice(len(NAMES), p=weights / weights.sum())]
    about = COMPARED[name]
    dtype = np.dtype(rng.choice(about["dtypes"]))
    x = view(rng, base(rng, dtype))
    defaults = dict(about["defaults"])
    given: dict[str, Any] = {}
    matrices = 0
    for input, kind in about["inputs"]:
        if input in defaults:
            continue
        if kind == "scalar":
            given[input] = float(rng.standard_normal())
        elif matrices == 0:
            given[input] = x
            matrices += 1
        else:
            given[input] = beside(rng, x, dtype, name in MAPS)
            matrices += 1
    if name in MAPS:
        if name == "nan_to_num" and not x.dtype.isnative:
            given[next(iter(given))] = x.astype(dtype)
        return Case(name, given, {}, None, int(rng.integers(1, 3)))
    axis = axes(rng, x.ndim)
    if name in ("argmax", "argmin") and isinstance(axis, tuple):
        axis = axis[0] if axis else None
    options = {"axis": axis} if name in MATRICES else {"axis": axis, "keepdims": bool(rng.integers(2))}
    out = None
    if name in PLAIN and rng.random() < 0.15 and x.dtype.isnative:
        shape = np.sum(x, **options).shape
        out = np.zeros(shape, dtype)
        if out.ndim > 1 and rng.random() < 0.7:
            order = rng.permutation(out.ndim)
            back = np.argsort(order)
            out = np.zeros([shape[axis] for axis in order], dtype).transpose(back)
    threads = int(rng.integers(1, 3))
    chosen = told(rng, name, x) if rng.random() < 0.6 else {}
    if out is not None and "dtype" in chosen:
        out = as_strided_like(out, np.float64)
    return Case(name, given, options, out, threads, chosen)


def as_strided_like(x: Array, dtype: Any) -> Array:
    """A new array of another dtype that lies in the same way."""
    return np.empty_like(x, dtype, order="K")


def told(rng: np.random.Generator, name: str, x: Array) -> dict[str, Any]:
    """What a reduction can be told beside its axes."""
    takes = FUNCTIONS[name]["takes"]
    chosen: dict[str, Any] = {}
    if "where" in takes and rng.random() < 0.7:
        chosen["where"] = mask(rng, x)
    # Minima and maxima have nothing else to start from.
    needs = "where" in chosen and "dtype" not in takes
    if "initial" in takes and (needs or rng.random() < 0.5):
        chosen["initial"] = float(rng.choice([0.0, -0.0, 1.5, -7.25, 1e-3, 0.1, np.inf, np.nan, rng.standard_normal()]))
    if "dtype" in takes and rng.random() < 0.4:
        chosen["dtype"] = np.float64
    return chosen


def mask(rng: np.random.Generator, x: Array) -> Array:
    """Of the array's shape, of fewer axes or with one element for several, lying in its own way."""
    lengths = [1 if rng.random() < 0.15 else n for n in x.shape]
    if lengths and rng.random() < 0.15:
        lengths = lengths[int(rng.integers(len(lengths))) :]
    order = rng.permutation(len(lengths))
    step = int(rng.choice([1, 1, 1, 2, -1]))
    there = rng.random([lengths[axis] * abs(step) for axis in order]) < rng.choice([0.0, 0.05, 0.5, 0.9, 0.999, 1.0])
    made: Array = there[(slice(None, None, step),) * len(lengths)].transpose(np.argsort(order))
    return made


def beside(rng: np.random.Generator, x: Array, dtype: Any, broadcasts: bool) -> Any:
    """Another array, which lies in its own way."""
    y = rng.standard_normal(x.shape).astype(dtype)
    chance = rng.random()
    if broadcasts and chance < 0.2:
        return y[tuple(slice(0, 1) if n and rng.random() < 0.4 else slice(None) for n in y.shape)]
    if broadcasts and chance < 0.35 and y.size:
        return y[(0,) * int(rng.integers(0, y.ndim))]
    if broadcasts and chance < 0.4:
        return float(rng.standard_normal())
    return np.asfortranarray(y) if chance < 0.6 else np.flip(np.flip(y, 0).copy(), 0) if chance < 0.7 else y
