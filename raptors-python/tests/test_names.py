"""What the package has beside its functions is what no operation can be called: the spec checker's list."""

from __future__ import annotations

import pkgutil
import re
import tomllib
from pathlib import Path

import raptors

from layouts import FUNCTIONS

LIST = Path(__file__).parents[2] / "raptors-codegen/python.toml"


def test_the_list_is_that_of_the_package() -> None:
    names = {*dir(raptors), *dir(raptors._raptors), *(module.name for module in pkgutil.iter_modules(raptors.__path__))}
    # Those that a spec could have.
    names = {name for name in names if re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name)}
    assert set(tomllib.loads(LIST.read_text())) == names - set(FUNCTIONS)


def test_no_function_is_hidden() -> None:
    for name in FUNCTIONS:
        assert getattr(raptors, name) is getattr(raptors._raptors, name), name
        assert getattr(raptors, name).__name__ == name
