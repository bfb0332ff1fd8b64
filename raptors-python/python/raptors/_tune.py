"""The tournament that finds which kernels are fastest on this machine, and what is seen of it meanwhile."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TextIO

from ._raptors import _tune


class TunedRow(NamedTuple):
    """What has changed in a row of a dispatch table: its kernel, or how its calls are cut over threads."""

    table: str
    """What is computed, dtype and instruction set: ``mul_m_s.f32.avx2``."""
    row: str
    """The shape, ``512x512``, or where the bytes of a call stay and the form of the matrix: ``l2 square``."""
    before: str
    after: str
    margin: float | None
    """By how much faster it is now: 0.031 is 3.1 %. None where that was not measured."""


class Tuned(NamedTuple):
    """What ``tune`` has found."""

    path: Path | None
    """The profile that was written; None if nothing changed, or if nothing was to be written."""
    changed: list[TunedRow]
    """The rows that have changed."""
    seconds: float
    """What it took."""


class TuneProgress(NamedTuple):
    """How far ``tune`` is."""

    row: str
    """What is measured: ``scale f32 l2 square``."""
    at: int
    """The number of that row, from 1; rows that have another turn, to be confirmed, are counted anew."""
    of: int
    """How many rows have that turn."""
    candidates: int | None
    """The candidates that are still in; None while that is not known, and when the row is decided."""
    left: float | None
    """The seconds that the rows after this one take, about; None before one is decided."""
    outcome: str | None
    """How the row ended; None while it is measured."""


def tune(
    *what: str,
    budget: float = 120.0,
    full: bool = False,
    threads: int | None = None,
    dry_run: bool = False,
    progress: bool | Callable[[TuneProgress], object] = True,
) -> Tuned:
    """Find which kernels are fastest on this machine, and write that into your own profile.

    A profile is read once in a process, so it is the next one whose calls follow what was found. The bits of results
    never change. Nothing else should keep the machine busy meanwhile; and calls of other threads of this process use
    one thread until it is done.

    Parameters
    ----------
    *what : str
        Operations and element types to tune, such as ``"scale", "f32"``; all of them if there are none.
    budget : float
        The seconds that it may take. With fewer, fewer winners are sure enough to be believed; rows whose turn does not
        come stay as they are.
    full : bool
        Judge each size of matrices by three shapes instead of one.
    threads : int, optional
        The number of threads to tune for; by default as many as calls use.
    dry_run : bool
        Write no profile.
    progress : bool or callable
        Whether to show on stderr how far it is: as a bar on a terminal, else as a line for each row. A callable is
        given a ``TuneProgress`` instead, a few times a second; what it raises ends the tuning.

    Returns
    -------
    Tuned
        The profile's path, the rows that have changed, and the seconds it took.

    Raises
    ------
    ValueError
        If a word is no operation and no element type; if a number cannot be; if the profile that is there cannot be
        read, or an environment variable.
    OSError
        If the profile cannot be opened or written.
    RuntimeError
        If it is under way in this process already.
    KeyboardInterrupt
        At Ctrl-C, when the row that is being measured is done. Nothing is written.

    Warns
    -----
    RuntimeWarning
        If a kernel has not the bits that it should; if a row could not be judged since others keep the cores busy, or
        since the time was over; if a profile of a machine with other caches is replaced.
    """
    shown: _Shown | None = None
    tell: Callable[[TuneProgress], object] | None = None
    if callable(progress):
        tell = progress
    elif progress and sys.stderr is not None:
        tell = shown = _Shown(sys.stderr)

    def observe(
        row: str, at: int, of: int, candidates: int | None, left: float | None, outcome: str | None
    ) -> None:
        if tell is not None:
            tell(TuneProgress(row, at, of, candidates, left, outcome))

    try:
        path, changed, seconds, notes = _tune(what, budget, full, threads, dry_run, observe)
    finally:
        if shown is not None:
            shown.clear()
    for note in notes:
        warnings.warn(note, RuntimeWarning, stacklevel=2)
    return Tuned(path, [TunedRow(*row) for row in changed], seconds)


class _Shown:
    """Progress as a bar on a terminal, else as a line for each row that is decided."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.is_terminal = stream.isatty()

    def __call__(self, step: TuneProgress) -> None:
        left = "" if step.left is None else f", {minutes(step.left)} left"
        if not self.is_terminal:
            if step.outcome is not None:
                self.write(f"{step.at:>3}/{step.of} {step.row}: {step.outcome}{left}\n")
            return
        said = "" if step.candidates is None else f": {step.candidates} in"
        done = 20 * (step.at - (step.outcome is None)) // step.of
        self.over(f"[{'#' * done}{'-' * (20 - done)}] {step.at:>3}/{step.of} {step.row}{said}{left}")

    def clear(self) -> None:
        """Takes the bar away."""
        if self.is_terminal:
            self.over("")

    def over(self, line: str) -> None:
        try:
            columns = os.get_terminal_size(self.stream.fileno()).columns
        except (OSError, ValueError):
            columns = 0
        # Some terminals do not know. One column stays free: in the last one some begin a new line.
        width = (columns or 80) - 1
        self.write(f"\r{line[:width]:<{width}}\r{line[:width]}")

    def write(self, text: str) -> None:
        # A reader that has gone is no reason to end.
        with suppress(OSError):
            self.stream.write(text)
            self.stream.flush()


def minutes(seconds: float) -> str:
    """Minutes and seconds: ``3:07``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
