"""A script of a NumPy user, and the same with raptors: standardize a table, clip it, and look at rows and columns.

    python examples/table.py [--rows 20000] [--columns 200] [--threads 2]

It checks that both give the same bits, and tells how long each takes, in turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import raptors as rp

Results = tuple[Any, ...]


def with_numpy(x: Any) -> Results:
    z = (x - np.mean(x, axis=0)) / np.std(x, axis=0)
    z = np.clip(z, -3.0, 3.0)
    return z, np.sum(z, axis=1), np.argmax(z, axis=1), np.nanmean(x, axis=0)


def with_raptors(x: Any) -> Results:
    mean, std = rp.mean_std(x, axis=0)
    z = rp.sub_row(x, mean)
    rp.div_row(z, std, out=z)
    rp.clip(z, -3.0, 3.0, out=z)
    return z, rp.sum(z, axis=1), rp.argmax(z, axis=1), rp.nanmean(x, axis=0)


def seconds(script: Callable[[Any], Results], x: Any) -> float:
    start = time.perf_counter()
    script(x)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--columns", type=int, default=200)
    parser.add_argument("--threads", type=int, default=rp.num_threads())
    given = parser.parse_args()
    rp.set_num_threads(given.threads)
    x = np.random.default_rng(7).standard_normal((given.rows, given.columns), dtype=np.float32)
    for ours, theirs in zip(with_raptors(x), with_numpy(x), strict=True):
        assert ours.dtype == theirs.dtype and (ours == theirs).all(), "the results differ"
    times = [(seconds(with_numpy, x), seconds(with_raptors, x)) for _ in range(15)]
    numpy, raptors = (sorted(side)[len(times) // 2] for side in zip(*times, strict=True))
    print(f"{given.rows}x{given.columns} float32, raptors on {given.threads} threads, the same bits")
    print(f"NumPy   {1e3 * numpy:7.2f} ms\nraptors {1e3 * raptors:7.2f} ms, {numpy / raptors:.1f} times as fast")


if __name__ == "__main__":
    main()
