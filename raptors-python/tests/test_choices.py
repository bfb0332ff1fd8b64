"""Functions that choose among elements, and those of scalars: which special value comes of which."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import raptors

from layouts import MAPS, Array, numpy, same
from test_bits import DTYPES

INF, NAN = np.inf, np.nan
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, -3.0, 6.0, 1e-40, -1e-40, 1e30, -1e30, INF, -INF, NAN]


def all_special(dtype: str, length: int = 1) -> list[Array]:
    """All combinations of special values, one of each in as many arrays."""
    grid = np.array(list(itertools.product(SPECIAL, repeat=length)), dtype).T
    return [np.ascontiguousarray(row) for row in grid]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MAPS)
def test_special_values(name: str, dtype: str) -> None:
    """Of matrices, every combination; of scalars, one after the other."""
    inputs = {input: kind for input, kind in numpy_inputs(name)}
    scalars = [input for input, kind in inputs.items() if kind == "scalar"]
    forms = [input for input, kind in inputs.items() if kind != "scalar"]
    if len(forms) == 2 and "matrix" != inputs[forms[1]]:
        # A row, or a column, of all special values meets a matrix with all of them in each of its columns, or rows.
        each = np.array(SPECIAL, dtype)
        square = np.repeat(each[:, None], len(each), 1)
        arrays = [square if inputs[forms[1]] == "row" else np.ascontiguousarray(square.T), each]
    else:
        arrays = all_special(dtype, min(2, len(forms)))
        arrays += [np.roll(arrays[-1], 5) for _ in forms[2:]]
    # Of several scalars, the special ones take turns.
    length = len(SPECIAL)
    for turn in range(length if scalars else 1):
        values = {scalar: SPECIAL[(turn + 5 * at) % length] for at, scalar in enumerate(scalars)}
        if dtype == "float32":
            # As a scalar is for NumPy: of the array's dtype.
            values = {scalar: float(np.float32(value)) for scalar, value in values.items()}
        given = {input: values[input] if input in values else arrays[forms.index(input)] for input in inputs}
        same(getattr(raptors, name)(*given.values()), numpy(name, given), name)


def numpy_inputs(name: str) -> list[tuple[str, str]]:
    return [tuple(pair) for pair in MAPS[name]["inputs"]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_clip(dtype: str) -> None:
    [x] = all_special(dtype)
    for lo, hi in itertools.product([-1.0, 0.0, -0.0, 2.0, INF, -INF, NAN], repeat=2):
        # With lo > hi, NaN as a bound, and both.
        same(raptors.clip(x, lo, hi), numpy("clip", {"x": x, "lo": lo, "hi": hi}), "clip")
    assert (raptors.clip(np.linspace(-9, 9, 99), 3.0, -3.0) == -3.0).all()
    assert np.isnan(raptors.clip(x, NAN, 1.0)).all() and np.isnan(raptors.clip(x, 0.0, NAN)).all()
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        raptors.clip(x, 0.0)  # type: ignore[call-arg]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_number_beside_nan(dtype: str) -> None:
    x, y = all_special(dtype, 2)
    for name in ["fmin", "fmax"]:
        ours = getattr(raptors, name)(x, y)
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(x) & np.isnan(y))
        same(ours, numpy(name, {"x": x, "y": y}), name)
        for scalar in SPECIAL:
            ours = getattr(raptors, f"{name}_scalar")(x, scalar)
            same(ours, numpy(f"{name}_scalar", {"x": x, "y": scalar}), name)
    for name in ["minimum", "maximum"]:
        ours = getattr(raptors, name)(x, y)
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(x) | np.isnan(y))


@pytest.mark.parametrize("dtype", DTYPES)
def test_signs_and_halves(dtype: str) -> None:
    x = np.array([0.0, -0.0, 2.0, -2.0, INF, -INF, NAN, 1e-40, -1e-40], dtype)
    same(raptors.sign(x), np.sign(x), "sign")
    assert raptors.sign(x)[:6].tolist() == [0.0, 0.0, 1.0, -1.0, 1.0, -1.0]
    halves = np.arange(-9.5, 10.0).astype(dtype)
    assert (raptors.rint(halves) % 2 == 0).all()
    zeros = raptors.rint(np.array([0.5, -0.5, 0.25, -0.25, -0.0], dtype))
    assert (zeros == 0).all() and np.signbit(zeros).tolist() == [False, True, False, True, True]
    # Where halves end, and beyond.
    most = 2.0 ** (23 if dtype == "float32" else 52)
    for large in [most, most / 2, most * 2]:
        x = np.array([large, large - 0.5, large + 0.5, large - 1.5, -large, 0.5 - large, 1e30], dtype)
        for name in ["rint", "floor", "ceil", "trunc"]:
            same(getattr(raptors, name)(x), numpy(name, {"x": x}), name)


def test_out_of_what_takes_scalars() -> None:
    x = np.linspace(-3, 3, 50)
    out: Any = np.empty(50)
    assert raptors.clip(x, -1.0, 1.0, out=out) is out
    np.testing.assert_array_equal(out, np.clip(x, -1.0, 1.0))
    theirs = np.clip(x, -2, 0.5)
    assert raptors.clip(x, -2, 0.5, out=x) is x
    np.testing.assert_array_equal(x, theirs)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="output array is read-only"):
        raptors.clip(x, -1.0, 1.0, out=x)
    # Elements that were not read yet are not overwritten.
    x = np.linspace(-3, 3, 50)
    theirs = np.clip(x[:-1], -1.0, 1.0)
    np.testing.assert_array_equal(raptors.clip(x[:-1], -1.0, 1.0, out=x[1:]), theirs)
