"""Operations in stages that give a matrix: axes, layouts, results in arrays of the caller, numbers that are left out."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest
import raptors

from layouts import FUNCTIONS, LAYOUTS, MATRICES, Array, numpy, same
from test_bits import DTYPES, arguments, axes_of, check_matrix, values

ROWS = [name for name, function in MATRICES.items() if any(kind == "row" for _, kind in function["inputs"])]
ALL = [name for name in MATRICES if name not in ROWS]


def given(name: str, shape: tuple[int, ...], dtype: str, seed: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return arguments(name, values(rng, shape, dtype), np.copy, rng)


def test_there_are_some() -> None:
    assert {"center", "standardize", "layer_norm"} <= set(MATRICES) and {"layer_norm", "rms_norm"} <= set(ROWS)


@pytest.mark.parametrize("name", MATRICES)
def test_numbers_that_are_left_out(name: str) -> None:
    signature = inspect.signature(getattr(raptors, name))
    for input, default in FUNCTIONS[name]["defaults"]:
        parameter = signature.parameters[input]
        assert parameter.default == default and parameter.kind is inspect.Parameter.KEYWORD_ONLY
        for value in [0.25, 1, np.float64(1e-3)]:
            for dtype in DTYPES:
                for axis in axes_of(name, 2):
                    check_matrix(name, given(name, (20, 33), dtype), axis, **{input: value})


@pytest.mark.parametrize("name", MATRICES)
def test_the_axis_of_a_call_that_says_none(name: str) -> None:
    of = given(name, (6, 5), "float64")
    last = {"axis": -1} if name in ROWS else {"axis": None}
    ours = getattr(raptors, name)(*of.values())
    assert ours.tobytes() == getattr(raptors, name)(*of.values(), **last).tobytes()
    assert inspect.signature(getattr(raptors, name)).parameters["axis"].default == last["axis"]


@pytest.mark.parametrize("name", ALL)
def test_any_number_of_dimensions(name: str) -> None:
    x = values(np.random.default_rng(5), (3, 4, 5, 6), "float32")
    for array in [x, np.asfortranarray(x), x.transpose(1, 0, 2, 3), x[::2], x[:, ::-1]]:
        for axis in [None, 0, -1, (0, 1), (2, 3), (-1, -2), (0, 1, 2, 3)]:
            theirs = numpy(name, {"x": array}, axis)
            try:
                ours = getattr(raptors, name)(array, axis=axis)
            except ValueError as error:
                assert "neighbours in memory" in str(error)
                continue
            same(ours, theirs, name)
            assert ours.strides == theirs.strides
            out = np.empty_like(theirs)
            assert getattr(raptors, name)(array, axis=axis, out=out) is out
            same(out, theirs, name)


@pytest.mark.parametrize("name", ROWS)
def test_rows_stand_beside_one_or_two_dimensions(name: str) -> None:
    of = given(name, (4, 5), "float64")
    x, *rows = of.values()
    with pytest.raises(ValueError, match="takes arrays of one or two dimensions"):
        getattr(raptors, name)(x.reshape(2, 2, 5), *rows)
    with pytest.raises(ValueError, match="has no axis=0"):
        getattr(raptors, name)(x, *rows, axis=0)
    with pytest.raises(ValueError, match="needs an element for each of 5 columns"):
        getattr(raptors, name)(x, *[row[:4] for row in rows])
    one = getattr(raptors, name)(x[0], *rows)
    assert one.tobytes() == getattr(raptors, name)(x[:1], *rows).tobytes() and one.shape == (5,)


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"read-only"}))
@pytest.mark.parametrize("name", MATRICES)
def test_out(name: str, layout: str) -> None:
    for shape in [(20,), (13, 40), (300, 200)]:
        of = given(name, shape, "float64")
        for axis in axes_of(name, len(shape)):
            if axis is not None and len(shape) == 2 and axis % 2 == 0 and name in ROWS:
                continue
            theirs = numpy(name, of, axis)
            out = LAYOUTS[layout](np.zeros(shape))
            assert getattr(raptors, name)(*of.values(), axis=axis, out=out) is out
            same(np.ascontiguousarray(out, "float64"), theirs, name)
            # In place, and with what is read beginning elsewhere in the same memory.
            x, *others = of.values()
            there = np.copy(x)
            assert getattr(raptors, name)(there, *others, axis=axis, out=there) is there
            same(there, theirs, name)


@pytest.mark.parametrize("name", MATRICES)
def test_overlap(name: str) -> None:
    def parts() -> tuple[Array, Array]:
        large = values(np.random.default_rng(8), (41, 30), "float64")
        return large[:-1], large[1:]

    others = list(given(name, (40, 30), "float64").values())[1:]
    for from_, to in [(0, 1), (1, 0)]:
        theirs = getattr(raptors, name)(np.copy(parts()[from_]), *others)
        both = parts()
        getattr(raptors, name)(both[from_], *others, out=both[to])
        same(np.copy(both[to]), theirs, name)


@pytest.mark.parametrize("name", MATRICES)
def test_what_is_refused(name: str) -> None:
    x, *others = given(name, (4, 5), "float64").values()
    function = getattr(raptors, name)
    with pytest.raises(np.exceptions.AxisError):
        function(x, *others, axis=2)
    with pytest.raises(TypeError, match="axis must be an integer or None"):
        function(x, *others, axis=True)
    with pytest.raises(ValueError, match="non-broadcastable output operand"):
        function(x, *others, out=np.zeros((5, 4)))
    with pytest.raises(TypeError, match="Cannot cast output"):
        function(x, *others, out=np.zeros((4, 5), np.float32))
    with pytest.raises(TypeError, match=re.escape("keepdims")):
        function(x, *others, keepdims=True)
    if "accurate" not in FUNCTIONS[name]["numerics"]:
        with pytest.raises(ValueError, match="numeric class"):
            function(x, *others, numerics="accurate")


def test_constant_columns_count_as_spread_out_by_one() -> None:
    x = np.array([[1.0, 2.0], [3.0, 2.0]])
    assert raptors.standardize(x, axis=0).tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    assert raptors.min_max_scale(x, axis=0).tolist() == [[0.0, 0.0], [1.0, 0.0]]
    for name in ["max_abs_scale", "l1_normalize", "l2_normalize"]:
        assert getattr(raptors, name)(np.zeros((3, 2)), axis=1).tolist() == [[0.0, 0.0]] * 3


def test_accurate_sums_are_pairwise_down_the_columns() -> None:
    x = np.full((20_000_000, 2), 1.0, np.float32)
    assert not raptors.center(x, axis=0, numerics="accurate").any()
    # One more than 2^24 is no float32.
    assert (raptors.center(x, axis=0) > 0.1).all()
