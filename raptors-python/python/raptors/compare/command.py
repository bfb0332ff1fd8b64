"""The command line of the comparison."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import raptors
from raptors._raptors import _report_html

from . import gate, machine, peers, run, selftest, table
from .cases import LAYOUTS, SUITES, Case, select
from .measure import Plan
from .run import Options

Json = dict[str, Any]

SIMD_MODES = {"auto": "auto", "force": "1", "disable": "0"}
"""What `RAPTORS_SIMD` is for each mode."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m raptors compare",
        description="Measure the functions of raptors beside those of NumPy, and of other packages.",
        epilog="Exit status: 0; 1 if a case lies below the gate; 2 if a result is wrong or the arguments are; "
        "3 if a case could not be judged, as NumPy beside NumPy was not even.",
        allow_abbrev=False,
    )
    what = parser.add_argument_group("what is compared")
    what.add_argument("--suite", type=_words(SUITES), default=["2d"], help=f"of {', '.join(SUITES)}; default: 2d")
    what.add_argument("--shape", type=_shapes, help="shapes in place of the suite's: 1000x8,512x512; 16 is a vector")
    what.add_argument("--dtype", type=_words(["f32", "f64"]), help="f32, f64; default: both")
    what.add_argument("--ops", type=_words(), help="operations in place of the suite's: sum,mean_axis0")
    what.add_argument("--layout", type=_words(LAYOUTS), default=["contiguous"], help=", ".join(LAYOUTS))
    what.add_argument(
        "--alloc",
        choices=["new", "out", "both"],
        default="new",
        help="results are new arrays, or go to given ones (out=); sums of all elements are always new",
    )
    what.add_argument("--peers", type=_words(["numpy", *peers.NAMES]), default=["numpy"], help="beside NumPy, which always takes part: " + ", ".join(peers.NAMES))
    how = parser.add_argument_group("how")
    how.add_argument("--simd-mode", choices=list(SIMD_MODES), default="auto", help="the instruction sets of raptors")
    how.add_argument("--threads", type=_positive(int), help="of raptors, and of peers that can be told; default: as many as raptors uses by itself")
    how.add_argument("--warmup", type=int, default=Plan.warmup, help="blocks that are thrown away; default: %(default)s")
    how.add_argument("--repeats", type=_positive(int), default=Plan.repeats, help="blocks at most; default: %(default)s")
    how.add_argument("--seconds", type=_positive(float), default=Plan.seconds, help="for a case, at most; default: %(default)s")
    how.add_argument("--seed", type=int, help="of data and order; default: another one each time")
    then = parser.add_argument_group("what comes of it")
    then.add_argument("--output-json", type=Path, metavar="FILE", help="everything that was found")
    then.add_argument("--report", type=Path, metavar="FILE", help="the same as a page of HTML")
    then.add_argument("--gate", type=_positive(float), metavar="RATIO", help="fail if a case lies below")
    then.add_argument("--self-test", action="store_true", help="slow one case down by 10 %% and see that the gate finds it")
    return parser


def main(arguments: list[str]) -> int:
    parsed = parser().parse_args(arguments)
    child = _child(parsed.simd_mode, arguments)
    if child is not None:
        return child
    if parsed.threads is not None:
        raptors.set_num_threads(parsed.threads)
    threads = raptors.num_threads()
    try:
        cases = select(
            parsed.suite,
            shapes=parsed.shape,
            dtypes=parsed.dtype,
            names=parsed.ops,
            layouts=parsed.layout,
            alloc=parsed.alloc,
        )
    except ValueError as error:
        parser().error(str(error))
    if not cases:
        parser().error("no case is left: a shape does not fit the operation, or it has no such dtype")
    plan = Plan(parsed.warmup, parsed.repeats, parsed.seconds)
    seed = random.randrange(2**32) if parsed.seed is None else parsed.seed
    if parsed.self_test:
        return selftest.run(cases, Options(parsed.suite, threads, parsed.simd_mode, plan, parsed.gate, seed), Progress())
    found, skipped = peers.load([name for name in parsed.peers if name != "numpy"], threads)
    options = Options(parsed.suite, threads, parsed.simd_mode, plan, parsed.gate, seed, found, skipped)
    print(table.head(machine.describe(found), run.settings(options)))
    document = run.compare(cases, options, Progress(table.HEAD))
    print(table.summary(document), end="", flush=True)
    if parsed.output_json:
        parsed.output_json.write_text(json.dumps(document, indent=1) + "\n")
    if parsed.report:
        parsed.report.write_text(_report_html(json.dumps(document)))
    verdicts = [case["verdict"] for case in document["cases"]]
    return gate.exit_status(verdicts, gated=parsed.gate is not None)


def _child(mode: str, arguments: list[str]) -> int | None:
    """Runs the command with the mode's instruction sets: they are chosen once, before this is reached."""
    wanted = SIMD_MODES[mode]
    if mode == "auto" or os.environ.get("RAPTORS_SIMD") == wanted:
        return None
    environment = {**os.environ, "RAPTORS_SIMD": wanted}
    return subprocess.run([sys.executable, "-P", "-m", "raptors", "compare", *arguments], env=environment, check=False).returncode


class Progress:
    """Lines of results as they come, and on a terminal a line about what is going on."""

    def __init__(self, head: str = "") -> None:
        self.head = head
        self.start = time.monotonic()
        self.again = False

    def __call__(self, index: int, count: int, case: Case, result: Json | None) -> None:
        if result is None:
            if sys.stderr.isatty():
                seconds = time.monotonic() - self.start
                sys.stderr.write(f"\r\x1b[K[{index + 1}/{count}, {seconds:.0f} s] {case}")
                sys.stderr.flush()
            return
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        if result["attempts"] > 1 and not self.again:
            self.again = True
            print("Measured again, as there are doubts:")
        print(f"{self.head}{table.case_lines(result)}", end="", flush=True)
        self.head = ""


def _words(known: Any = None) -> Any:
    def words(text: str) -> list[str]:
        found = [word.strip() for word in text.split(",") if word.strip()]
        for word in found:
            if known is not None and word not in known:
                raise argparse.ArgumentTypeError(f"'{word}' is none of {', '.join(known)}")
        return found

    return words


def _shapes(text: str) -> list[tuple[int, ...]]:
    shapes = []
    for word in text.split(","):
        try:
            shape = tuple(int(part) for part in word.lower().split("x"))
        except ValueError:
            shape = ()
        if len(shape) not in (1, 2) or min(shape) < 1:
            raise argparse.ArgumentTypeError(f"'{word}' is no shape such as 512x512 or 16")
        shapes.append(shape)
    return shapes


def _positive(kind: Any) -> Any:
    def number(text: str) -> Any:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not positive")
        return value

    return number
