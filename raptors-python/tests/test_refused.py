"""What is no array that a function takes: the argument is named, with the dtypes that there are and the way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raptors

from layouts import REDUCTIONS

X = np.arange(12.0).reshape(3, 4)


class Frame:
    """As a table of pandas, polars or xarray."""

    def to_numpy(self) -> Any:
        return X

    def __array__(self, *_: Any, **__: Any) -> Any:
        return X

    def __float__(self) -> float:
        raise AssertionError("nobody asks for it")


class Tensor:
    def __array__(self, *_: Any, **__: Any) -> Any:
        return X


class Unit(np.ndarray[Any, Any]):
    """Defines what NumPy's functions do with it."""

    def __array_ufunc__(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("nobody calls it")


class Function(np.ndarray[Any, Any]):
    def __array_function__(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("nobody calls it")


class Opaque(np.ndarray[Any, Any]):
    __array_ufunc__ = None  # type: ignore[assignment]


MUST = "must be a numpy.ndarray of float32 or float64, not"

REFUSED: list[tuple[Any, str]] = [
    (Frame(), f"{MUST} Frame: NAME.to_numpy\\(\\) is an array"),
    ([[1.0, 2.0]], f"{MUST} list: np.asarray\\(NAME, dtype=np.float64\\) is an array"),
    ((1.0, 2.0), f"{MUST} tuple: np.asarray\\(NAME, dtype=np.float64\\) is an array"),
    (Tensor(), f"{MUST} Tensor: np.asarray\\(NAME\\) is an array"),
    (None, f"{MUST} NoneType$"),
    ("text", f"{MUST} str$"),
    (np.ma.ones((3, 4)), f"{MUST} MaskedArray: its mask would be lost; NAME.filled\\(value\\) or NAME.data is an array"),
    (np.asmatrix(X), f"{MUST} matrix: np.asarray\\(NAME\\) is an array"),
    (X.view(Unit), "NAME is of the class Unit, which defines __array_ufunc__ for NumPy's functions, and this is none of"),
    (X.view(Function), "NAME is of the class Function, which defines __array_function__ for NumPy's functions"),
    (X.view(Opaque), "operand 'Opaque' does not support ufuncs \\(__array_ufunc__=None\\); np.asarray\\(NAME\\) has"),
    (X.astype(np.float16), "NAME has dtype float16, and must have float32 or float64; NAME.astype\\(np.float32\\) converts it"),
    (X.astype(np.int64), "NAME has dtype int64, and must have float32 or float64; NAME.astype\\(np.float64\\) converts it"),
    (X > 2, "NAME has dtype bool, and must have float32 or float64; NAME.astype\\(np.float64\\) converts it"),
    (X.astype(object), "NAME has dtype object, and must have float32 or float64; NAME.astype\\(np.float64\\) converts it"),
    (X.astype(complex), "NAME has dtype complex128, and must have float32 or float64$"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED, ids=lambda value: type(value).__name__)
def test_the_argument_and_the_way_out_are_named(given: Any, words: str) -> None:
    calls = {
        "x": [
            lambda: raptors.scale(given, 2.0),
            lambda: raptors.sqrt(given),
            lambda: raptors.minimum(given, X),
            lambda: raptors.sum(given),
            lambda: raptors.var(given, axis=0),
            lambda: raptors.argmax(given),
            lambda: raptors.explain("sum", given),
        ],
        "y": [lambda: raptors.minimum(X, given), lambda: raptors.add(X, given), lambda: raptors.dot(X, given)],
        "row": [lambda: raptors.broadcast_add(X, given)],
    }
    for name, some in calls.items():
        for call in some:
            with pytest.raises(TypeError, match=words.replace("NAME", name)):
                call()


@pytest.mark.parametrize("kind", [Unit, Function, Opaque, np.matrix])
def test_results_do_not_go_into_them_either(kind: Any) -> None:
    for call in [
        lambda out: raptors.scale(X, 2.0, out=out),
        lambda out: raptors.minimum(X, 2.0, out=out),
        lambda out: raptors.mean(X, axis=0, keepdims=True, out=out[:1]),
        lambda out: raptors.std(X, axis=0, keepdims=True, out=out[:1]),
        lambda out: raptors.minmax(X, axis=0, keepdims=True, out=(np.ones((1, 4)), out[:1])),
    ]:
        out = np.full((3, 4), 7.0).view(kind)
        with pytest.raises(TypeError, match="out is of the class|out must be|operand 'Opaque'"):
            call(out)
        assert (np.asarray(out) == 7.0).all()


def test_a_masked_constant_is_no_number() -> None:
    for call in [raptors.scale, raptors.minimum]:
        with pytest.raises(TypeError, match="its mask would be lost"):
            call(X, np.ma.masked)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_an_axis_is_an_integer_and_no_truth_value(name: str) -> None:
    given = [X for _, kind in REDUCTIONS[name]["inputs"] if kind == "matrix"]
    for axis, why in [
        (True, "an integer is required, not bool"),
        (False, "an integer is required, not bool"),
        (np.True_, "'numpy.bool' object cannot be interpreted as an integer"),
        (0.0, "'float' object cannot be interpreted as an integer"),
        ("0", "'str' object cannot be interpreted as an integer"),
    ]:
        with pytest.raises(TypeError, match=f"axis must be an integer or None: {why}"):
            getattr(raptors, name)(*given, axis)
        with pytest.raises(TypeError, match=f"axis must be an integer or None: {why}"):
            raptors.explain(name, X, axis=axis)
    for axis in [np.int64(0), np.array(0)]:
        np.testing.assert_array_equal(getattr(raptors, name)(*given, axis), getattr(raptors, name)(*given, 0))
