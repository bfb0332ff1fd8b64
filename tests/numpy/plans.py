#!/usr/bin/env python3
"""Writes plans.txt: arrays by shape and strides, and in which order and pieces NumPy reduces them.

    venv/bin/python tests/numpy/plans.py            # write plans.txt
    venv/bin/python tests/numpy/plans.py --check    # compare with the file, write nothing

The rule is written here a second time, by its own text, and each plan is carried out, one element after another: the
script stops at the first sum whose bits are not those of NumPy. So a file that was written is also a check of the rule.

A line is a case, its fields separated by `|`: lengths, strides in elements, which axes are reduced (0, 1), the strides of an
array that takes the results or `-`, those of a mask or `-`, whether the elements go through a buffer (0, 1): they are in the
other byte order, or of another type than the sum; then the axes of more than
one element, outermost first, and the stretch and the longest piece, or `-` where elements are taken in one after another.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("plans.txt")
CASES = 1500
BUFFER = 8192
LENGTHS = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 64, 100, 130, 257, 1000, 4096, 5000, 9000]


def pairwise(a):
    n = len(a)
    if n < 8:
        r = a.dtype.type(-0.0)
        for v in a:
            r = r + v
        return r
    if n <= 128:
        k = n - n % 8
        b = a[:k].reshape(-1, 8)
        r = b[0].copy()
        for row in b[1:]:
            r = r + row
        s = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
        for v in a[k:]:
            s = s + v
        return s
    m = n // 2 // 8 * 8
    return pairwise(a[:m]) + pairwise(a[m:])


def sort(shape, operands):
    """Axes of more than one element, innermost first."""
    order = []
    for axis in reversed([axis for axis, n in enumerate(shape) if n != 1]):
        place = len(order)
        for at in reversed(range(len(order))):
            said = [
                abs(strides[order[at]]) > abs(strides[axis])
                for strides in operands
                if strides[axis] and strides[order[at]]
            ]
            if said and not all(said):
                break
            if said:
                place = at
        order.insert(place, axis)
    return order


def plan(shape, strides, reduced, out, mask, buffered):
    order = sort(shape, [of for of in (out, strides, mask) if of])
    if not order:
        return order, (1, 1)
    if not reduced[order[0]]:
        return order, None
    own, next = [0] * len(shape), 1
    for axis in order:
        if not reduced[axis]:
            own[axis] = out[axis] if out else next
            next *= shape[axis]
    dims = []
    for axis in order:
        n, moves = shape[axis], [own[axis], strides[axis], mask[axis] if mask else 0]
        if dims and all(stride * dims[-1][0] == move for stride, move in zip(dims[-1][1:], moves, strict=True)):
            dims[-1][0] *= n
        else:
            dims.append([n, *moves])
    cost = 1 + buffered
    size = dims[0][0]
    best_dim, best_core, best_size, best_cost = 0, 1, size, cost
    single, turn = [1, 1, 1], None
    for d in range(1, len(dims)):
        if turn is not None or (size >= BUFFER and cost > 1):
            break
        for k in (0, 1, 2):
            inner, outer = dims[d - 1][1 + k], dims[d][1 + k]
            if single[k] == d:
                if inner * dims[d - 1][0] == outer:
                    single[k] += 1
                    continue
                if not (k == 1 and buffered):
                    cost += 1
            if k == 0 and (inner == 0 or outer == 0):
                turn = d
        core, size = size, size * dims[d][0]
        worth = min(size, BUFFER) if cost > 1 else size
        if cost * best_size <= best_cost * worth:
            best_dim, best_core, best_size, best_cost = d, core, size, cost
    if turn is not None and best_dim == turn:
        return order, (best_core, best_core)
    most = best_size
    if (buffered or single[1] <= best_dim or single[2] <= best_dim) and most > BUFFER:
        most = best_core * (BUFFER // best_core)
    return order, (best_size, most)


def runs(mask, start, end):
    """The runs of elements that are taken in."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask[start:end], [False]]))) + start
    return zip(edges[::2], edges[1::2], strict=True)


def carried_out(x, mask, reduced, order, pieces):
    """The sum, as the plan says."""
    axes = [axis for axis, is_reduced in enumerate(reduced) if is_reduced]
    kept = [1 if is_reduced else n for n, is_reduced in zip(x.shape, reduced, strict=True)]
    result = np.zeros(kept, x.dtype)
    places = np.broadcast_to(np.arange(result.size).reshape(kept), x.shape)
    walk = [axis for axis in range(x.ndim) if axis not in order] + order[::-1]
    elements, places, mask = (of.transpose(walk).ravel() for of in (x, places, mask))
    flat = result.reshape(-1)
    if pieces is None:
        inner = x.shape[order[0]]
        for at in range(0, len(elements), inner):
            for start, end in runs(mask, at, at + inner):
                flat[places[start:end]] += elements[start:end]
        return result.squeeze(tuple(axes))
    period, most = pieces
    for start in range(0, len(elements), period):
        for at in range(start, start + period, most):
            end = min(at + most, start + period)
            for first, last in runs(mask, at, end):
                flat[places[at]] += pairwise(elements[first:last])
    return result.squeeze(tuple(axes))


def layout(rng, x):
    kind = rng.integers(0, 9)
    step = tuple(slice(None, None, int(rng.choice([1, 2, 3, -1]))) for _ in range(x.ndim))
    crop = tuple(slice(0, max(1, n - int(rng.integers(0, 3)))) for n in x.shape)
    if kind == 1:
        return np.asfortranarray(x)
    if kind == 2:
        return x.transpose(rng.permutation(x.ndim))
    if kind == 3:
        return x[step]
    if kind == 4:
        return x[crop]
    if kind == 5:
        return x[crop].transpose(rng.permutation(x.ndim))
    if kind == 6:
        return np.broadcast_to(x.take([0], axis=int(rng.integers(x.ndim))), x.shape)
    if kind == 7:
        return np.lib.stride_tricks.sliding_window_view(x, min(3, x.shape[-1]), axis=-1)
    return x


def case(rng):
    while True:
        shape = [int(n) for n in rng.choice(LENGTHS, rng.integers(1, 6))]
        if np.prod(shape) <= 40_000:
            break
    x = layout(rng, (rng.standard_normal(shape) * np.exp(rng.standard_normal(shape))).astype(np.float32))
    reduced = [bool(n) for n in rng.random(x.ndim) < rng.choice([0.3, 0.5, 1.0])]
    if not any(reduced):
        reduced[int(rng.integers(x.ndim))] = True
    axes = tuple(axis for axis, is_reduced in enumerate(reduced) if is_reduced)
    swapped = bool(rng.random() < 0.1)
    strides = [0 if n == 1 else s // x.itemsize for n, s in zip(x.shape, x.strides, strict=True)]
    given, out = None, None
    if rng.random() < 0.2:
        kept = [n for n, is_reduced in zip(x.shape, reduced, strict=True) if not is_reduced]
        if kept:
            given = np.empty([2 * n for n in kept[::-1]], x.dtype).T[tuple(slice(None, n) for n in kept)]
            its = iter(given.strides)
            out = [0 if is_reduced else next(its) // x.itemsize for is_reduced in reduced]
            out = [0 if n == 1 else s for n, s in zip(x.shape, out, strict=True)]
    if swapped:
        # A copy in the same order of axes, which has no reversed ones and no gaps.
        x = x.astype(x.dtype.newbyteorder())
        strides = [0 if n == 1 else s // x.itemsize for n, s in zip(x.shape, x.strides, strict=True)]
    mask, moves = np.array(True), None
    if rng.random() < 0.4:
        # Of fewer axes or lengths than the array now and then.
        lengths = [1 if rng.random() < 0.2 else n for n in x.shape][int(rng.integers(x.ndim)) if rng.random() < 0.2 else 0 :]
        turned = rng.permutation(len(lengths))
        step = int(rng.choice([1, 1, 2, -1]))
        there = rng.random([lengths[axis] * abs(step) for axis in turned]) < rng.choice([0.1, 0.5, 0.9, 0.999])
        mask = there[(slice(None, None, step),) * len(lengths)].transpose(np.argsort(turned))
        moves = np.broadcast_to(mask, x.shape).strides
        moves = [0 if n == 1 else s for n, s in zip(x.shape, moves, strict=True)]
    wide = given is None and bool(rng.random() < 0.2)
    buffered = swapped or wide
    order, pieces = plan(x.shape, strides, reduced, out, moves, buffered)
    dtype = np.float64 if wide else np.float32
    ours = carried_out(np.asarray(x, dtype), np.broadcast_to(mask, x.shape), reduced, order, pieces)
    theirs = np.sum(x, axis=axes, dtype=dtype, out=given, where=True if moves is None else mask)
    assert np.array_equal(ours, theirs), (x.shape, strides, reduced, out, moves, buffered)
    numbers = lambda of: ",".join(str(int(one)) for one in of)  # noqa: E731
    fields = [x.shape, strides, reduced, out, moves, [buffered], order[::-1], pieces]
    return "|".join("-" if field is None else numbers(field) for field in fields)


def main():
    rng = np.random.default_rng(19)
    text = "".join(f"{case(rng)}\n" for _ in range(CASES))
    if "--check" in sys.argv:
        sys.exit(0 if FILE.read_text() == text else f"{FILE} differs")
    FILE.write_text(text)


if __name__ == "__main__":
    main()
