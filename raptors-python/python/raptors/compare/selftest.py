"""Whether the gate finds what it is there for.

Raptors is measured beside itself, so that every case is even, but for one whose calls are followed by a wait of a tenth
of their time. The gate, halfway between, has to fail that case, and no other.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

from . import gate, table
from .cases import Case
from .run import Options, Plant, Report, compare

SLOWDOWN = 0.10

GATE = 0.95
"""Between the planted case, which has a ratio of 1 / 1.1, and the others."""


def run(cases: list[Case], options: Options, report: Report, say: Callable[[str], Any] = print) -> int:
    """The exit status: passed only if the gate fails the planted case and nothing but it."""
    planted = random.Random(options.seed).choice(cases)
    say(f"Self-test: raptors beside itself, {SLOWDOWN:.0%} of its time added to {planted}; gate at {GATE}")
    document = compare(cases, dataclasses.replace(options, gate=GATE), report, Plant(planted, SLOWDOWN))
    say(table.gate(document))
    status, text = judge(cases, planted, [case["verdict"] for case in document["cases"]])
    say(text)
    return status


def judge(cases: list[Case], planted: Case, verdicts: list[str]) -> tuple[int, str]:
    if gate.DIFFERENT in verdicts:
        return gate.WRONG, "Self-test: results are wrong"
    if gate.UNJUDGED in verdicts:
        return gate.UNKNOWN, "Self-test: the machine is too restless to tell"
    failed = [case for case, verdict in zip(cases, verdicts, strict=True) if verdict == gate.SLOWER]
    if failed == [planted]:
        return gate.PASSED, "Self-test passed: the gate fails there, and only there"
    where = ", ".join(map(str, failed)) or "nowhere"
    return gate.FAILED, f"Self-test FAILED: the gate had to fail at {planted}, and failed: {where}"
