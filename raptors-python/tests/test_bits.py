"""Every function, dtype, layout and axis, against NumPy bit for bit."""

from __future__ import annotations

import re
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
import raptors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from layouts import COMPARED, FUNCTIONS, LAYOUTS, MAPS, MATRICES, REDUCTIONS, Array, matrices, numpy, same

SHAPES = [(1, 1), (7,), (129,), (5000,), (3, 5), (33, 130), (300, 517), (2000, 3), (3, 4099), (70000,), (513, 512)]
EMPTY = [(0,), (0, 3), (3, 0), (0, 0)]
DTYPES = ["float32", "float64"]


def some(shapes: list[Any], count: int, *seeds: str) -> list[Any]:
    """A few of these, other ones for each test: with a hundred functions, all together have all of them often."""
    first = zlib.crc32(" ".join(seeds).encode())
    return [shapes[(first + 3 * at) % len(shapes)] for at in range(count)]


MAGNITUDES = 10.0 ** np.arange(-3, 4)


def values(rng: np.random.Generator, shape: Any, dtype: str) -> Array:
    """Of many magnitudes, so that each order of summing gives other bits; some special ones."""
    x = rng.standard_normal(shape) * MAGNITUDES[rng.integers(0, 7, shape)]
    if x.size > 20 and rng.integers(2):
        x.flat[rng.integers(x.size, size=3)] = rng.choice([np.inf, -0.0, np.nan, 1e-40], 3)
    return x.astype(dtype)


def arguments(name: str, x: Array, layout: Any, rng: np.random.Generator) -> dict[str, Any]:
    rows, cols = (1, *x.shape)[-2:]
    shapes = {"matrix": x.shape, "row": (cols,), "column": (rows,)}
    given: dict[str, Any] = {}
    first = True
    for input, kind in FUNCTIONS[name]["inputs"]:
        if input in dict(FUNCTIONS[name]["defaults"]):
            continue
        if kind == "scalar":
            given[input] = float(rng.standard_normal())
        elif kind == "matrix" and first:
            given[input], first = layout(x), False
        else:
            given[input] = layout(values(rng, shapes[kind], x.dtype.name))
    return given


def check_map(name: str, given: dict[str, Any]) -> None:
    before = {key: np.copy(value) for key, value in given.items()}
    same(getattr(raptors, name)(*given.values()), numpy(name, given), name)
    for key, value in before.items():
        np.testing.assert_array_equal(given[key], value, strict=True)


def check_reduction(name: str, x: Array, axis: int | None, keepdims: bool) -> None:
    function = getattr(raptors, name)
    given = matrices(name, x)
    if ("all" if axis is None or x.ndim == 1 else str(axis % 2)) not in FUNCTIONS[name]["axes"]:
        with pytest.raises(ValueError, match="has no axis="):
            function(*given.values(), axis)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = numpy(name, given, axis, keepdims)
        except ValueError as error:
            if "array is too big" in str(error):
                raise MemoryError(str(error)) from None
            assert "zero-size array" in str(error) or "of an empty sequence" in str(error)
            with pytest.raises(ValueError, match=re.escape(str(error))):
                function(*given.values(), axis, keepdims=keepdims)
            return
        same(function(*given.values(), axis=axis, keepdims=keepdims), theirs, name)


def check_matrix(name: str, given: dict[str, Any], axis: int | None, **options: Any) -> None:
    """An operation in stages that gives a matrix: of arrays that lie as they do, or, with a row among them, in C's order."""
    names = [input for input, _ in FUNCTIONS[name]["inputs"]]
    function, x = getattr(raptors, name), given[names[0]]
    which = "1" if "all" not in FUNCTIONS[name]["axes"] and x.ndim == 1 else "all" if axis is None or x.ndim == 1 else str(axis % 2)
    if which not in FUNCTIONS[name]["axes"]:
        with pytest.raises(ValueError, match="has no axis="):
            function(*given.values(), axis=axis, **options)
        return
    plain = dict(given)
    if any(kind == "row" for _, kind in FUNCTIONS[name]["inputs"]):
        native = x.dtype.newbyteorder("=")
        plain = {input: np.ascontiguousarray(one, native) for input, one in given.items()}
    try:
        theirs = numpy(name, {**plain, **options}, axis)
    except ValueError as error:
        assert "zero-size array" in str(error)
        with pytest.raises(ValueError, match=re.escape(str(error))):
            function(*given.values(), axis=axis, **options)
        return
    before = {key: np.copy(value) for key, value in given.items()}
    same(function(*given.values(), axis=axis, **options), theirs, name)
    for key, value in before.items():
        np.testing.assert_array_equal(given[key], value, strict=True)


def axes_of(name: str, ndim: int) -> list[int | None]:
    """Those that a call can say; without an operation over all elements, none is the last one."""
    return axes(ndim) if "all" in FUNCTIONS[name]["axes"] else axes(ndim)[1:]


def axes(ndim: int) -> list[int | None]:
    return [None, 0, -1] if ndim == 1 else [None, 0, 1, -1, -2]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MAPS)
def test_maps(name: str, dtype: str, layout: str) -> None:
    rng = np.random.default_rng(1)
    for shape in some(SHAPES, 3, name, dtype, layout) + some(EMPTY, 1, name, dtype, layout):
        check_map(name, arguments(name, values(rng, shape, dtype), LAYOUTS[layout], rng))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MATRICES)
def test_matrices(name: str, dtype: str, layout: str) -> None:
    rng = np.random.default_rng(9)
    for shape in some(SHAPES, 3, name, dtype, layout) + some(EMPTY, 1, name, dtype, layout):
        given = arguments(name, values(rng, shape, dtype), LAYOUTS[layout], rng)
        for axis in axes_of(name, len(shape)):
            check_matrix(name, given, axis)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, dtype: str, layout: str) -> None:
    rng = np.random.default_rng(2)
    for shape in some(SHAPES, 3, name, dtype, layout) + some(EMPTY, 1, name, dtype, layout):
        x = LAYOUTS[layout](values(rng, shape, dtype))
        for axis in axes(x.ndim):
            for keepdims in [False, True]:
                check_reduction(name, x, axis, keepdims)


LARGE = [("float32", (1500, 1100)), ("float64", (40_000, 30)), ("float64", (20, 90_001))]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("name", COMPARED)
def test_large(name: str, threads: int) -> None:
    rng = np.random.default_rng(3)
    with raptors.threads(threads):
        for dtype, shape in some(LARGE, 1, name, str(threads)):
            for layout in some(["contiguous", "part", "transposed", "contiguous"], 1, str(threads), name):
                x = LAYOUTS[layout](values(rng, shape, dtype))
                if name in MAPS:
                    check_map(name, arguments(name, x, LAYOUTS[layout], rng))
                elif name in MATRICES:
                    for axis in axes_of(name, 2):
                        check_matrix(name, arguments(name, x, LAYOUTS[layout], rng), axis)
                else:
                    for axis in axes(2):
                        check_reduction(name, x, axis, False)


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=40))
    x = draw(hnp.arrays(dtype, shape))
    return LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](x)


@settings(max_examples=12, deadline=None)
@given(x=arrays(), seed=st.integers(0, 1000), data=st.data())
@pytest.mark.parametrize("name", COMPARED)
def test_anything(name: str, x: Array, seed: int, data: st.DataObject) -> None:
    if name in MAPS:
        layout = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))]
        given = arguments(name, np.ascontiguousarray(x, x.dtype.newbyteorder("=")), layout, np.random.default_rng(seed))
        check_map(name, {**given, FUNCTIONS[name]["inputs"][0][0]: x})
    elif name in MATRICES:
        given = arguments(name, np.ascontiguousarray(x, x.dtype.newbyteorder("=")), np.copy, np.random.default_rng(seed))
        axis = data.draw(st.sampled_from(axes_of(name, x.ndim)))
        check_matrix(name, {**given, FUNCTIONS[name]["inputs"][0][0]: x}, axis)
    else:
        check_reduction(name, x, data.draw(st.sampled_from(axes(x.ndim))), data.draw(st.booleans()))


def test_the_sign_of_zero_is_fixed() -> None:
    for zeros in [[0.0, -0.0], [-0.0, 0.0]]:
        x = np.array(zeros)
        assert np.signbit(raptors.min(x)) and not np.signbit(raptors.max(x))
        assert np.signbit(raptors.minimum(x, x[::-1])).all()
        assert not np.signbit(raptors.maximum(x, x[::-1])).any()


def test_accurate_sums_are_pairwise_down_the_columns() -> None:
    ones = np.ones((20_000_000, 2), np.float32)
    assert raptors.sum(ones, axis=0).tolist() == np.sum(ones, axis=0).tolist() == [16_777_216.0] * 2
    assert raptors.sum(ones, axis=0, numerics="accurate").tolist() == [20_000_000.0] * 2


# As many bytes as NumPy allows an array that has none, and as a matrix may have.
LARGEST = {"float32": 2**60, "float64": 2**59}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", COMPARED)
def test_extents_that_are_all_but_none(name: str, dtype: str) -> None:
    for shape in [(0, LARGEST[dtype]), (LARGEST[dtype], 0)]:
        x = np.empty(shape, dtype)
        assert x.nbytes == 0
        if name in REDUCTIONS:
            for axis in (None, 0, 1):
                try:
                    check_reduction(name, x, axis, False)
                except MemoryError:
                    # There is no memory for the results, or there would be none to give. NumPy also lacks it for what
                    # it computes on the way, where our results have room: then there is one, of no elements.
                    try:
                        result = getattr(raptors, name)(*matrices(name, x).values(), axis)
                    except (MemoryError, ValueError) as error:
                        assert re.search("memory|allocate|zero-size array|empty sequence|too big", str(error)), error
                    else:
                        assert axis is not None and x.shape[1 - axis] == 0 and result.shape == (0,), (name, axis)
        elif name in MAPS and all(kind in ("matrix", "scalar") for _, kind in FUNCTIONS[name]["inputs"]):
            given = {input: x if kind == "matrix" else 2.0 for input, kind in FUNCTIONS[name]["inputs"]}
            check_map(name, given)


def test_extents_that_cannot_be_counted() -> None:
    # NumPy has none, so that no function can be given one.
    with pytest.raises(ValueError, match="array is too big"):
        np.empty((0, 2 * LARGEST["float64"]))


def test_any_without_a_profile_has_the_bits_of_numpy() -> None:
    x = np.random.default_rng(3).standard_normal((300, 70))
    for kind in [None, "numpy", "any"]:
        assert raptors.scale(x, 3.0, numerics=kind).tobytes() == (x * 3.0).tobytes()
        assert raptors.add(x, x[0], numerics=kind).tobytes() == (x + x[0]).tobytes()
        assert raptors.sum(x, axis=0, numerics=kind).tobytes() == x.sum(axis=0).tobytes()
        assert raptors.norm_l2(x, numerics=kind) == raptors.norm_l2(x)
    y = x.copy()
    assert raptors.scale(y, 3.0, out=y, numerics="any") is y
    assert y.tobytes() == (x * 3.0).tobytes()
