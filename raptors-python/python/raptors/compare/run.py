"""Measuring cases, and the document that comes of it."""

from __future__ import annotations

import functools
import random
import statistics
import time
import types
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

import raptors
from raptors._raptors import _limit

from . import gate, machine, peers
from .cases import Case, Prepared, prepare
from .measure import Plan, Sample, Samples, measure
from .statistics import spread

SCHEMA = "raptors-compare/1"
"""The version of the document; a field that changes its meaning, or goes, makes it another."""

Json = dict[str, Any]

OURS, THEIRS, CONTROL = "raptors", "numpy", "numpy again"


@dataclass(frozen=True)
class Part:
    """Which part of the cases is measured: the how-manieth of how many, and how many cases there are in all."""

    number: int
    count: int
    cases: int


@dataclass(frozen=True)
class Options:
    """What is asked of all cases."""

    suites: list[str]
    threads: int
    simd_mode: str = "auto"
    plan: Plan = field(default_factory=Plan)
    gate: float | None = None
    seed: int = 0
    peers: list[peers.Peer] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    part: Part | None = None
    left_out: list[str] = field(default_factory=list)
    within: float | None = None
    """Seconds for measuring all cases once: each has its share of what is left, unless its plan says less."""


@dataclass
class Plant:
    """A slowdown of one case, and raptors itself in the place of NumPy: what the self-test measures."""

    case: Case
    part: float


Report = Callable[[int, int, Case, Json | None], None]
"""Told of each case before it is measured, and after it with the result: the how-manieth of how many."""


def compare(
    cases: list[Case],
    options: Options,
    report: Report,
    plant: Plant | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Json:
    """Measures the cases, and those again that leave doubts."""
    chance = random.Random(options.seed)
    results: list[Json] = []
    start = clock()

    def share(index: int) -> Plan:
        if options.within is None:
            return options.plan
        left = max(0.0, options.within - (clock() - start)) / (len(cases) - index)
        return replace(options.plan, seconds=min(options.plan.seconds, left))

    def attempt(index: int, attempts: int) -> Json:
        report(index, len(cases), cases[index], None)
        # Doubts are not settled by haste.
        plan = share(index) if attempts == 1 else options.plan
        try:
            result = one(cases[index], replace(options, plan=plan), chance, plant)
        except MemoryError as error:
            raise MemoryError(f"{cases[index]}: {error}") from None
        result["attempts"] = attempts
        report(index, len(cases), cases[index], result)
        return result

    for index in range(len(cases)):
        results.append(attempt(index, 1))
    for attempts in range(2, gate.ATTEMPTS + 1):
        # Not at once: what disturbed the case may still be there.
        for index, result in enumerate(results):
            if gate.is_doubtful(result["verdict"]):
                results[index] = attempt(index, attempts)
    return document(results, options)


def one(case: Case, options: Options, chance: random.Random, plant: Plant | None = None) -> Json:
    """Compares the results of a case, then the times."""
    # What NumPy warns of, as roots of negative numbers, it would spend time on in each call.
    with np.errstate(all="ignore"):
        return _one(case, options, chance, plant)


def _one(case: Case, options: Options, chance: random.Random, plant: Plant | None) -> Json:
    prepared = prepare(case, chance.getrandbits(32))
    about = _about(case, prepared, options)
    difference = prepared.differences()
    if difference is not None:
        return {**about, "verdict": gate.DIFFERENT, "difference": difference, "peers": {}}
    theirs = prepared.sampler(prepared.numpy_call if plant is None else prepared.raptors_call)
    control = prepared.sampler(prepared.numpy_call if plant is None else prepared.raptors_call)
    ours = prepared.sampler(prepared.raptors_call)
    if plant is not None and plant.case == case:
        ours = slowed(prepared, plant.part)
    sides: dict[str, Sample] = {OURS: ours, THEIRS: theirs, CONTROL: control}
    calls, near = _peers(prepared, options.peers)
    sides.update({name: sampler for name, (_, sampler, _) in calls.items()})
    watched = [(THEIRS, OURS), (CONTROL, THEIRS), *((name, OURS) for name in calls)]
    samples = measure(sides, watched, options.plan, chance)
    result = {**about, **_found(samples, prepared, options, about["threads_used"])}
    result["peers"] = {
        name: {**_times(samples, name), **_against(samples, name), "threads": threads, "call": call, **near[name]}
        for name, (call, _, threads) in calls.items()
    }
    return result


def _about(case: Case, prepared: Prepared, options: Options) -> Json:
    op = case.op
    matrix = next(prepared.names[name] for name, form in op.inputs if form == "matrix")
    explained = raptors.explain(op.function, matrix, axis=op.axis)
    return {
        "op": op.name,
        "dtype": case.dtype,
        "shape": list(case.shape),
        "layout": case.layout,
        "threads": options.threads,
        "threads_used": explained.threads,
        "alloc": case.alloc,
        "kernel": explained.kernel,
        "calls": {"raptors": prepared.raptors_call, "numpy": prepared.numpy_call},
    }


def _found(samples: Samples, prepared: Prepared, options: Options, threads_used: int) -> Json:
    ratio, control = samples.ratio(THEIRS, OURS), samples.ratio(CONTROL, THEIRS)
    ours, theirs = _times(samples, OURS), _times(samples, THEIRS)
    touched = prepared.bytes_read + prepared.bytes_written
    limit = limit_us(prepared.bytes_read, prepared.bytes_written, threads_used)
    precision = options.plan.precision
    return {
        "numpy_us": theirs["us"],
        "numpy_best_us": theirs["best_us"],
        "numpy_spread": theirs["spread"],
        "raptors_us": ours["us"],
        "raptors_best_us": ours["best_us"],
        "raptors_spread": ours["spread"],
        "speedup": ratio.median,
        "ci_low": ratio.low,
        "ci_high": ratio.high,
        "settled": ratio.is_within(precision) and control.is_within(precision),
        "delta_us": 1e6 * statistics.median(_differences(samples)),
        "control": {"ratio": control.median, "ci_low": control.low, "ci_high": control.high},
        "blocks": samples.blocks,
        "calls_per_sample": {side: calls for side, calls in samples.calls.items() if side != CONTROL},
        "bytes": touched,
        "gb_per_s": touched / ours["us"] / 1e3,
        "limit_us": limit,
        "limit_share": limit / ours["us"],
        "verdict": gate.verdict(ratio, control, 1.0 if options.gate is None else options.gate),
    }


def _differences(samples: Samples) -> list[float]:
    return [ours - theirs for ours, theirs in zip(samples.seconds[OURS], samples.seconds[THEIRS], strict=True)]


def _times(samples: Samples, side: str) -> Json:
    seconds = samples.seconds[side]
    return {"us": 1e6 * statistics.median(seconds), "best_us": 1e6 * min(seconds), "spread": spread(seconds)}


def _against(samples: Samples, peer: str) -> Json:
    ratio = samples.ratio(peer, OURS)
    return {"ratio": ratio.median, "ci_low": ratio.low, "ci_high": ratio.high}


def _peers(prepared: Prepared, all_peers: list[peers.Peer]) -> tuple[dict[str, tuple[str, Sample, int]], Json]:
    """The calls of the peers that take part, and whether their results are right."""
    calls, results = {}, {}
    for peer in all_peers:
        found = peer.call(prepared)
        if found is None:
            continue
        call, names = found
        theirs = eval(call, dict(names))
        expected = prepared.evaluate(prepared.numpy_call)
        near = peers.is_near(theirs, expected, prepared.case)
        results[peer.name] = {"right": near, "same_bits": peers.has_same_bits(theirs, expected)}
        calls[peer.name] = (call, Prepared.sampler_of(call, names), peer.threads)
    return calls, results


@functools.lru_cache
def limit_us(read: int, written: int, threads: int) -> float:
    """What a loop takes that only reads so many bytes, or reads and writes them, on so many threads."""
    return 1e6 * _limit(read, written, threads)


def slowed(prepared: Prepared, part: float) -> Sample:
    """The case's own call, followed by a wait that takes that part of its time."""
    function = getattr(raptors, prepared.case.op.function)
    plain = prepared.sampler(prepared.raptors_call)
    plain(1)
    calls = max(3, round(0.001 / plain(1)))
    wait = part * statistics.median(plain(calls) / calls for _ in range(9))
    now = time.perf_counter

    def slow(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        end = now() + wait
        while now() < end:
            pass
        return result

    names = {**prepared.names, "rp": types.SimpleNamespace(**{prepared.case.op.function: slow})}
    return Prepared.sampler_of(prepared.raptors_call, names)


def settings(options: Options) -> Json:
    """What was asked, as the document has it."""
    threads = {
        "raptors": {"threads": options.threads, "note": "at most, as raptors.set_num_threads sets it"},
        "numpy": dict(zip(("threads", "note"), peers.numpy_threads(), strict=True)),
        **{peer.name: {"threads": peer.threads, "note": peer.note} for peer in options.peers},
    }
    plan = options.plan
    return {
        "suites": options.suites,
        "part": None if options.part is None else asdict(options.part),
        "left_out": options.left_out,
        "threads": threads,
        "skipped": options.skipped,
        "simd_mode": options.simd_mode,
        "warmup": plan.warmup,
        "repeats": plan.repeats,
        "seconds": plan.seconds,
        "within": options.within,
        "precision": plan.precision,
        "gate": options.gate,
        "seed": options.seed,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def document(results: list[Json], options: Options) -> Json:
    return {
        "schema": SCHEMA,
        "machine": machine.describe(options.peers),
        "settings": settings(options),
        "cases": results,
    }
