"""Calls as programs make them, timed in a process of their own.

``python -m raptors.compare.calls CALLS.json`` is what ``cargo xtask regret --in-use`` runs. For each call of the file it
prints the seconds that it takes on the same arrays again and again, as in a loop, and on others each time, as in a
pipeline. Arrays are NumPy's, results are new ones.

A row of a profile is judged by a call that runs the row's kernel and no other. What is computed in stages runs kernels of
several rows, and is not asked for.
"""

from __future__ import annotations

import functools
import json
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import raptors

from .cases import DTYPES, Op, ops

SAMPLE = 0.000_5
"""Seconds that a sample takes, at least."""

SAMPLES = 7
"""Samples, of which the fastest counts."""

UNTIMED = 3
"""Calls before a sample, which wake threads and bring data as near as they will stay."""

Json = dict[str, Any]


def timed() -> dict[str, Op]:
    """The operations whose calls can be asked for."""
    return {name: op for name, op in ops().items() if not op.is_staged}


def seconds(call: Json, known: dict[str, Op]) -> Json:
    """Of one call."""
    if call["op"] not in known:
        raise ValueError(f"no calls of {call['op']} are timed: it runs kernels of several rows, or is not there")
    copies = [_prepared(call, known[call["op"]], seed) for seed in range(call["copies"])]
    held: list[Any] = [None] * len(copies)

    def all_copies() -> None:
        for at, copy in enumerate(copies):
            # The result of the turn before is kept until then.
            held[at] = copy()

    return {"again": _best(copies[0]), "fresh": _best(all_copies) / len(copies)}


def _prepared(call: Json, op: Op, seed: int) -> Callable[[], Any]:
    chance = np.random.default_rng(seed)
    dtype = DTYPES[call["dtype"]]
    rows, cols = call["rows"], call["cols"]
    shapes: dict[str, tuple[int, ...]] = {"matrix": (rows, cols), "row": (cols,), "column": (rows,)}

    def argument(form: str) -> Any:
        # What is overwritten again and again stays a usual number if all are ones.
        if form == "scalar":
            return 1.0 if call["inplace"] else 1.25
        return np.ones(shapes[form], dtype) if call["inplace"] else chance.random(shapes[form], dtype) + dtype(0.5)

    arguments = [argument(form) for _, form in op.inputs]
    options: Json = {}
    if op.reduces:
        options = {"axis": op.axis, "numerics": call["numerics"]}
    if call["inplace"]:
        options["out"] = next(array for array, (_, form) in zip(arguments, op.inputs, strict=True) if form == "matrix")
    return functools.partial(getattr(raptors, op.function), *arguments, **options)


def _best(call: Callable[[], Any]) -> float:
    """Seconds of the fastest sample."""
    sample = timeit.Timer(call).timeit
    calls = 1
    sample(1)
    while sample(calls) < SAMPLE:
        calls *= 2
    best = float("inf")
    for _ in range(SAMPLES):
        sample(UNTIMED)
        best = min(best, sample(calls))
    return best / calls


def main(arguments: list[str]) -> None:
    known = timed()
    calls = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    print(json.dumps([seconds(call, known) for call in calls]))


if __name__ == "__main__":
    main(sys.argv[1:])
