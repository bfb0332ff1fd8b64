"""Reductions in stages: what their arguments may be, several results, results that are whole numbers or truth values."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import raptors

from layouts import FUNCTIONS, REDUCTIONS, Array, matrices, numpy, same
from test_bits import DTYPES, axes, check_reduction, values

DDOF = [name for name, function in REDUCTIONS.items() if "ddof" in dict(function["defaults"])]
NAN = [name for name in REDUCTIONS if name.startswith("nan")]
TUPLES = [name for name, function in FUNCTIONS.items() if len(function["results"]) > 1]
SHAPES = [(1,), (2,), (50,), (1, 1), (3, 5), (1, 7), (7, 1), (40, 33)]


def some_values(shape: Any, dtype: str, seed: int = 11) -> Array:
    return values(np.random.default_rng(seed), shape, dtype)


def test_there_are_some() -> None:
    assert DDOF == ["mean_std", "nanstd", "nanvar", "std", "var"] and TUPLES == ["mean_std", "minmax"]
    assert NAN == ["nan_count", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]


class TestDdof:
    # From fewer than none to as many as there are elements and more; of the types that numbers have.
    @pytest.mark.parametrize("ddof", [1, 0, 2.0, 0.5, 0.1, 1.9, 3.7, -1, -2.5, True, 3, 5, 7, 33, 100, np.float32(0.25), np.int64(1), np.array(1.5)])
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("name", DDOF)
    def test_any(self, name: str, dtype: str, ddof: Any) -> None:
        function = getattr(raptors, name)
        for shape in SHAPES:
            x = some_values(shape, dtype)
            for axis in axes(x.ndim):
                for keepdims in [False, True]:
                    theirs = numpy(name, {"x": x, "ddof": float(ddof)}, axis, keepdims)
                    # NumPy warns where there are too few elements; that the result says.
                    with warnings.catch_warnings():
                        warnings.simplefilter("error")
                        ours = function(x, axis=axis, ddof=ddof, keepdims=keepdims)
                    same(ours, theirs, name)

    def test_as_many_as_there_are(self) -> None:
        x = np.array([1.0, 2.0, 4.0])
        assert raptors.var(x, ddof=3) == np.inf and raptors.std(x, ddof=4) == np.inf
        assert np.isnan(raptors.var(np.ones(3), ddof=3)) and np.isnan(raptors.var(x[:1], ddof=1))
        # Without the numbers that are none, there may be too few; that is NaN whatever the others are.
        some = np.array([1.0, np.nan, 4.0])
        assert raptors.nanvar(some, ddof=1) == 4.5 and np.isnan(raptors.nanvar(some, ddof=2))
        assert np.isnan(raptors.nanstd(some, ddof=3))

    @pytest.mark.parametrize("name", DDOF)
    def test_it_is_given_by_name(self, name: str) -> None:
        function = getattr(raptors, name)
        x = np.arange(6.0).reshape(2, 3)
        with pytest.raises(TypeError, match="positional argument"):
            function(x, 0, 1)
        same(function(x, ddof=0), function(x), name)
        parameters = inspect.signature(function).parameters
        assert parameters["ddof"].kind == inspect.Parameter.KEYWORD_ONLY and parameters["ddof"].default == 0.0
        for wrong in ["1", 1j, [1], np.ones(1), np.array("1")]:
            with pytest.raises(TypeError, match="real number"):
                function(x, ddof=wrong)
        with pytest.raises(OverflowError):
            function(x, ddof=10**400)
        # As with everything that is optional, None is nothing.
        same(function(x, ddof=None), function(x), name)

    @pytest.mark.parametrize("ddof", [np.nan, np.inf, -np.inf])
    def test_what_is_no_count(self, ddof: float) -> None:
        for x in [np.arange(6.0), np.ones(4)]:
            for name in ["var", "std"]:
                same(getattr(raptors, name)(x, ddof=ddof), numpy(name, {"x": x, "ddof": ddof}), name)


class TestSeveral:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("name", TUPLES)
    def test_out(self, name: str, dtype: str) -> None:
        function = getattr(raptors, name)
        for shape in SHAPES:
            x = some_values(shape, dtype)
            for axis in axes(x.ndim):
                for keepdims in [False, True]:
                    theirs = numpy(name, {"x": x}, axis, keepdims)
                    # One that is contiguous, one that is backwards and apart.
                    outs = tuple(np.full(np.shape(one), 7, dtype) for one in theirs)
                    if outs[0].ndim:
                        large = np.full([2 * n for n in outs[1].shape], 7, dtype)
                        outs = (outs[0], large[tuple(slice(None, None, -2) for _ in outs[1].shape)])
                    result = function(x, axis, out=outs, keepdims=keepdims)
                    assert type(result) is tuple and all(one is out for one, out in zip(result, outs, strict=True))
                    same(tuple(out.copy() if out.ndim else out[()] for out in outs), theirs, name)

    @pytest.mark.parametrize("name", TUPLES)
    @pytest.mark.parametrize("at", [0, 1])
    @pytest.mark.parametrize(
        ("wrong", "kind", "words"),
        [
            (lambda good: good.astype(np.float32), TypeError, "Cannot cast output from dtype.'float64'. to dtype.'float32'"),
            (lambda good: good.astype(np.int64), TypeError, "Cannot cast output from dtype.'float64'. to dtype.'int64'"),
            (lambda good: good[:-1], ValueError, "non-broadcastable output operand with shape .4,. doesn't match"),
            (lambda good: good.reshape(1, -1), ValueError, "non-broadcastable output operand with shape .1,5."),
            (lambda good: good.tolist(), TypeError, "return arrays must be of ArrayType"),
            (lambda good: None, TypeError, "return arrays must be of ArrayType"),
            (lambda good: np.broadcast_to(good, good.shape), ValueError, "output array is read-only"),
        ],
    )
    def test_nothing_is_half_written(
        self, name: str, at: int, wrong: Callable[[Array], Any], kind: type[Exception], words: str
    ) -> None:
        outs: list[Any] = [np.full(5, 7.0), np.full(5, 7.0)]
        good = list(outs)
        outs[at] = wrong(outs[at])
        with pytest.raises(kind, match=words):
            getattr(raptors, name)(np.arange(15.0).reshape(3, 5), 0, out=tuple(outs))
        for out in good:
            assert (out == 7.0).all()

    @pytest.mark.parametrize("name", TUPLES)
    def test_what_is_no_tuple_of_as_many(self, name: str) -> None:
        x, out = np.arange(15.0).reshape(3, 5), np.full(5, 7.0)
        for wrong in [out, [out, out.copy()], np.zeros((2, 5)), {}, "out"]:
            with pytest.raises(TypeError, match="'out' must be a tuple of arrays"):
                getattr(raptors, name)(x, 0, out=wrong)
        for wrong in [(), (out,), (out, out, out)]:
            with pytest.raises(ValueError, match="The 'out' tuple must have exactly 2 entries"):
                getattr(raptors, name)(x, 0, out=wrong)
        assert (out == 7.0).all()

    def test_what_is_refused_later_writes_nothing_either(self) -> None:
        outs = (np.full((), 7.0), np.full((), 7.0))
        with pytest.raises(ValueError, match="zero-size array to reduction operation minimum which has no identity"):
            raptors.minmax(np.empty(0), out=outs)
        with pytest.raises(ValueError, match="numeric class"):
            raptors.minmax(np.ones(3), out=outs, numerics="accurate")
        assert outs[0] == outs[1] == 7.0

    def test_into_their_argument(self) -> None:
        x = some_values((6, 6), "float64")
        theirs = numpy("mean_std", {"x": x}, 0)
        mine = x.copy()
        raptors.mean_std(mine, 0, out=(mine[2], mine[4]))
        same((mine[2].copy(), mine[4].copy()), theirs, "mean_std")

    def test_parts_are_what_they_are_alone(self) -> None:
        for dtype in DTYPES:
            x = some_values((40, 33), dtype)
            for axis in axes(2):
                least, greatest = raptors.minmax(x, axis)
                mean, std = raptors.mean_std(x, axis, ddof=1)
                for ours, alone in [
                    (least, raptors.min(x, axis)),
                    (greatest, raptors.max(x, axis)),
                    (mean, raptors.mean(x, axis)),
                    (std, raptors.std(x, axis, ddof=1)),
                ]:
                    np.testing.assert_array_equal(ours, alone, strict=True)


class TestOut:
    """Results of whole numbers and truth values, in arrays of the caller's."""

    @pytest.mark.parametrize("name", [name for name, function in REDUCTIONS.items() if len(function["results"]) == 1])
    def test_what_does_not_fit(self, name: str) -> None:
        given = matrices(name, np.arange(15.0).reshape(3, 5)).values()
        right = {"element": np.float64, "int64": np.int64, "bool": np.bool_}[FUNCTIONS[name]["results"][0]]
        function = getattr(raptors, name)
        for dtype in {np.float64, np.float32, np.int64, np.bool_, np.int32, np.uint64, np.complex128} - {right}:
            out = np.ones(5, dtype)
            with pytest.raises(TypeError, match="Cannot cast output from dtype"):
                function(*given, 0, out=out)
            assert (out == 1).all()
        for shape in [(), (3,), (1, 5), (5, 1), (2, 3, 4)]:
            out = np.ones(shape, right)
            with pytest.raises(ValueError, match="non-broadcastable output operand with shape"):
                function(*given, 0, out=out)
            assert (out == 1).all()
        out = np.ones(5, right)
        out.flags.writeable = False
        with pytest.raises(ValueError, match="output array is read-only"):
            function(*given, 0, out=out)
        assert (out == 1).all()
        with pytest.raises(TypeError, match="return arrays must be of ArrayType"):
            function(*given, 0, out=[0] * 5)

    def test_both_whole_numbers_of_64_bits(self) -> None:
        x = np.array([[1.0, 0.0], [3.0, 4.0]])
        for letter in "lq":
            if np.dtype(letter).itemsize == 8:
                assert raptors.argmax(x, 0, out=np.zeros(2, letter)).tolist() == [1, 1]

    def test_in_the_other_byte_order(self) -> None:
        x = np.array([[1.0, 0.0], [3.0, 4.0]])
        for dtype in [">i8", "<i8"]:
            assert raptors.count_nonzero(x, 0, out=np.zeros(2, dtype)).tolist() == [2, 1]


class TestPlaces:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("name", ["argmax", "argmin"])
    @pytest.mark.parametrize("length", [1, 5, 8, 100, 4096, 10_000, 40_001])
    def test_the_first_of_equal_ones(self, name: str, dtype: str, length: int) -> None:
        rng = np.random.default_rng(12)
        nan, inf = np.nan, np.inf
        rows: list[Array] = [
            np.zeros(length),
            np.full(length, nan),
            np.full(length, inf),
            np.full(length, -inf),
            # Zeros of both signs are equal.
            rng.choice([0.0, -0.0], length),
            rng.integers(0, 3, length).astype(float),
            np.arange(length) % 7.0,
            rng.standard_normal(length),
        ]
        for special in [nan, inf, -inf]:
            for at in {0, length // 2, length - 1}:
                row = rng.standard_normal(length)
                row[at:] = np.where(rng.random(length - at) < 0.5, special, row[at:])
                row[at] = special
                rows.append(row)
        x = np.array(rows, dtype)
        for row in x:
            same(getattr(raptors, name)(row), numpy(name, {"x": row}), name)
        for each in [x, np.ascontiguousarray(x.T)]:
            for axis in axes(2):
                same(getattr(raptors, name)(each, axis), numpy(name, {"x": each}, axis), name)

    def test_zeros_and_nans(self) -> None:
        assert raptors.argmax(np.array([-0.0, 0.0])) == raptors.argmin(np.array([0.0, -0.0])) == 0
        assert raptors.argmax(np.array([1.0, np.nan, 9.0, np.nan])) == raptors.argmin(np.array([1.0, np.nan, -9.0])) == 1
        assert type(raptors.argmax(np.ones(3))) is np.int64


class TestCounts:
    def test_what_is_zero(self) -> None:
        x = np.array([0.0, -0.0, np.nan, 5e-324, np.inf, -1.0])
        assert raptors.count_nonzero(x) == np.count_nonzero(x) == 4 and raptors.nan_count(x) == 1
        assert raptors.any(x) is np.True_ and raptors.all(x) is np.False_
        assert raptors.all(x[2:]) is np.True_ and raptors.any(x[:2]) is np.False_
        # NaN is not zero.
        assert raptors.any(x[2:3]) is np.True_ and raptors.all(x[2:3]) is np.True_
        tiny = np.array([1e-45], np.float32)
        assert raptors.count_nonzero(tiny) == 1 and raptors.all(tiny)

    @pytest.mark.parametrize("name", ["count_nonzero", "nan_count", "all", "any"])
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_mixtures(self, name: str, dtype: str) -> None:
        rng = np.random.default_rng(13)
        for shape in [*SHAPES, (5000,), (300, 70)]:
            for zeros in [0.0, 0.01, 0.5, 0.99, 1.0]:
                others = rng.choice([np.nan, 1.0, -np.inf, 1e-40], shape)
                x = np.where(rng.random(shape) < zeros, rng.choice([0.0, -0.0], shape), others).astype(dtype)
                for axis in axes(x.ndim):
                    for keepdims in [False, True]:
                        check_reduction(name, x, axis, keepdims)

    def test_a_count_is_exact_where_floats_are_not(self) -> None:
        x = np.ones((1 << 24) + 3, np.float32)
        assert raptors.count_nonzero(x) == (1 << 24) + 3
        assert raptors.count_nonzero(x.reshape(1, -1), 1).tolist() == [(1 << 24) + 3]
        assert raptors.count_nonzero(x.reshape(-1, 1), 0).tolist() == [(1 << 24) + 3]
        x[:-1] = 0.0
        assert raptors.argmax(x) == (1 << 24) + 2


class TestNan:
    @pytest.mark.parametrize("name", NAN)
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_none_some_and_all(self, name: str, dtype: str) -> None:
        rng = np.random.default_rng(14)
        function = getattr(raptors, name)
        for shape in [*SHAPES, (3000,), (200, 70)]:
            for nans in [0.0, 0.05, 0.5, 0.95, 1.0]:
                x = rng.standard_normal(shape).astype(dtype)
                x[rng.random(shape) < nans] = np.nan
                if x.ndim == 2:
                    x[:, rng.integers(x.shape[1])] = x[rng.integers(x.shape[0])] = np.nan
                for axis in axes(x.ndim):
                    with warnings.catch_warnings():
                        # NumPy warns of slices that are all NaN.
                        warnings.simplefilter("error")
                        ours = function(x, axis)
                    same(ours, numpy(name, {"x": x}, axis), name)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_infinities_stay(self, dtype: str) -> None:
        for row in [[np.inf, np.nan], [-np.inf, np.nan, 1.0], [np.inf, -np.inf, np.nan], [np.inf], [-np.inf, np.nan]]:
            x = np.array(row, dtype)
            for name in NAN:
                check_reduction(name, x, None, False)
                check_reduction(name, np.array([row, row[::-1]], dtype), 0, False)

    def test_without_nan_it_is_the_plain_one(self) -> None:
        for dtype in DTYPES:
            x = np.random.default_rng(15).standard_normal((50, 60)).astype(dtype)
            for name in ["sum", "prod", "min", "max", "mean", "var", "std"]:
                for axis in axes(2):
                    ours, plain = (getattr(raptors, prefix + name)(x, axis) for prefix in ("nan", ""))
                    np.testing.assert_array_equal(ours, plain, strict=True)


# What NumPy gives for no elements; `None`: it refuses.
OF_NONE: dict[str, Any] = {
    "all": True, "any": False, "argmax": None, "argmin": None, "count_nonzero": 0, "dot": 0.0, "max": None, "mean": np.nan,
    "mean_std": (np.nan, np.nan), "min": None, "minmax": None, "nan_count": 0, "nanmax": None, "nanmean": np.nan,
    "nanmin": None, "nanprod": 1.0, "nanstd": np.nan, "nansum": 0.0, "nanvar": np.nan, "norm_l1": 0.0, "norm_l2": 0.0,
    "norm_max": None, "prod": 1.0, "ptp": None, "std": np.nan, "sum": 0.0, "sum_squares": 0.0, "var": np.nan,
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_no_elements(name: str) -> None:
    function, expected = getattr(raptors, name), OF_NONE[name]
    for dtype in DTYPES:
        for shape in [(0,), (0, 3), (3, 0), (0, 0)]:
            x = np.empty(shape, dtype)
            given = matrices(name, x).values()
            for axis in axes(x.ndim):
                for keepdims in [False, True]:
                    check_reduction(name, x, axis, keepdims)
                count = x.size if axis is None else x.shape[axis]
                if count:
                    # There are results for none of which there is anything.
                    results = function(*given, axis)
                    assert all(one.shape == (0,) for one in (results if isinstance(results, tuple) else [results]))
                elif expected is None:
                    with pytest.raises(ValueError, match="zero-size array to reduction operation f?(min|max)imum|zero-size array to reduction operation f(min|max) |attempt to get arg"):
                        function(*given, axis)
                else:
                    with warnings.catch_warnings():
                        warnings.simplefilter("error")
                        results = function(*given, axis)
                    for one, value in zip(np.atleast_1d(results) if not isinstance(results, tuple) else results, np.atleast_1d(expected)):
                        np.testing.assert_array_equal(one, np.full(np.shape(one), value))


@pytest.mark.parametrize("name", [*DDOF, "minmax", "argmax", "count_nonzero", "all", "nanmin"])
def test_axes_are_refused_in_numpy_s_words(name: str) -> None:
    x = np.arange(12.0).reshape(3, 4)
    for array, axis in [(x, 2), (x, -3), (x[0], 1), (x[0], -2), (x, 100)]:
        with pytest.raises(np.exceptions.AxisError) as ours:
            getattr(raptors, name)(array, axis=axis)
        with pytest.raises(np.exceptions.AxisError) as theirs:
            numpy(name, {"x": array}, axis)
        assert str(ours.value) == str(theirs.value)
        assert (ours.value.axis, ours.value.ndim) == (axis, array.ndim)
