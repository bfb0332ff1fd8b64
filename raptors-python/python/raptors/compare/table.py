"""The document as text, at most 80 columns wide."""

from __future__ import annotations

import textwrap
from typing import Any

from .gate import DIFFERENT, SLOWER, UNJUDGED
from .statistics import geometric_mean

Json = dict[str, Any]

HEAD = "case                           NumPy  raptors   delta  ratio  95 % interval\n"


OP = 13
"""Columns of an operation's name; a longer one has a line of its own."""


def label(case: Json) -> str:
    op = case["op"] if len(case["op"]) <= OP else f"{case['op']}\n{'':{OP}}"
    return f"{op:<{OP}} {case['dtype']} {size(case['shape']):>9}"


def place(case: Json) -> str:
    """The case without its operation."""
    return " ".join([case["dtype"], size(case["shape"]), *how(case)])


def how(case: Json) -> list[str]:
    """What is not as usual about the case's arrays."""
    return [word for word, usual in ((case["layout"], "contiguous"), (case["alloc"], "new")) if word != usual]


def name(case: Json) -> str:
    """The case in words, with nothing aligned."""
    return f"{case['op']} {place(case)}"


def size(shape: list[int]) -> str:
    if len(shape) == 2 and shape[0] == shape[1]:
        return f"{shape[0]}²"
    return "×".join(map(str, shape))


def case_lines(case: Json) -> str:
    """What was found for a case."""
    if case["verdict"] == DIFFERENT:
        return filled(f"{label(case)}  WRONG: {case['difference']}")
    interval = f"{case['ci_low']:.2f}–{case['ci_high']:.2f}"
    mark = "" if case["settled"] else " *"
    judged = f"{case['verdict']}; " if case["verdict"] in (SLOWER, UNJUDGED) else ""
    first = (
        f"{label(case)} {_us(case['numpy_us']):>8} {_us(case['raptors_us']):>8} {_us(case['delta_us'], sign=True):>7} "
        f"{case['speedup']:>6.2f} {interval:>11}{mark}"
    )
    second = (
        f"  {judged}{' '.join([*how(case), case['kernel']])}: best {_us(case['raptors_best_us'])} "
        f"spread {case['raptors_spread']:.0%}, {case['gb_per_s']:.3g} GB/s, {case['limit_share']:.0%} of limit"
    )
    return f"{first}\n{filled(second)}"


def filled(line: str) -> str:
    """A line of text, over as many lines as it takes."""
    return textwrap.fill(line, 80, subsequent_indent="    ", break_on_hyphens=False) + "\n"


def _us(value: float, *, sign: bool = False) -> str:
    digits = 0 if abs(value) >= 10_000 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:{'+' if sign else ''}.{digits}f}"


def head(machine: Json, settings: Json) -> str:
    """What is measured on, and with which threads."""
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; "
        f"Python {machine['python']}, raptors {machine['raptors']} ({machine['isa']})"
    ]
    for package, peer in settings["threads"].items():
        threads = "1 thread" if peer["threads"] == 1 else f"{peer['threads']} threads"
        version = machine["packages"].get(package, machine.get(package, ""))
        lines.append(f"  {package} {version}: {threads}; {peer['note']}")
    for package, reason in settings["skipped"].items():
        lines.append(f"  {package}: skipped, {reason}")
    lines.append("Times in µs are medians; ratio is NumPy's time over ours: above 1 raptors is faster.")
    return "".join(map(filled, lines))


def choice(settings: Json, count: int) -> str:
    """What of the suites is measured, if it is not all; nothing otherwise."""
    lines = []
    if settings["part"]:
        part = settings["part"]
        suites = ",".join(settings["suites"])
        again = f"--suite {suites} --part {part['number']}/{part['count']}"
        lines.append(f"A part, {count} of {part['cases']} cases: {again}")
    if settings["left_out"]:
        lines.append(f"Left out: {'; '.join(settings['left_out'])}")
    return "".join(map(filled, lines)) + ("\n" if lines else "")


def operations(document: Json) -> str:
    """Each operation in a line; nothing if there is one, or no more than a case of each."""
    of_op: dict[str, list[Json]] = {}
    for case in document["cases"]:
        if case["verdict"] != DIFFERENT:
            of_op.setdefault(case["op"], []).append(case)
    if not 1 < len(of_op) < sum(map(len, of_op.values())):
        return ""
    text = f"\n{'operation':<24} cases below 1.0  mean  lowest end of an interval\n"
    for op, cases in of_op.items():
        below = sum(1 for case in cases if case["speedup"] < 1.0)
        mean = geometric_mean([case["speedup"] for case in cases])
        low = min(cases, key=lambda case: case["ci_low"])
        text += filled(f"{op:<24} {len(cases):>5} {below:>9} {mean:>5.2f} {low['ci_low']:>5.2f} {place(low)}")
    return text


def peers(document: Json) -> str:
    """How much longer each peer takes; nothing if there were none."""
    names = [name for name in document["settings"]["threads"] if name not in ("raptors", "numpy")]
    timed = [case for case in document["cases"] if case["peers"]]
    if not timed:
        return ""
    text = "\nTime of each peer over ours; ≈: the result has other bits than NumPy's\n"
    text += f"{'':<27}" + "".join(f"{name:>12}" for name in names) + "   fastest of all\n"
    for case in timed:
        text += label(case)
        for peer_name in names:
            peer = case["peers"].get(peer_name)
            text += f"{_peer(peer):>12}"
        text += f"   {fastest(case)}\n"
    behind = sum(1 for case in timed if fastest(case) != "raptors")
    return text + f"{len(timed) - behind} of {len(timed)}: nobody is faster than raptors.\n"


def _peer(peer: Json | None) -> str:
    if peer is None:
        return "–"
    if not peer["right"]:
        return "wrong"
    return f"{peer['ratio']:.2f}{'' if peer['same_bits'] else '≈'}"


def fastest(case: Json) -> str:
    """Who is fastest of those whose results are right, as far as medians tell."""
    right = {name: peer["ratio"] for name, peer in case["peers"].items() if peer["right"]}
    ratios = {"numpy": case["speedup"], **right}
    least = min(ratios, key=lambda peer: ratios[peer])
    return least if ratios[least] < 1.0 else "raptors"


def gaps(document: Json) -> str:
    """What is slower than NumPy, the worst first, and what that costs; then the verdict on all."""
    cases = [case for case in document["cases"] if case["verdict"] != DIFFERENT]
    wrong = len(document["cases"]) - len(cases)
    behind = sorted((case for case in cases if case["speedup"] < 1.0), key=lambda case: case["speedup"])
    text = "\nGaps: "
    if behind:
        text += f"{len(behind)} of {len(cases)} below 1.0, worst first\n"
        for case in behind:
            clear = "" if case["ci_high"] < 1.0 else " (reaches 1)"
            lost = f"{_us(case['delta_us'])} µs lost a call"
            text += filled(f"  {name(case):<36} {case['speedup']:>6.3f}  {lost}{clear}")
        text += f"  {_us(sum(case['delta_us'] for case in behind))} µs lost in all\n"
    else:
        text += f"none; all {len(cases)} at 1.0 or above\n"
    if cases:
        low = min(cases, key=lambda case: case["ci_low"])
        mean = geometric_mean([case["speedup"] for case in cases])
        text += filled(f"Geometric mean {mean:.2f}; lowest end of an interval {low['ci_low']:.2f} ({name(low)})")
    unsettled = sum(1 for case in cases if not case["settled"])
    if unsettled:
        precision = document["settings"]["precision"]
        text += f"* {unsettled} did not settle: their intervals are wider than ±{precision:.0%}\n"
    if wrong:
        text += f"{wrong} with WRONG results\n"
    return text


def gate(document: Json) -> str:
    """What the gate says."""
    limit = document["settings"]["gate"]
    if limit is None:
        return ""
    text = ""
    for verdict, words in ((SLOWER, "fails: its interval lies below"), (UNJUDGED, "cannot be judged: its A/A control")):
        for case in document["cases"]:
            if case["verdict"] == verdict:
                control = case["control"]
                tail = f" {limit}" if verdict == SLOWER else f" is {control['ratio']:.3f}"
                text += filled(f"  {name(case)} {words}{tail}, {case['attempts']} times measured")
    return f"Gate at {limit}: {'not passed' if text else 'passed'}\n{text}"


def summary(document: Json) -> str:
    """What follows the lines of cases."""
    return peers(document) + operations(document) + gaps(document) + gate(document)
