"""Results in arrays of the caller: shapes, strides, overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raptors

from layouts import ALONE, LAYOUTS, MAPS, Array, matrices, numpy, same
from test_bits import DTYPES, arguments, axes, some, values

WRITEABLE = sorted(set(LAYOUTS) - {"read-only"})


@pytest.mark.parametrize("layout", WRITEABLE)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MAPS)
def test_maps(name: str, dtype: str, layout: str) -> None:
    rng = np.random.default_rng(4)
    for shape in some([(20,), (13, 40), (1, 9), (9, 1), (0, 3), (400, 300)], 2, name, dtype, layout):
        given = arguments(name, values(rng, shape, dtype), np.copy, rng)
        out = LAYOUTS[layout](values(rng, shape, dtype))
        assert getattr(raptors, name)(*given.values(), out=out) is out
        same(np.ascontiguousarray(out, dtype), numpy(name, given), name)


@pytest.mark.parametrize("layout", WRITEABLE)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ALONE)
def test_reductions(name: str, dtype: str, layout: str) -> None:
    rng = np.random.default_rng(5)
    for shape in some([(20,), (13, 40), (400, 300)], 1, name, dtype, layout):
        x = values(rng, shape, dtype)
        given = matrices(name, x)
        for axis in axes(x.ndim):
            for keepdims in [False, True]:
                theirs = np.asarray(numpy(name, given, axis, keepdims))
                out = LAYOUTS[layout](np.zeros_like(theirs)) if theirs.ndim else np.zeros_like(theirs)
                assert getattr(raptors, name)(*given.values(), axis, out=out, keepdims=keepdims) is out
                same(out.astype(theirs.dtype), theirs, name)


def test_what_is_around_the_result_stays() -> None:
    large = np.full((20, 30), 7.0)
    raptors.scale(np.ones((10, 10)), 2.0, out=large[5:15, 5:15])
    assert large.sum() == 7.0 * 500 + 2.0 * 100


@pytest.mark.parametrize("layout", WRITEABLE)
@pytest.mark.parametrize("name", MAPS)
def test_in_place(name: str, layout: str) -> None:
    rng = np.random.default_rng(6)
    for shape in some([(50,), (30, 41), (300, 200)], 1, name, layout):
        given = arguments(name, values(rng, shape, "float64"), np.copy, rng)
        theirs = numpy(name, given)
        x = LAYOUTS[layout](next(iter(given.values())))
        assert getattr(raptors, name)(x, *list(given.values())[1:], out=x) is x
        same(np.ascontiguousarray(x, "float64"), theirs, name)


def overlapping(large: Array) -> list[tuple[Array, Array]]:
    flat = large.ravel()
    return [
        (large[:-1], large[1:]),
        (large[1:], large[:-1]),
        (large, large[::-1]),
        (large, large[:, ::-1]),
        (flat[:-3], flat[3:]),
        (flat[3:], flat[:-3]),
        (flat[: flat.size // 2], flat[::2]),
        (large[:40, :40], large[:40, :40].T),
        (large[:, 1:], large[:, :-1]),
    ]


@pytest.mark.parametrize("case", range(9))
@pytest.mark.parametrize("name", MAPS)
def test_overlap_gives_what_it_gives_without(name: str, case: int) -> None:
    rng = np.random.default_rng(7)
    x, out = overlapping(values(rng, (60, 50), "float32"))[case]
    given = arguments(name, x, lambda y: y, rng)
    theirs = numpy(name, {key: np.copy(value) if np.ndim(value) else value for key, value in given.items()})
    getattr(raptors, name)(*given.values(), out=out)
    same(np.ascontiguousarray(out), theirs, name)


def test_every_argument_may_be_the_result() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.random((2, 30, 40))
    for x, y in [(a, b), (a, a), (a, a[::-1]), (a[::-1], a)]:
        for chosen in [0, 1]:
            mine = a.copy()
            arrays = [mine if z is a else mine[::-1] if z.base is a else z.copy() for z in (x, y)]
            theirs = x + y
            raptors.add(*arrays, out=arrays[chosen])
            np.testing.assert_array_equal(arrays[chosen], theirs)
    row = a[0]
    theirs = a + row
    raptors.broadcast_add(a, row, out=a)
    np.testing.assert_array_equal(a, theirs)


@pytest.mark.parametrize("name", ALONE)
def test_reductions_into_their_argument(name: str) -> None:
    x = np.random.default_rng(9).random((40, 40))
    for axis, place in [(0, 3), (1, 3)]:
        given = matrices(name, x)
        theirs = numpy(name, given, axis)
        if theirs.dtype != x.dtype:
            continue
        mine = x.copy()
        out: Any = mine[place] if axis == 0 else mine[:, place]
        getattr(raptors, name)(mine, *list(given.values())[1:], axis, out=out)
        np.testing.assert_array_equal(out, theirs)
