"""``tune``: what it finds is what the next process follows, and what ends it leaves nothing behind. Each in an
interpreter of its own, since a profile is looked for once."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import raptors

from test_process import python

# On one thread and with the fewest candidates, so that it takes no longer than it must.
SMALL = {"RAPTORS_SIMD": "portable", "RAPTORS_THREADS": "1"}

STALE = """version = 2
cpu = "{cpu}"
caches = {{ l1 = "{l1} B", l2 = "{l2} B", l3 = "{l3} B" }}
rustc = "1.0.0"
date = "2020-01-01"

[kernels.{table}.portable]
"l1 wide" = {{ kernel = "no_such", body = "0000000000000000", margin = "9.0%", interval = "8.0% to 10.0%" }}
"""


def stale(folder: Path, table: str = "mul_m_s.f32") -> Path:
    """A profile of this machine in a folder of settings, whose row says what no tournament will find."""
    config = raptors._raptors._config()
    file = folder / "raptors" / f"{config['cpu']}.toml"
    file.parent.mkdir()
    file.write_text(STALE.format(cpu=config["cpu"], table=table, **config["caches"]))
    return file


def test_the_next_process_follows_what_was_found(tmp_path: Path) -> None:
    file, environment = stale(tmp_path), SMALL | {"XDG_CONFIG_HOME": str(tmp_path)}
    show = """
        import numpy as np, raptors
        raptors.show_config()
        print(raptors.explain("scale", np.ones((1, 512), np.float32)))
    """
    said = python(show, **environment)
    assert f"yours: {file}\n" in said and "1 row left out" in said and "won" not in said, said
    found = python(
        """
        import raptors
        steps = []
        tuned = raptors.tune("scale", "f32", budget=60.0, progress=steps.append)
        print(repr(str(tuned.path)))
        assert raptors.num_threads() == 1 and tuned.seconds > 0
        for row in tuned.changed:
            assert row.table.startswith("mul_m_s.f32.portable") and row.before != row.after, row
            assert row.margin is not None and row.margin > 0.0, row
        ended = [step for step in steps if step.outcome is not None]
        rows = ended[0].of
        assert [step.at for step in ended[:rows]] == list(range(1, rows + 1))
        # Rows that have another turn are counted anew.
        assert all(1 <= step.at <= step.of <= rows for step in ended[rows:])
        # A row names all operations that compute the same.
        assert all(step.left is not None for step in ended)
        for step in steps:
            names, dtype = step.row.replace(", ", ",").split(" ")[:2]
            assert "scale" in names.split(",") and dtype == "f32", step.row
        assert ended[-1].left == 0.0
        assert any(step.candidates is not None and step.candidates > 1 for step in steps)
        """,
        **environment,
    )
    assert ast.literal_eval(found) == str(file)
    assert "no_such" not in file.read_text() and "2020" not in file.read_text()
    said = python(show, **environment)
    assert f"yours: {file}\n" in said and "not followed" not in said, said
    assert "faster than the default" in said and f"by {file}\n" in said, said


def test_a_dry_run_writes_nothing_and_a_line_for_each_row(tmp_path: Path) -> None:
    code = """
        import sys, warnings, raptors
        sys.stderr = sys.stdout
        # Of a machine that other processes keep busy.
        warnings.simplefilter("ignore")
        tuned = raptors.tune("minimum", "f64", budget=1.0, dry_run=True)
        assert tuned.path is None, tuned
    """
    lines = python(code, **SMALL, XDG_CONFIG_HOME=str(tmp_path)).splitlines()
    assert list(tmp_path.iterdir()) == []
    rows = int(lines[0].split("/")[1].split()[0])
    assert len(lines) >= rows
    for number, line in enumerate(lines, 1):
        # Rows that have another turn, to be confirmed, are counted anew.
        counted = f"{number:>3}/{rows}" if number <= rows else r" *\d+/\d+"
        # The word stands for all operations whose names hold it.
        assert re.fullmatch(rf"{counted} minimum(_row|_scalar)? f64 .+ left", line), line
    assert len(lines) >= 12, lines


def test_when_the_time_is_over_rows_stay_as_they_are(tmp_path: Path) -> None:
    file = stale(tmp_path)
    before = file.read_text()
    code = """
        import sys, warnings, raptors
        sys.stderr = sys.stdout
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            tuned = raptors.tune("scale", budget=1e-6)
        assert tuned.path is None and tuned.changed == [], tuned
        print(*(warning.message for warning in said if "time" in str(warning.message)))
    """
    *lines, said = python(code, **SMALL, XDG_CONFIG_HOME=str(tmp_path)).splitlines()
    # Rows whose calls do the same work are decided along with the first of them, and so are not.
    assert len(lines) >= 24 and all("stays, no time was left" in line or ", as " in line for line in lines), lines
    assert said == f"the time was over before {len(lines)} rows could be decided: they stay as they were"
    assert file.read_text() == before


@pytest.mark.parametrize("raising", ["os.kill(os.getpid(), signal.SIGINT)", "raise KeyboardInterrupt"])
def test_an_interrupt_ends_it_and_nothing_is_written(raising: str, tmp_path: Path) -> None:
    file = stale(tmp_path)
    before = file.read_text()
    code = f"""
        import os, signal, raptors
        steps = []

        def progress(step):
            steps.append(step)
            if step.outcome is not None:
                {raising}

        try:
            raptors.tune("scale", "f32", budget=0.1, progress=progress)
        except KeyboardInterrupt:
            print(steps[-1].at, raptors.num_threads())
    """
    out = python(code, **SMALL | {"RAPTORS_THREADS": "3"}, XDG_CONFIG_HOME=str(tmp_path))
    row, threads = map(int, out.split())
    assert row <= 2 and threads == 3, out
    assert file.read_text() == before and list(file.parent.iterdir()) == [file]


def test_what_is_refused(tmp_path: Path) -> None:
    code = """
        import raptors
        tunings = [
            lambda: raptors.tune("scael"),
            lambda: raptors.tune("scale", budget=0.0),
            lambda: raptors.tune("scale", budget=float("nan")),
            lambda: raptors.tune("scale", threads=0),
            lambda: raptors.tune("scale", progress=lambda step: raptors.tune("scale", progress=False)),
        ]
        for tuning in tunings:
            try:
                tuning()
            except (ValueError, RuntimeError) as error:
                print(type(error).__name__, error)
    """
    lines = python(code, **SMALL, XDG_CONFIG_HOME=str(tmp_path)).splitlines()
    expected = [
        "ValueError no operation or element type is called `scael`; there are: ",
        "ValueError budget must be a number of seconds above 0 (got 0)",
        "ValueError budget must be a number of seconds above 0 (got NaN)",
        "ValueError 0 threads",
        "RuntimeError raptors.tune is under way in this process already",
    ]
    assert len(lines) == len(expected), lines
    for line, start in zip(lines, expected):
        assert line.startswith(start), line
    assert list(tmp_path.iterdir()) == []


def test_a_profile_that_cannot_be_read_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    file = stale(tmp_path)
    code = """
        import raptors
        raptors.show_config()
        try:
            raptors.tune("scale", progress=lambda step: print("measured"))
        except (ValueError, OSError) as error:
            print(type(error).__name__, error)
    """
    wrong: list[tuple[str, str, str]] = [
        ("version = 2\nnonsense = 2\n", "ValueError", f"{file}:2:1: "),
        (file.read_text().replace(file.stem, "acme-1"), "ValueError", f"{file} is of acme-1, and this processor is "),
    ]
    for text, kind, why in wrong:
        file.write_text(text)
        said = python(code, XDG_CONFIG_HOME=str(tmp_path))
        assert f"not followed: {why}" in said and f"{kind} {why}" in said and "measured" not in said, said
    file.unlink()
    file.mkdir()
    said = python(code, XDG_CONFIG_HOME=str(tmp_path))
    assert f"IsADirectoryError {file}: " in said and "measured" not in said, said


def test_the_bar_keeps_to_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from raptors._tune import TuneProgress, _Shown

    class Terminal:
        text = ""

        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            raise OSError

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None: ...

    terminal: Any = Terminal()
    shown = _Shown(terminal)
    shown(TuneProgress("scale f32 l2 square", 16, 30, 14, 187.9, None))
    shown(TuneProgress("x" * 100, 30, 30, None, 0.0, "stays"))
    shown.clear()
    first, second, last = (text for text in terminal.text.split("\r")[2::2])
    assert first == "[##########----------]  16/30 scale f32 l2 square: 14 in, 3:07 left"
    assert second.startswith(f"[{'#' * 20}]  30/30 xxx") and len(second) == 79 and last == ""
    assert "\n" not in terminal.text
