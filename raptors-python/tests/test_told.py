"""What reductions are told beside their axes: which elements, from where, in which dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import raptors

X = np.arange(12.0).reshape(3, 4)
SMALL = X.astype(np.float32)
EVEN = X % 2 == 0


def exactly(ours: Any, theirs: Any) -> None:
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), strict=True)
    np.testing.assert_array_equal(np.signbit(ours), np.signbit(theirs))


def test_which_elements() -> None:
    assert raptors.sum(X, where=EVEN) == 30.0
    assert raptors.mean(X, where=EVEN) == 5.0
    assert raptors.max(X, where=EVEN, initial=-1.0) == 10.0
    exactly(raptors.min(X, axis=1, where=X > 6, initial=99.0), np.array([99.0, 7.0, 8.0]))
    exactly(raptors.prod(X, axis=0, where=EVEN), np.array([0.0, 1.0, 120.0, 1.0]))
    exactly(raptors.var(X, axis=1, ddof=1, where=EVEN), np.full(3, 2.0))
    mean, std = raptors.mean_std(X, axis=1, where=EVEN, keepdims=True)
    exactly(mean, np.array([[1.0], [5.0], [9.0]]))
    exactly(std, np.ones((3, 1)))


def test_masks_broadcast_and_may_be_what_becomes_an_array() -> None:
    row = np.array([True, False, False, True])
    exactly(raptors.sum(X, axis=1, where=row), X[:, row].sum(axis=1))
    exactly(raptors.sum(X, axis=0, where=[[True], [False], [True]]), X[[0, 2]].sum(axis=0))
    exactly(raptors.sum(X, where=True), X.sum())
    exactly(raptors.sum(X, where=False, initial=-0.0), np.float64(-0.0))
    exactly(raptors.sum(X, where=np.False_), np.float64(0.0))
    assert np.isnan(raptors.mean(X, where=False))
    # Any byte but 0 is true.
    exactly(raptors.sum(X, where=np.full((3, 4), 2, np.uint8).view(bool)), X.sum())


def test_where_they_start_from() -> None:
    assert raptors.sum(X, initial=0.5) == 66.5
    assert raptors.prod(X[1:, 1:2], initial=2.0) == 90.0
    exactly(raptors.max(X, axis=0, initial=9.0), np.array([9.0, 9.0, 10.0, 11.0]))
    assert np.isnan(raptors.max(X, initial=np.nan))
    assert raptors.max(X[:0], initial=3.0) == 3.0
    exactly(raptors.min(np.zeros((2, 0)), axis=1, initial=7.0), np.full(2, 7.0))
    zeros = np.array([[-0.0, -0.0], [0.0, -0.0]])
    for x in [zeros, np.asfortranarray(zeros), zeros.repeat(100, axis=1)]:
        for axis in [None, 0, 1]:
            exactly(raptors.sum(x, axis=axis, initial=-0.0), np.sum(x, axis=axis, initial=-0.0))


def test_in_a_wider_dtype() -> None:
    x = np.full(100_000, 0.1, np.float32)
    total = raptors.sum(x, dtype=np.float64)
    exactly(total, np.sum(x, dtype=np.float64))
    assert abs(total - 10_000.0) < 1e-3
    for name in ["sum", "prod", "mean", "var", "std"]:
        for axis in [None, 0, 1, (0, 1), ()]:
            function = getattr(raptors, name)
            exactly(function(SMALL, axis=axis, dtype="float64"), getattr(np, name)(SMALL, axis=axis, dtype="float64"))
            exactly(function(SMALL, axis=axis, dtype=np.float32), function(SMALL, axis=axis))
            exactly(function(X, axis=axis, dtype=float), function(X, axis=axis))
    out = np.zeros(4)
    assert raptors.mean(SMALL, axis=0, dtype=np.float64, out=out) is out
    exactly(out, X.mean(axis=0))


def test_large_arrays_are_cut_without_a_trace() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((110, 70, 41)).astype(np.float32).transpose(1, 0, 2)
    mask = rng.random(x.shape) < 0.7
    for threads in [1, 2, 3]:
        with raptors.threads(threads):
            for name in ["sum", "prod", "mean", "var", "std"]:
                for axis in [None, 0, 1, (0, 1), (1, 2), 2]:
                    function, other = getattr(raptors, name), getattr(np, name)
                    with np.errstate(all="ignore"):
                        exactly(function(x, axis=axis, where=mask), other(x, axis=axis, where=mask))
                        exactly(function(x, axis=axis, dtype=np.float64), other(x, axis=axis, dtype=np.float64))


def test_variances_of_arrays_with_gaps_and_axes_that_are_apart() -> None:
    x = np.random.default_rng(6).standard_normal((9, 40, 30, 20)).astype(np.float32)
    for view in [x, x[:, ::2], x[..., :-3], x.T[::-1], np.broadcast_to(x[0], x.shape), x.astype(">f4")]:
        for axis in [None, (0, 2), (1, 3), (0, 1, 2), (0, 3), 1]:
            for name in ["var", "std"]:
                ours = getattr(raptors, name)(view, axis=axis)
                exactly(ours, getattr(np, name)(view, axis=axis))


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: raptors.max(X, where=EVEN),
            ValueError,
            "reduction operation 'maximum' does not have an identity, so to use a where mask one has to specify 'initial'",
        ),
        (
            lambda: raptors.min(X[:0], axis=0, where=EVEN[:0]),
            ValueError,
            "reduction operation 'minimum' does not have an identity, so to use a where mask one has to specify 'initial'",
        ),
        (
            lambda: raptors.sum(X, where=np.ones(12, np.int64)),
            TypeError,
            "Cannot cast array data from dtype('int64') to dtype('bool') according to the rule 'safe'",
        ),
        (lambda: raptors.sum(X, where=np.ones(3, bool)), ValueError, "operands could not be broadcast together with shapes (3,4) (3,)"),
        (lambda: raptors.sum(X, where=np.ones((1, 3, 4), bool)), ValueError, "(3,4) (1,3,4)"),
        (lambda: raptors.sum(X, dtype=np.float32), TypeError, "dtype=float32 is not supported for an array of float64"),
        (lambda: raptors.sum(X, dtype=int), TypeError, "dtype must be float32 or float64 (got int64)"),
        (lambda: raptors.sum(SMALL, dtype=">f8"), TypeError, "dtype must be float32 or float64"),
        (lambda: raptors.sum(X, initial="1"), TypeError, "must be real number, not str"),
        (
            lambda: raptors.sum(X, initial=0.0, numerics="accurate"),
            ValueError,
            "numerics='accurate' takes none of where, initial and dtype",
        ),
        (lambda: raptors.var(X, where=EVEN, numerics="accurate"), ValueError, "takes none of where, initial and dtype"),
        (lambda: raptors.mean(X, initial=1.0), TypeError, "unexpected keyword argument 'initial'"),
        (lambda: raptors.max(X, dtype=float), TypeError, "unexpected keyword argument 'dtype'"),
        (lambda: raptors.sum(SMALL, axis=0, dtype=float, out=np.zeros(4, np.float32)), TypeError, "out must have the dtype"),
    ],
)
def test_what_is_refused(call: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as refused:
        call()
    assert words in str(refused.value)
