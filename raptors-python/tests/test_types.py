"""The types that come with the package: the example passes, and what is wrong is found."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import raptors

from layouts import FUNCTIONS

HERE = Path(__file__).parent
PACKAGE = Path(raptors.__file__).parent


def mypy(*arguments: object) -> tuple[int, str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    return done.returncode, done.stdout + done.stderr


def test_the_example() -> None:
    code, said = mypy("example.py")
    assert code == 0, said
    subprocess.run([sys.executable, HERE / "example.py"], check=True, capture_output=True)


def test_the_package_itself() -> None:
    code, said = mypy("--package", "raptors")
    assert code == 0, said


def test_mistakes_are_found() -> None:
    lines = (HERE / "wrong.py").read_text().splitlines()
    expected = {
        (number, kind) for number, line in enumerate(lines, 1) for kind in re.findall(r"# error: \[(.*)\]", line)
    }
    code, said = mypy("wrong.py")
    found = set(re.findall(r"^wrong\.py:(\d+): error: .*\[(.*)\]$", said, re.MULTILINE))
    assert code == 1 and {(int(number), kind) for number, kind in found} == expected, said


def test_types_and_functions_are_the_same() -> None:
    stub = (PACKAGE / "_raptors.pyi").read_text()
    for name in FUNCTIONS:
        names = list(inspect.signature(getattr(raptors, name)).parameters)
        for text in re.findall(rf"^def {name}\((.*?)\) ->", stub, re.MULTILINE | re.DOTALL):
            assert re.findall(r"^    (\w+):", text, re.MULTILINE) == names, name
        assert f"def {name}(" in stub and name in raptors.__all__
