"""The command line of the comparison."""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import random
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import raptors
from raptors._raptors import _config, _report_html

from . import gate, machine, peers, run, selftest, statistics, suites, table
from .cases import LAYOUTS, Case
from .measure import Plan
from .run import Options, Part

Json = dict[str, Any]

SIMD_MODES = {"auto": "auto", "force": "1", "disable": "0"}
"""What `RAPTORS_SIMD` is for each mode."""


class Parser(argparse.ArgumentParser):
    """One whose errors are what is wrong, in lines that fit the terminal, and not a page about every option first."""

    def error(self, message: str) -> NoReturn:
        width = shutil.get_terminal_size().columns
        said = textwrap.fill(f"error: {message}", width, subsequent_indent="  ", break_on_hyphens=False)
        self.exit(gate.WRONG, f"{said}\n`{self.prog} --help` tells what there is.\n")


def parser() -> Parser:
    parser = Parser(
        prog="python -m raptors compare",
        usage="%(prog)s [options]",
        description="Measure the functions of raptors beside those of NumPy, and of other packages. "
        "A LIST is one word, or several with commas between them.",
        epilog="Exit status: 0; 1 if a case lies below the gate; 2 if a result or an argument is wrong, or memory runs out; "
        "3 if a case could not be judged, as NumPy beside NumPy was not even, or as nobody read on.",
        allow_abbrev=False,
    )
    what = parser.add_argument_group("what is compared")
    what.add_argument("--suite", type=_words(suites.SUITES), default=["2d"], metavar="LIST", help=f"of {', '.join(suites.SUITES)} (all that NumPy has); default: 2d")
    what.add_argument("--shape", type=_shapes, metavar="LIST", help="shapes in place of the suite's: 1000x8,512x512; 16 is a vector")
    what.add_argument("--dtype", type=_words(["f32", "f64"]), metavar="LIST", help="of f32, f64; default: both")
    what.add_argument("--ops", type=_words(), metavar="LIST", help="operations in place of the suite's: sum,mean_axis0")
    what.add_argument("--part", type=_part, metavar="K/N", help="the K-th of N parts, each with all operations; today/N: another one each day")
    what.add_argument("--layout", type=_words(LAYOUTS), metavar="LIST", help=f"of {', '.join(LAYOUTS)}; default: contiguous, and in the suite layouts all others")
    what.add_argument(
        "--alloc",
        choices=["new", "out", "both"],
        default="new",
        help="results are new arrays, or go to given ones (out=), where NumPy can write to one; single numbers are always new; default: new",
    )
    what.add_argument("--peers", type=_words(["numpy", *peers.NAMES]), default=["numpy"], metavar="LIST", help=f"of {', '.join(peers.NAMES)}: beside NumPy, which always takes part")
    how = parser.add_argument_group("how")
    how.add_argument("--simd-mode", choices=list(SIMD_MODES), default="auto", help="the instruction sets of raptors; default: auto")
    how.add_argument("--threads", type=_count(1), metavar="N", help="of raptors, and of peers that can be told; default: as many as raptors uses by itself")
    how.add_argument("--warmup", type=_count(0), default=Plan.warmup, metavar="N", help="blocks that are thrown away; default: %(default)s")
    how.add_argument("--repeats", type=_count(statistics.FEWEST), default=Plan.repeats, metavar="N", help="blocks at most; default: %(default)s")
    how.add_argument("--seconds", type=_positive, default=Plan.seconds, metavar="S", help="for a case, at most; default: %(default)s")
    how.add_argument("--within", type=_positive, metavar="S", help="seconds for all cases together, as far as they can do with less; doubts come on top")
    how.add_argument("--seed", type=_count(0), metavar="N", help="of data and order; default: another one each time")
    then = parser.add_argument_group("what comes of it")
    then.add_argument("--output-json", type=_writable, metavar="FILE", help="everything that was found")
    then.add_argument("--report", type=_writable, metavar="FILE", help="the same as a page of HTML")
    then.add_argument("--gate", type=_positive, metavar="RATIO", help="fail if a case lies below")
    then.add_argument("--self-test", action="store_true", help="slow one case down by 10 %% and see that a gate finds it; writes no files")
    return parser


def main(arguments: list[str]) -> int:
    parsed = parser().parse_args(arguments)
    child = _child(parsed.simd_mode, arguments)
    if child is not None:
        return child
    try:
        # An environment that cannot be read is an error of every call: better of none.
        _config()
        if parsed.threads is not None:
            raptors.set_num_threads(parsed.threads)
        cases = suites.select(
            parsed.suite,
            shapes=parsed.shape,
            dtypes=parsed.dtype,
            names=parsed.ops,
            layouts=parsed.layout,
            alloc=parsed.alloc,
        )
    except ValueError as error:
        parser().error(str(error))
    threads = raptors.num_threads()
    left_out = suites.left_out(parsed.suite, shapes=parsed.shape, names=parsed.ops, alloc=parsed.alloc)
    if not cases:
        parser().error(f"no case is left: {'; '.join(left_out) or 'no operation has that dtype'}")
    whole = len(cases)
    if parsed.part:
        cases = suites.part(cases, *parsed.part)
    if parsed.self_test and (parsed.output_json or parsed.report):
        parser().error("--self-test writes no files: without --output-json and --report")
    plan = Plan(parsed.warmup, parsed.repeats, parsed.seconds)
    seed = random.randrange(2**32) if parsed.seed is None else parsed.seed
    part = Part(parsed.part[0], parsed.part[1], whole) if parsed.part else None
    options = Options(
        parsed.suite, threads, parsed.simd_mode, plan, parsed.gate, seed, part=part, left_out=left_out, within=parsed.within
    )
    try:
        if parsed.self_test:
            return selftest.run(cases, options, Progress())
        found, skipped = peers.load([name for name in parsed.peers if name != "numpy"], threads)
        options = replace(options, peers=found, skipped=skipped)
        print(table.head(machine.describe(found), run.settings(options)))
        print(table.choice(run.settings(options), len(cases)), end="")
        document = run.compare(cases, options, Progress(table.HEAD))
    except MemoryError as error:
        Progress.wipe()
        parser().error(f"out of memory: {error}")
    print(table.summary(document), end="", flush=True)
    if parsed.output_json:
        parsed.output_json.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    if parsed.report:
        parsed.report.write_text(_report_html(json.dumps(document)), encoding="utf-8")
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
        self.wipe()
        if result["attempts"] > 1 and not self.again:
            self.again = True
            print("Measured again, as there are doubts:")
        print(f"{self.head}{table.case_lines(result)}", end="", flush=True)
        self.head = ""

    @staticmethod
    def wipe() -> None:
        """Takes the line away."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _words(known: Any = None) -> Callable[[str], list[str]]:
    def words(text: str) -> list[str]:
        found = [word.strip() for word in text.split(",") if word.strip()]
        for word in found:
            if known is not None and word not in known:
                raise argparse.ArgumentTypeError(f"'{word}' is none of {', '.join(known)}")
        if not found:
            raise argparse.ArgumentTypeError("the list is empty")
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


def _part(text: str) -> tuple[int, int]:
    word, _, rest = text.partition("/")
    try:
        count = int(rest)
        number = suites.number_of(_today(), count) if word == "today" else int(word)
    except (ValueError, ZeroDivisionError):
        number, count = 0, 0
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(f"'{text}' is no part such as 2/6 or today/6")
    return number, count


def _today() -> datetime.date:
    """Of the world, as the document has it: wherever machines stand, they measure the same part."""
    return datetime.datetime.now(datetime.UTC).date()


def _count(least: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least} on")
        return value

    return count


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no finite number above 0")
    return value


def _writable(text: str) -> Path:
    """A file to be written to at the end: what stands in the way is found before the minutes of measuring."""
    file = Path(text)
    is_new = not file.exists()
    try:
        file.open("a").close()
        if is_new:
            file.unlink()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"'{text}' cannot be written: {error.strerror}") from None
    return file
