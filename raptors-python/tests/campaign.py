"""Calls at random of all functions that NumPy has, compared with it bit for bit. Run by hand, for as long as one likes:

    python campaign.py --cases 100000 --seed 1
    python campaign.py --layouts --cases 1000000

The second calls them on arrays of up to six dimensions that lie in every way: turned, stepped, cropped, reversed, broadcast.

Each case is drawn by its own number and the seed, so that ``--first N --cases 1`` makes one of them again.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import raptors

import views
from layouts import COMPARED, MAPS, MATRICES, Array, numpy, refused, same

NAMES = sorted(COMPARED)
LARGEST = {"small": 64, "usual": 4000, "large": 300_000}
INF, NAN = np.inf, np.nan
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -1.5, INF, -INF, NAN, 1e-40, -1e-310, 1e38, -1e38, 1e300]


def _dense(rng: np.random.Generator, shape: Any) -> Array:
    return rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 7, shape)


def _few_special(rng: np.random.Generator, shape: Any) -> Array:
    x = rng.standard_normal(shape)
    there = rng.random(shape) < rng.choice([0.002, 0.05, 0.5])
    return np.where(there, rng.choice(rng.choice(SPECIAL, 3), shape), x)


def _nans(rng: np.random.Generator, shape: Any) -> Array:
    return np.where(rng.random(shape) < rng.choice([0.01, 0.3, 0.9, 1.0]), NAN, rng.standard_normal(shape))


KINDS: dict[str, Callable[[np.random.Generator, Any], Array]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "of many magnitudes": _dense,
    "all magnitudes": lambda rng, shape: rng.standard_normal(shape) * 10.0 ** rng.integers(-310, 300, shape),
    "beside 1": lambda rng, shape: 1.0 + 1e-7 * rng.standard_normal(shape),
    "few whole numbers": lambda rng, shape: rng.integers(-2, 3, shape).astype(float),
    "halves": lambda rng, shape: rng.integers(-9, 10, shape) / 2.0,
    "zeros": lambda rng, shape: rng.choice([0.0, -0.0], shape),
    "one value": lambda rng, shape: np.full(shape, rng.choice([rng.standard_normal(), rng.choice(SPECIAL)])),
    "almost nothing but zeros": lambda rng, shape: np.where(rng.random(shape) < 0.01, rng.standard_normal(shape), -0.0),
    "special": lambda rng, shape: rng.choice(SPECIAL, shape),
    "some special": _few_special,
    "NaN": _nans,
}


@dataclass
class Case:
    """A call, and what it is in words."""

    name: str
    given: dict[str, Any]
    axis: int | None
    keepdims: bool
    threads: int
    words: str

    def ours(self) -> Any:
        function, about = getattr(raptors, self.name), COMPARED[self.name]
        defaults = dict(about["defaults"])
        values = [value for input, value in self.given.items() if input not in defaults]
        options = {input: value for input, value in self.given.items() if input in defaults}
        if self.name in MATRICES:
            options |= {"axis": self.axis}
        elif self.name not in MAPS:
            options |= {"axis": self.axis, "keepdims": self.keepdims}
        return function(*values, **options)

    def difference(self) -> str | None:
        with raptors.threads(self.threads):
            try:
                theirs = numpy(self.name, self.given, self.axis, self.keepdims)
            except ValueError as error:
                return refused(str(error), self.ours)
            try:
                same(self.ours(), theirs, self.name)
            except (AssertionError, ValueError) as error:
                return str(error) or repr(error)
        return None


def shape_of(rng: np.random.Generator) -> tuple[int, ...]:
    size = rng.choice(list(LARGEST), p=[0.4, 0.595, 0.005])
    # As many of each order of magnitude; none now and then.
    count = int(np.exp(rng.uniform(0.0, np.log(LARGEST[size]))))
    if rng.random() < 0.03:
        return tuple(int(n) for n in rng.choice([0, 0, 1, 3], rng.integers(1, 3)))
    if rng.random() < 0.3:
        return (count,)
    rows = int(np.exp(rng.uniform(0.0, np.log(count + 1.0))))
    shape = (rows, max(1, count // rows))
    return shape if rng.random() < 0.5 else shape[::-1]


def number(rng: np.random.Generator) -> float:
    return float(rng.choice(SPECIAL) if rng.random() < 0.4 else rng.standard_normal())


def draw(seed: int, at: int) -> Case:
    rng = np.random.default_rng([seed, at])
    name = NAMES[rng.integers(len(NAMES))]
    about = COMPARED[name]
    dtype = np.dtype(rng.choice(about["dtypes"]))
    shape = shape_of(rng)
    rows, cols = (1, *shape)[-2:]
    shapes: dict[str, tuple[int, ...]] = {"matrix": shape, "row": (cols,), "column": (rows,)}
    kinds = []
    given: dict[str, Any] = {}
    defaults = dict(about["defaults"])
    for input, form in about["inputs"]:
        if input in defaults:
            if rng.random() < 0.6:
                given[input] = float(rng.choice([0, 1, 2, -1, 0.5, rows, cols, rows * cols, 1e6, 3.7, -0.25]))
        elif form == "scalar":
            given[input] = number(rng)
        else:
            kinds.append(str(rng.choice(list(KINDS))))
            given[input] = np.ascontiguousarray(KINDS[kinds[-1]](rng, shapes[form]).astype(dtype))
    axis, keepdims = None, bool(rng.integers(2))
    if name not in MAPS:
        axis = [None, *range(-len(shape), len(shape))][rng.integers(2 * len(shape) + 1)]
    if "all" not in about["axes"] and name in MATRICES:
        # Of rows alone.
        axis = -1
    numbers = ", ".join(f"{input}={value!r}" for input, value in given.items() if isinstance(value, float))
    words = f"{name} {dtype} {shape} ({'; '.join(kinds)}) {numbers} axis={axis} keepdims={keepdims}"
    return Case(name, given, axis, keepdims, int(rng.integers(1, 4)), words)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000, help="how many; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case; default: %(default)s")
    parser.add_argument("--layouts", action="store_true", help="arrays of any number of dimensions, in whichever way they lie")
    parser.add_argument("--seconds", type=float, default=np.inf, help="end after so many, if there are cases left")
    parser.add_argument("--shown", type=int, default=50, help="differences that are printed; default: %(default)s")
    parsed = parser.parse_args(arguments)
    start = time.monotonic()
    made, different = 0, collections.Counter[str]()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for at in range(parsed.first, parsed.first + parsed.cases):
            if time.monotonic() - start > parsed.seconds:
                break
            case = views.draw(parsed.seed, at) if parsed.layouts else draw(parsed.seed, at)
            said = case.difference()
            made += 1
            if said is not None:
                different[case.name] += 1
                if different.total() <= parsed.shown:
                    kind = "--layouts " if parsed.layouts else ""
                    print(f"{kind}--seed {parsed.seed} --first {at} --cases 1: {case.words}\n    {said}", flush=True)
    seconds = time.monotonic() - start
    names = views.NAMES if parsed.layouts else NAMES
    print(f"{made} cases of {len(names)} functions, seed {parsed.seed}, {seconds:.0f} s: {different.total()} differ")
    for name, count in different.most_common():
        print(f"    {name}: {count}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
