"""From intervals to verdicts, and from verdicts to an exit status.

A case fails if the interval of its ratio lies wholly below the gate. How far the case's A/A control (NumPy beside
NumPy, in the same blocks) strays from 1 is how far the machine alone can shift a ratio: if that is more than
`TOLERANCE`, the interval is shifted by as much both ways, and if that changes whether it lies below the gate, then
nothing can be said about the case.
"""

from __future__ import annotations

from collections.abc import Sequence

from .statistics import Estimate

TOLERANCE = 0.03
"""How far a control may stray from 1."""

ATTEMPTS = 3
"""How often a case is measured, on fresh arrays, before a verdict that is not good counts."""

FASTER, EVEN, SLOWER, UNJUDGED, DIFFERENT = "faster", "even", "slower", "unjudged", "different"
VERDICTS = (FASTER, EVEN, SLOWER, UNJUDGED, DIFFERENT)

PASSED, FAILED, WRONG, UNKNOWN = 0, 1, 2, 3
"""Exit statuses: no case below the gate, some case below it, some result that is wrong, some case without a verdict
or nobody to read it. What ends otherwise, by an error, has the status of a wrong result."""


def verdict(ratio: Estimate, control: Estimate, gate: float) -> str:
    """Whether the ratio lies above the gate, around it or below it, as far as the control lets that be said."""
    off = abs(control.median - 1.0)
    if off > TOLERANCE and (ratio.high / (1.0 + off) < gate) != (ratio.high * (1.0 + off) < gate):
        return UNJUDGED
    if ratio.high < gate:
        return SLOWER
    return FASTER if ratio.low > gate else EVEN


def is_doubtful(verdict: str) -> bool:
    """Whether a case with that verdict is measured once more."""
    return verdict in (SLOWER, UNJUDGED)


def exit_status(verdicts: Sequence[str], *, gated: bool) -> int:
    """What the command ends with. Wrong results are wrong without a gate, too."""
    if DIFFERENT in verdicts:
        return WRONG
    if gated and SLOWER in verdicts:
        return FAILED
    if gated and UNJUDGED in verdicts:
        return UNKNOWN
    return PASSED
