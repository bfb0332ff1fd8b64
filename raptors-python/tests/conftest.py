"""What tests share."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from typing import Any

import pytest
from raptors.compare import measure, run
from raptors.compare.cases import Prepared

# Where tests are started with interrupts ignored, as by `nohup`, they and the processes that they start are interrupted all
# the same.
signal.signal(signal.SIGINT, signal.default_int_handler)

Times = Callable[[str, dict[str, Any], int], float]
"""The time of a call, by its statement, its names, and the how-manieth sampler of the case has that statement."""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[[Times], None]:
    """Replaces the times of all calls."""

    def install(times: Times) -> None:
        chance = random.Random(7)
        made: dict[int, int] = {}

        def sampler_of(call: str, names: dict[str, Any]) -> measure.Sample:
            key = hash((call, id(names)))
            number = made[key] = made.get(key, 0) + 1
            seconds = times(call, names, number)
            return lambda calls: calls * seconds * chance.lognormvariate(0.0, 0.01)

        monkeypatch.setattr(Prepared, "sampler_of", staticmethod(sampler_of))
        monkeypatch.setattr(measure, "REST", 0.0)
        # How fast memory is would be measured too, for each size.
        monkeypatch.setattr(run, "limit_us", lambda read, written, threads: 1e-3 * (read + written) / threads)

    return install
