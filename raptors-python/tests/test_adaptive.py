"""Calls that adapt, each in an interpreter of its own. What is decided by which times is tested in the library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from test_process import python


def found(code: str, **variables: str) -> Any:
    """What a program of its own, on two threads, finds in ``found``."""
    head = "import json, numpy as np, raptors as rp\nx = np.ones((400, 300))\n"
    return json.loads(python(head + code + "\nprint(json.dumps(found))", **{"RAPTORS_THREADS": "2"} | variables))


def test_off_by_default() -> None:
    assert found("rp.sum(x)\nfound = [rp.adaptive_state(), rp.explain('sum', x).adapted]") == [[], None]


def test_a_block() -> None:
    within, after, again, forgotten = found(
        """
def calls():
    assert all(rp.sum(x) == 120_000 for _ in range(100))
    return rp.adaptive_state()
with rp.adaptive():
    found = [calls()]
found += [calls()]
try:
    with rp.adaptive():
        found += [calls()]
        raise KeyError
except KeyError:
    pass
calls()
rp.adaptive_reset()
found += [calls()]
"""
    )
    row = within[0]
    assert (row["op"], row["dtype"], row["numerics"], row["inplace"]) == ("sum", "float64", "numpy", False)
    assert (row["threads"], row["bytes"], row["aspect"]) == (2, 512 << 10, "square")
    assert row["samples"] == sum(way["samples"] for way in row["ways"]) > 10
    assert row["way"] in [way["way"] for way in row["ways"]] and row["ways"][0]["way"] == "on one thread"
    assert all(way["seconds"] > 0 for way in row["ways"] if way["samples"])
    # Outside of blocks nothing is learned, and the next block goes on.
    assert after == within and again[0]["samples"] > row["samples"] and forgotten == []


def test_the_environment() -> None:
    code = "for _ in range(100):\n    rp.sum(x)\nfound = len(rp.adaptive_state())"
    assert found(code, RAPTORS_ADAPTIVE="1") == 1
    assert found("rp.adaptive_set(False)\n" + code, RAPTORS_ADAPTIVE="1") == 0


def test_it_is_explained() -> None:
    state, explained, text, same = found(
        """
import pickle
for _ in range(20_000):
    for _ in range(100):
        rp.sum(x)
    if rp.adaptive_state()[0]["decided"]:
        break
it = rp.explain("sum", x)
found = [rp.adaptive_state()[0], it.adapted, str(it), pickle.loads(pickle.dumps(it)) == it]
""",
        RAPTORS_ADAPTIVE="1",
    )
    assert state["decided"] and explained == state["samples"] and same
    assert f"adapted, {explained} samples: {state['way']}" in text


def test_it_is_saved_where_profiles_are(tmp_path: Path) -> None:
    # Nothing was learned, so there is nothing to say.
    assert found("found = rp.adaptive_save()", XDG_CONFIG_HOME=str(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_variable() -> None:
    code = "import subprocess, sys, os\nos.environ['RAPTORS_' + 'THREDS'] = '2'\n"
    code += "program = 'import numpy, raptors; raptors.sum(numpy.ones(3)); raptors.sum(numpy.ones(3))'\n"
    code += "found = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True).stderr"
    said = found(code)
    assert said.count("is not known, and does nothing: is RAPTORS_THREADS meant?") == 1, said
