"""Arrays of any number of dimensions and any strides, as they lie: NumPy's bits, and no copies."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import raptors

from views import draw

CASES = 600


@pytest.mark.parametrize("first", range(0, CASES, 100))
def test_at_random(first: int) -> None:
    for at in range(first, first + 100):
        case = draw(2, at)
        said = case.difference()
        assert said is None, f"--layouts --seed 2 --first {at} --cases 1: {case.words}\n{said}"


def exactly(ours: Any, theirs: Any) -> None:
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), strict=True)


def test_columns_in_fortrans_order_are_summed_pairwise() -> None:
    """One after another, ones stay at 2 to the power of 24 in float32; and tenths go astray before."""
    x = np.full((2_000_000, 2), 0.1, np.float32, order="F")
    exactly(raptors.sum(x, axis=0), np.sum(x, axis=0))
    assert abs(raptors.sum(x, axis=0)[0] - 200_000) < 1
    means = np.asfortranarray(np.random.default_rng(0).random((1000, 50), dtype=np.float32))
    exactly(raptors.mean(means, axis=0), means.mean(axis=0))


def test_reversed_arrays() -> None:
    rng = np.random.default_rng(1)
    for n in range(1, 300):
        x = rng.standard_normal(n * 7).astype(np.float32)[::-1]
        exactly(raptors.sum(x), np.sum(x))


def test_images() -> None:
    x = np.random.default_rng(2).standard_normal((4, 3, 56, 60)).astype(np.float32)
    for axis in [(0, 2, 3), 1, -1, 0, (1, 2), (0, 3), (), None, (3, 0, 2, 1)]:
        for name in ["sum", "mean", "max", "min", "prod"]:
            exactly(getattr(raptors, name)(x, axis=axis), getattr(np, name)(x, axis=axis))
            kept = getattr(raptors, name)(x, axis=axis, keepdims=True)
            exactly(kept, getattr(np, name)(x, axis=axis, keepdims=True))
    for axis in [1, -1, 0, (1, 2), (2, 3), (0, 1), None]:
        for name in ["var", "std", "nanmean", "nansum", "any", "ptp"]:
            exactly(getattr(raptors, name)(x, axis=axis), getattr(np, name)(x, axis=axis))
        if not isinstance(axis, tuple):
            exactly(raptors.argmax(x, axis=axis), np.argmax(x, axis=axis))


def test_places_are_counted_in_the_order_of_c() -> None:
    x = np.asfortranarray(np.random.default_rng(3).standard_normal((5, 6, 7)))
    assert raptors.argmin(x) == np.argmin(x)
    assert raptors.argmin(x[::-1, :, ::2]) == np.argmin(x[::-1, :, ::2])


def test_results_lie_as_their_arguments_do() -> None:
    x = np.ones((4, 5, 6)).transpose(2, 0, 1)
    assert raptors.scale(x, 2.0).strides == np.multiply(x, 2.0).strides
    assert raptors.add(x, np.ones(5)).strides == np.add(x, np.ones(5)).strides
    assert raptors.sum(x, axis=1).strides == np.sum(x, axis=1).strides
    assert raptors.sqrt(np.asfortranarray(np.ones((3, 4)))).flags.f_contiguous


def test_no_dimension() -> None:
    x = np.array(2.5)
    for axis in [None, ()]:
        exactly(raptors.sum(x, axis=axis), np.sum(x, axis=axis))
        exactly(raptors.max(x, axis=axis), np.max(x, axis=axis))
    with pytest.raises(np.exceptions.AxisError):
        raptors.sum(x, axis=0)


def test_into_arrays() -> None:
    x = np.random.default_rng(4).standard_normal((6, 7, 8))
    out = np.zeros((8, 6)).T
    assert raptors.sum(x, axis=1, out=out) is out
    exactly(out, np.sum(x, axis=1, out=np.zeros((8, 6)).T))
    y = np.asfortranarray(x)
    expected = y * 2.0
    assert raptors.scale(y, 2.0, out=y) is y
    exactly(y, expected)
    with pytest.raises(ValueError, match="non-broadcastable output operand with shape"):
        raptors.scale(x, 2.0, out=np.zeros((6, 7)))
    with pytest.raises(ValueError, match="non-broadcastable output operand with shape"):
        raptors.sum(x, axis=0, out=np.zeros((6, 7)))


def test_into_arrays_that_are_arguments_or_share_their_memory() -> None:
    rng = np.random.default_rng(7)
    for shape in [(40, 50, 60), (300, 400), (7,), (2, 3)]:
        x = rng.standard_normal(shape).astype(np.float32)
        turned = x.transpose()[..., ::-1] if x.ndim > 1 else x[::-1]
        for view in [x.copy().T, turned, np.asfortranarray(x)[1:], x[::-1]]:
            row = rng.standard_normal(view.shape[-1:]).astype(np.float32)
            expected = view * row + view
            for threads in [1, 2]:
                own = np.empty_like(view)
                own[...] = view
                with raptors.threads(threads):
                    assert raptors.fma(own, np.broadcast_to(row, own.shape), own, out=own) is own
                    other = np.zeros(view.shape[::-1], np.float32).T
                    assert raptors.mul(view, row, out=other) is other
                exactly(other, view * row)
            np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-6)
    for ours, theirs in [(raptors.add, np.add), (raptors.sub, np.subtract)]:
        for out_of, x_of, y_of in [
            (np.s_[1:], np.s_[:-1], np.s_[:-1]),
            (np.s_[:-1], np.s_[1:], np.s_[:-1]),
            (np.s_[::-1], np.s_[:], np.s_[::-1]),
            (np.s_[:, ::-1], np.s_[:], np.s_[:]),
            (np.s_[::2], np.s_[1::2], np.s_[::2]),
        ]:
            start = rng.standard_normal((60, 70, 3))
            own, right = start.copy(), start.copy()
            ours(own[x_of], own[y_of], out=own[out_of])
            theirs(right[x_of], right[y_of], out=right[out_of])
            exactly(own, right)
    # An array that has an element for several cannot take results one by one.
    few = np.lib.stride_tricks.as_strided(np.zeros(3), (2, 3), (0, 8))
    raptors.add(np.ones((2, 3)).T.copy().T, 1.0, out=few)
    exactly(few[0], np.full(3, 2.0))


def test_what_does_not_broadcast() -> None:
    with pytest.raises(ValueError) as ours:
        raptors.add(np.ones((2, 3, 4)), np.ones((3, 3)))
    with pytest.raises(ValueError) as theirs:
        np.add(np.ones((2, 3, 4)), np.ones((3, 3)))
    assert str(ours.value) == str(theirs.value)


BOUNDED = """
import resource, numpy as np, raptors
from numpy.lib.stride_tricks import sliding_window_view
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
x = np.ones(301_000, np.float32)
raptors.mean(sliding_window_view(x[:2000], 1000), axis=1)
before = peak()
means = raptors.mean(sliding_window_view(x, 1000)[:100_000], axis=1)
total = raptors.max(np.broadcast_to(x, (100_000, x.size))[:3000])
wide = raptors.sum(np.broadcast_to(np.float32(1), (1 << 20, 1 << 20))[:8, :8])
assert (means == 1).all() and total == 1 and wide == 64
y = np.zeros((4000, 3000), np.float32, order="F")
y += 1
before += y.nbytes // 1024 + 1024
raptors.add(y, y, out=y)
raptors.mul(y[::2], y[::2], out=y[::2])
assert (y[:2].T == [4, 2]).all()
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts kibibytes as Linux does")
def test_windows_and_broadcast_arrays_take_no_memory() -> None:
    run = subprocess.run([sys.executable, "-c", BOUNDED], capture_output=True, text=True, check=True)
    # Copied, the windows alone have 400 MB. Beside the results: threads, and what is brought together at once.
    assert int(run.stdout) < 16 << 10, run.stdout
