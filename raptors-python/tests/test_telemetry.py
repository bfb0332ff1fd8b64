"""What is counted of calls, each in an interpreter of its own, which counts nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from test_process import python


def counted(code: str, **variables: str) -> Any:
    """What a program of its own finds in ``found``, after lines that count."""
    head = "import json, os, numpy as np, raptors as rp\n"
    return json.loads(python(head + code + "\nprint(json.dumps(found))", **variables))


def test_off_by_default() -> None:
    found = counted("rp.sum(np.ones((300, 300)))\nfound = rp.telemetry()")
    assert found == {
        "on": False,
        "rows": [],
        "pool": {"hits": 0, "misses": 0},
        "helpers": {"waits": 0, "seconds": 0.0},
        "events": [],
    }


def test_a_row_for_each_kind() -> None:
    found = counted(
        """
for _ in range(3):
    rp.sum(np.ones((4, 5)), axis=0)
rp.var(np.ones((2, 2), np.float32))
rp.scale(np.ones((4, 5)), 2.0)
found = rp.telemetry()
""",
        RAPTORS_TELEMETRY="1",
    )
    assert found["on"]
    kinds = [(row["op"], row["dtype"], row["size"], row["parallel"]) for row in found["rows"]]
    assert kinds == [
        ("scale", "float64", "l1", False),
        ("sum_axis0", "float64", "l1", False),
        ("var", "float32", "l1", False),
    ]
    sums = [(row["calls"], row["elements"], row["bytes"]) for row in found["rows"]]
    assert sums == [(1, 20, 320), (3, 60, 480), (1, 4, 16)]
    for row in found["rows"]:
        assert 0 < row["p50"] <= row["p90"] <= row["p99"] <= row["max"] <= row["seconds"] * 17 / 16 + 1e-9
    assert [event["op"] for event in found["events"]] == ["sum_axis0"] * 3 + ["var", "scale"]
    last = found["events"][-1]
    assert (last["rows"], last["columns"], last["bytes"]) == (4, 5, 320) and last["start"] > 0 < last["seconds"]


def test_it_is_set_and_reset() -> None:
    found = counted(
        """
x = np.ones(16)
rp.telemetry_set(True)
rp.sum(x)
rp.telemetry_set(False)
rp.sum(x)
found = [rp.telemetry()["rows"][0]["calls"]]
rp.telemetry_reset()
found += [len(rp.telemetry()["rows"]), len(rp.telemetry()["events"])]
"""
    )
    assert found == [1, 0, 0]


def test_many_threads() -> None:
    found = counted(
        """
from concurrent.futures import ThreadPoolExecutor
x = np.ones((4, 4))
def work(_):
    for _ in range(5000):
        rp.sum(x)
with ThreadPoolExecutor(16) as pool:
    list(pool.map(work, range(16)))
found = [(row["calls"], row["elements"]) for row in rp.telemetry()["rows"]]
""",
        RAPTORS_TELEMETRY="1",
    )
    assert found == [[80_000, 1_280_000]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_counts_its_own() -> None:
    found = counted(
        """
x = np.ones((4, 4))
def calls():
    return {row["op"]: row["calls"] for row in rp.telemetry()["rows"]}
for _ in range(3):
    rp.sum(x)
read, write = os.pipe()
child = os.fork()
if child == 0:
    found = [calls()]
    rp.sum(x)
    rp.mean(x)
    found.append(calls())
    grandchild = os.fork()
    if grandchild == 0:
        rp.max(x)
        os.write(write, json.dumps(found + [calls()]).encode())
        os._exit(0)
    os.waitpid(grandchild, 0)
    os._exit(0)
os.waitpid(child, 0)
found = [json.loads(os.read(read, 1000)), calls()]
""",
        RAPTORS_TELEMETRY="on",
    )
    assert found == [[{}, {"sum": 1, "mean": 1}, {"max": 1}], {"sum": 3}]


def test_memory_of_results() -> None:
    found = counted(
        """
x = np.ones((1000, 1000))
for _ in range(4):
    rp.scale(x, 2.0)
found = rp.telemetry()["pool"]
""",
        RAPTORS_TELEMETRY="1",
    )
    assert found == {"hits": 3, "misses": 1}


def test_prometheus() -> None:
    found = counted("rp.sum(np.ones(16))\nfound = rp.telemetry_prometheus()", RAPTORS_TELEMETRY="1")
    assert found.endswith("\n")
    line = next(line for line in found.splitlines() if line.startswith("raptors_call_seconds_count"))
    assert 'op="sum",dtype="f64",size="l1"' in line and line.endswith(" 1")


def test_a_value_that_cannot_be_read() -> None:
    found = counted(
        """
try:
    rp.sum(np.ones(16))
    found = ""
except ValueError as error:
    found = str(error)
""",
        RAPTORS_TELEMETRY="maybe",
    )
    assert found == 'RAPTORS_TELEMETRY="maybe": expected on (1), or off (0)'


def test_a_page(tmp_path: Path) -> None:
    page = tmp_path / "t.html"
    counted(f"rp.sum(np.ones((2, 3)), axis=0)\nfound = rp.telemetry_report({str(page)!r})", RAPTORS_TELEMETRY="1")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and "sum_axis0 float64, l1" in text and "2×3" in text
