"""The same operations in other packages, each told to use as many threads as raptors where that can be told.

A peer takes part in a case if it has a counterpart of the operation. It reads the same arrays, and makes its own result;
into given arrays only NumPy and raptors write. Its results must be near NumPy's; equal bits are noted, not asked for.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cases import DTYPES, SCALAR, Case, Prepared

NAMES = ("numexpr", "bottleneck", "jax")
"""All peers but NumPy, which always takes part."""

MAPS = {"scale": "x * factor", "add": "x + y", "broadcast_add": "x + row"}
"""Element by element, as an expression over the inputs."""


@dataclass(frozen=True)
class Peer:
    """A package that is there."""

    name: str
    version: str
    threads: int
    note: str
    """How it comes to these threads."""
    call: Callable[[Prepared], tuple[str, dict[str, Any]] | None]
    """The statement for a case, and the names it needs; nothing if there is no counterpart."""


def load(names: list[str], threads: int) -> tuple[list[Peer], dict[str, str]]:
    """The peers among these that are installed, and why the others are not there."""
    found, skipped = [], {}
    for name in names:
        try:
            found.append(MAKERS[name](threads))
        except ImportError as error:
            skipped[name] = str(error)
    return found, skipped


def numpy_threads() -> tuple[int, str]:
    return 1, "NumPy computes these on the calling thread"


def _numexpr(threads: int) -> Peer:
    numexpr = importlib.import_module("numexpr")
    numexpr.set_num_threads(threads)

    def call(prepared: Prepared) -> tuple[str, dict[str, Any]] | None:
        case = prepared.case
        names = {name: prepared.names[name] for name, _ in case.op.inputs}
        if case.op.name in MAPS:
            if "factor" in names:
                # A float of Python's would make doubles of singles.
                names["factor"] = DTYPES[case.dtype](SCALAR)
            text = MAPS[case.op.name]
        elif case.op.function in ("sum", "mean"):
            text = "sum(x)" if case.op.axis is None else f"sum(x, axis={case.op.axis})"
        else:
            return None
        count = np.size(names["x"]) if case.op.axis is None else names["x"].shape[case.op.axis]
        divide = f" / {count}" if case.op.function == "mean" else ""
        return f"evaluate({text!r}, local_dict=names){divide}", {"evaluate": numexpr.evaluate, "names": names}

    note = "numexpr.set_num_threads; its reductions use one thread whatever that says"
    return Peer("numexpr", numexpr.__version__, threads, note, call)


def _bottleneck(_threads: int) -> Peer:
    bottleneck = importlib.import_module("bottleneck")

    def call(prepared: Prepared) -> tuple[str, dict[str, Any]] | None:
        op = prepared.case.op
        if op.function not in ("sum", "mean", "min", "max"):
            return None
        axis = "" if op.axis is None else f", axis={op.axis}"
        return f"bn.nan{op.function}(x{axis})", {"bn": bottleneck, "x": prepared.names["x"]}

    return Peer("bottleneck", bottleneck.__version__, 1, "bottleneck has no threads", call)


def _jax(threads: int) -> Peer:
    # XLA makes its pool when the first array is made, with as many threads as the process may use cores at that time.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    cores = _cores()
    confined = sorted(cores)[:threads]
    _confine(set(confined))
    try:
        jax.numpy.zeros(1).block_until_ready()
    finally:
        _confine(cores)

    def call(prepared: Prepared) -> tuple[str, dict[str, Any]] | None:
        op = prepared.case.op
        if op.name in MAPS:
            body = MAPS[op.name]
        elif op.function in ("sum", "mean", "min", "max"):
            body = f"jnp.{op.function}(x)" if op.axis is None else f"jnp.{op.function}(x, axis={op.axis})"
        else:
            return None
        inputs = [name for name, _ in op.inputs]
        function = eval(f"lambda {', '.join(inputs)}: {body}", {"jnp": jax.numpy})
        names: dict[str, Any] = {name: prepared.names[name] for name in inputs}
        for name, value in names.items():
            names[name] = jax.numpy.asarray(DTYPES[prepared.case.dtype](value) if np.isscalar(value) else value)
        names["jitted"] = jax.jit(function)
        return f"jitted({', '.join(inputs)}).block_until_ready()", names

    note = f"compiled before it is timed; XLA's pool was made while the process was confined to {len(confined)} cores"
    return Peer("jax", jax.__version__, len(confined), note, call)


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _confine(cores: set[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


MAKERS: dict[str, Callable[[int], Peer]] = {"numexpr": _numexpr, "bottleneck": _bottleneck, "jax": _jax}


def is_near(ours: Any, theirs: Any, case: Case) -> bool:
    """Whether a peer's result is NumPy's, but for the order of additions."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    epsilon = float(np.finfo(DTYPES[case.dtype]).eps)
    # Sums of numbers around zero: errors are to be seen against the terms, of which there are so many.
    count = float(np.prod(case.shape)) if case.op.reduces else 1.0
    return ours.shape == theirs.shape and bool(
        np.allclose(ours, theirs, rtol=1e3 * epsilon, atol=8 * epsilon * max(1.0, count), equal_nan=True)
    )


def has_same_bits(ours: Any, theirs: Any) -> bool:
    """Whether it is NumPy's to the bit."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    return bool((ours.dtype, ours.shape, ours.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes()))
