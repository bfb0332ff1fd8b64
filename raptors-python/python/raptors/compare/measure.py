"""Timing several ways to do the same, side by side.

In each block every side is sampled once, in random order, so that what changes with time (frequency, temperature, what
others do on the machine) meets all of them alike, and no side always follows the same other. A sample is made the same
way for all:

1. a rest, in which threads of the side before, which may linger in wait for work, fall asleep;
2. some calls that are not timed: they wake the side's own threads and bring the data as near as it will stay;
3. a batch of calls that are timed together, long enough for the clock: the same number for all sides, but for a side
   that is so much slower than the fastest that fewer calls take it several times as long.

So what is measured is a call among calls; one after a pause pays for waking threads, if the side has any, on top.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .statistics import Estimate, ratio

REST = 0.000_4
"""Seconds between samples: twice as long as threads of raptors wait for work before they sleep."""

UNTIMED = 3
"""Calls before those that are timed. Where results go to memory of a side's own, and are so large that only the last
cache takes them, one call does not bring them there: caches keep what has been met again. With a single one NumPy, which
as its own control has twice as many turns, was 5 to 10 % ahead of a side that computes in the same time."""

BATCH = 0.000_5
"""Seconds that the calls of a sample take at least, on the fastest side."""

LONGEST = 4
"""Times that long a sample may take a slower side before it makes fewer calls."""

FEWEST_CALLS = 2
"""Calls of a sample, however long one takes."""

FIRST_LOOK = 15
"""Blocks after which the interval is looked at for the first time; then after each 1.4 times as many. Looking after
each block would stop at the moments at which the interval is narrow by chance."""

Sample = Callable[[int], float]
"""Does so many calls, and returns the seconds that they took in all."""


@dataclass(frozen=True)
class Plan:
    """When to stop."""

    warmup: int = 2
    """Blocks that are thrown away."""
    repeats: int = 400
    """Blocks at most."""
    seconds: float = 5.0
    """Seconds at most, once there are as many blocks as an interval needs."""
    precision: float = 0.03
    """The interval of each watched ratio is to reach no further than this part of it to either side."""


@dataclass
class Samples:
    """Seconds of one call, for each side a sample from each block."""

    calls: dict[str, int]
    """Of a sample, for each side."""
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def blocks(self) -> int:
        return len(next(iter(self.seconds.values())))

    def ratio(self, numerator: str, denominator: str) -> Estimate:
        return ratio(self.seconds[numerator], self.seconds[denominator])


def measure(
    sides: Mapping[str, Sample],
    watched: list[tuple[str, str]],
    plan: Plan,
    chance: random.Random,
    *,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Samples:
    """Samples of all sides, until the interval of each watched ratio of two of them is narrow enough."""
    calls = _calls(sides)
    samples = Samples(calls, {name: [] for name in sides})
    start = clock()
    look = FIRST_LOOK
    order = list(sides)
    for block in range(plan.warmup + plan.repeats):
        chance.shuffle(order)
        for name in order:
            sleep(REST)
            sides[name](UNTIMED)
            seconds = sides[name](calls[name]) / calls[name]
            if block >= plan.warmup:
                samples.seconds[name].append(seconds)
        if block + 1 < plan.warmup + FIRST_LOOK:
            continue
        if block + 1 - plan.warmup >= look:
            look = math.ceil(look * 1.4)
            if all(samples.ratio(*pair).is_within(plan.precision) for pair in watched):
                break
        if clock() - start > plan.seconds:
            break
    return samples


def _calls(sides: Mapping[str, Sample]) -> dict[str, int]:
    """How many calls a sample has: as many as take the fastest side long enough."""
    once = {name: _once(sample) for name, sample in sides.items()}
    most = math.ceil(BATCH / min(once.values()))
    return {name: max(FEWEST_CALLS, min(most, math.ceil(LONGEST * BATCH / time))) for name, time in once.items()}


def _once(sample: Sample) -> float:
    """Seconds of a call, roughly."""
    sample(1)
    calls, seconds = 1, sample(1)
    # A single short call says more about the clock than about the call.
    while seconds < BATCH / 4:
        calls *= 4
        seconds = sample(calls)
    return statistics.median([seconds, sample(calls), sample(calls)]) / calls
