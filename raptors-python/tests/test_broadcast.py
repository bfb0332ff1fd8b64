"""Numbers, rows and columns in the place of matrices: they broadcast as in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raptors

from layouts import FUNCTIONS, LAYOUTS, MAPS, Array, numpy, same
from test_bits import DTYPES, values

SEVERAL = [
    name for name, function in MAPS.items() if sum(kind == "matrix" for _, kind in function["inputs"]) > 1
]
# None is a number.
SHAPES: list[tuple[Any, Any]] = [
    ((5, 7), (7,)),
    ((5, 7), (1, 7)),
    ((5, 7), (5, 1)),
    ((5, 7), (1, 1)),
    ((5, 7), (1,)),
    ((5, 7), None),
    ((7,), None),
    ((7,), (1,)),
    ((5, 1), (7,)),
    ((5, 1), (1, 7)),
    ((4,), (1, 4)),
    ((0, 7), (7,)),
    ((5, 0), (5, 1)),
    ((0,), None),
    ((1, 7), (0, 1)),
    ((300, 400), (400,)),
    ((300, 400), (300, 1)),
    ((300, 400), None),
]


def some(rng: np.random.Generator, shape: Any, dtype: str) -> Any:
    return float(rng.standard_normal()) if shape is None else values(rng, shape, dtype)


def check(name: str, given: dict[str, Any], dtype: str, **how: Any) -> Array:
    ours: Array = getattr(raptors, name)(*given.values(), **how)
    # A number is converted to the dtype of the arrays first.
    same(ours, numpy(name, {key: np.dtype(dtype).type(value) if isinstance(value, float) else value for key, value in given.items()}), name)
    return ours


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SEVERAL)
def test_arrays_and_numbers_broadcast(name: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    inputs = FUNCTIONS[name]["inputs"]
    matrices = [input for input, kind in inputs if kind == "matrix"]
    for large, small in SHAPES:
        for chosen in matrices:
            for is_small in [True, False]:
                shape = {input: small if (input == chosen) == is_small else large for input in matrices}
                given = {input: some(rng, shape.get(input), dtype) for input, _ in inputs}
                before = {key: np.copy(value) for key, value in given.items()}
                check(name, given, dtype)
                for key, value in before.items():
                    np.testing.assert_array_equal(given[key], value)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["minimum", "sub"])
def test_whatever_their_layout(name: str, layout: str) -> None:
    rng = np.random.default_rng(2)
    lay = LAYOUTS[layout]
    x, column, row = (values(rng, shape, "float32") for shape in [(40, 30), (40, 1), (30,)])
    for given in [(x, column), (column, x), (x, row), (row, x), (column, row), (x, 2.0), (2.0, x)]:
        laid = [lay(value) if isinstance(value, np.ndarray) else value for value in given]
        check(name, dict(zip("xy", laid, strict=True)), "float32")


@pytest.mark.parametrize("name", ["minimum", "sub"])
def test_into_an_array(name: str) -> None:
    rng = np.random.default_rng(3)
    for other in [(), (30,), (40, 1)]:
        for turned in [False, True]:
            x = values(rng, (40, 30), "float64")
            y = values(rng, other, "float64") if other else 1.5
            given = dict(zip("xy", (y, x) if turned else (x, y), strict=True))
            theirs = numpy(name, given)
            for out in [np.full((40, 30), 7.0), x]:
                assert getattr(raptors, name)(*given.values(), out=out) is out
                same(out, theirs, name)
    with pytest.raises(ValueError, match="non-broadcastable output operand with shape"):
        raptors.minimum(np.ones((3, 4)), np.ones(4), out=np.ones(4))


@pytest.mark.parametrize("shapes", [((3, 4), (4, 3)), ((3, 4), (3,)), ((3,), (4,)), ((2, 1), (3, 4)), ((0, 4), (3, 4))])
def test_what_does_not_fit_is_refused_in_numpy_s_words(shapes: tuple[Any, Any]) -> None:
    given = [np.ones(shape) for shape in shapes]
    with pytest.raises(ValueError) as theirs:
        np.minimum(*given)
    for name in ["minimum", "add"]:
        with pytest.raises(ValueError) as ours:
            getattr(raptors, name)(*given)
        assert str(ours.value) == str(theirs.value)


NUMBERS = [2, True, 2.5, 1e300, np.float32(0.1), np.float64(0.1), np.float16(0.5), np.int8(3), np.int16(3), np.uint16(3)]
NUMBERS += [np.int32(3), np.int64(3), np.uint64(3), np.True_, np.array(0.1), np.array(3, np.int8), np.array(0.1, np.float32)]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{type(number).__name__} {number}")
def test_numbers_of_numpy_have_a_dtype_and_those_of_python_none(number: Any) -> None:
    for dtype in DTYPES:
        x = np.linspace(-3, 3, 50, dtype=dtype)
        with np.errstate(over="ignore"):
            same(raptors.scale(x, number), x * number, "scale")
            same(raptors.mul(number, x), number * x, "mul")
            same(raptors.mul(x.reshape(5, 10), number), x.reshape(5, 10) * number, "mul")


def test_a_number_that_makes_the_result_wider_has_no_narrower_one_for_it() -> None:
    x = np.ones(5, np.float32)
    with pytest.raises(TypeError, match=r"Cannot cast output from dtype\('float64'\) to dtype\('float32'\)"):
        raptors.scale(x, np.float64(2.0), out=x)
    assert (x == 1.0).all()


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="it is no wider here")
def test_numbers_that_are_too_wide() -> None:
    for call in [raptors.scale, raptors.minimum]:
        with pytest.raises(TypeError, match=r"has dtype .*, and must have float32 or float64; float\((factor|y)\) converts it"):
            call(np.ones(3), np.longdouble(2.0))


def test_numbers_alone_are_no_array() -> None:
    with pytest.raises(TypeError, match="x must be a numpy.ndarray of float32 or float64, not float"):
        raptors.minimum(1.0, 2.0)
    with pytest.raises(TypeError, match="x must be a numpy.ndarray of float32 or float64, not float64"):
        raptors.minimum(np.float64(1.0), np.array(2.0))
