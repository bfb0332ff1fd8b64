"""Which cases there are: suites of operations and shapes, and parts of them.

The suite `catalogue` has no list of operations. It is every function that NumPy has a counterpart of, along each of its
axes, so that a new spec is in it by itself.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable

from . import cases
from .cases import DTYPES, Case, Op, ops, statements

Shapes = list[tuple[int, ...]]

_USUAL = ("sum", "mean", "mean_axis0", "mean_axis1", "broadcast_add", "scale")

class All(enum.Enum):
    """Operations that are taken without naming them: those that NumPy has."""

    OPERATIONS = "all"
    KERNELS = "those with kernels of their own"
    STAGES = "reductions in stages, by the kernels of others"
    FUSED = "those in stages that give a matrix"


_CATALOGUE: Shapes = [*((n, n) for n in (64, 512, 1024, 2048)), (1000, 37), (37, 1000)]

_FUSED: Shapes = [*((n, n) for n in (512, 1024, 2048)), (512, 4096), (1, 4096), (1_000_000, 50)]

_LAID = (*_USUAL, "max", "max_axis0", "add", "var_axis0", "var_axis1", "argmax_axis1")

LAYOUTS: dict[str, tuple[str, ...]] = {"layouts": cases.LAYOUTS[1:]}
"""How the matrices of a suite lie, where not one row after another."""

SUITES: dict[str, list[tuple[tuple[str, ...] | All, Shapes]]] = {
    "2d": [(_USUAL, [(512, 512), (1024, 1024), (2048, 2048)])],
    "between": [
        (
            _USUAL,
            [
                *((n, n) for n in (500, 768, 1000, 1023, 1500)),
                *((4096, 64), (64, 4096), (1, 1_000_000), (1_000_000, 8)),
            ],
        )
    ],
    "small": [
        (("sum", "mean", "scale"), [(n,) for n in (1, 4, 16, 64, 256, 1024, 4096)]),
        (("mean_axis0", "mean_axis1", "broadcast_add"), [(n, n) for n in (1, 2, 4, 8, 16, 32, 64)]),
    ],
    "catalogue": [(All.OPERATIONS, _CATALOGUE)],
    "kernels": [(All.KERNELS, _CATALOGUE)],
    "stages": [(All.STAGES, _CATALOGUE)],
    "fused": [(All.FUSED, _FUSED)],
    "layouts": [(_LAID, [(512, 512), (2048, 2048), (1_000_000, 8), (50, 20_000)])],
}
"""Operations and shapes of each suite."""

FEW = 3
"""Functions of which a numeric class without a counterpart is told by name; of more, how many they are."""


def select(
    suites: list[str],
    *,
    shapes: Shapes | None = None,
    dtypes: list[str] | None = None,
    names: list[str] | None = None,
    layouts: list[str] | None = None,
    alloc: str = "new",
) -> list[Case]:
    """The cases of the suites; shapes, dtypes and operations that are given take the place of theirs."""
    known = ops()
    for name in names or []:
        if name not in known:
            raise ValueError(f"no operation is called '{name}'; there are: {', '.join(known)}")
    chosen: dict[Case, None] = {}
    for suite in suites:
        for of_suite, sizes in SUITES[suite]:
            for name in names or _names(of_suite, known):
                op = known[name]
                for dtype in dtypes or DTYPES:
                    for shape in shapes or sizes:
                        if dtype in op.dtypes and _fits(op, shape):
                            for layout in layouts or LAYOUTS.get(suite, ("contiguous",)):
                                for way in _ways(op, alloc):
                                    case = Case(op, dtype, shape, layout, way)
                                    # Of those that were asked for by name none is dropped.
                                    if names or isinstance(of_suite, tuple) or _is_possible(case):
                                        chosen[case] = None
    # Those that NumPy cannot compute are refused here, before anything is measured.
    closed = []
    for case in chosen:
        if case.op.numpy is not None and not _is_possible(case):
            closed.append(case.op.name)
        else:
            statements(case)
    if closed:
        raise ValueError(_closed(list(dict.fromkeys(closed))))
    return list(chosen)


def left_out(suites: list[str], *, shapes: Shapes | None = None, names: list[str] | None = None, alloc: str = "new") -> list[str]:
    """Why there are no cases of some operations, or not all that there could be: a sentence for each reason."""
    known = ops()
    sets = [names] if names else [of_suite for suite in suites for of_suite, _ in SUITES[suite]]
    wanted = [known[name] for name in dict.fromkeys(name for of_suite in sets for name in _names(of_suite, known))]
    said = []
    flat = [op.name for op in wanted if not all(_fits(op, shape) for shape in shapes or [])]
    if flat:
        said.append(f"a vector does not fit {', '.join(flat)}")
    if any(isinstance(of_suite, All) for of_suite in sets):
        alone = [op.function for op in known.values() if op.numpy is None]
        classes: dict[str, dict[str, None]] = {}
        for op in known.values():
            for numerics in op.numerics if op.numpy is not None else ():
                if numerics != "numpy":
                    classes.setdefault(numerics, {})[op.function] = None
        for numerics, functions in classes.items():
            # Most reductions have it: a list of them all would be as long as the catalogue.
            if len(functions) > FEW:
                alone.append(f"{len(functions)} functions with numerics='{numerics}'")
            else:
                alone += [f"{function}(numerics='{numerics}')" for function in functions]
        if alone:
            said.append(f"NumPy has nothing with the bits of {', '.join(dict.fromkeys(alone))}")
        closed = [op.function for op in wanted for way in _ways(op, alloc) if not _is_possible(Case(op, "", (), alloc=way))]
        if closed:
            said.append(_closed(list(dict.fromkeys(closed))))
    return said


def _closed(names: list[str]) -> str:
    return f"NumPy cannot write to a given array what {', '.join(names)} {'gives' if len(names) == 1 else 'give'}"


def part(cases: list[Case], number: int, count: int) -> list[Case]:
    """The part of that number, from 1 on, of so many into which the cases are divided.

    All parts together are all cases, and each has some of every operation: an operation that has fewer cases than there
    are parts comes with the same again. Operations begin at different cases, so that a part is not all of one shape.
    """
    of_op: dict[str, list[Case]] = {}
    for case in cases:
        of_op.setdefault(case.op.name, []).append(case)
    chosen = []
    for offset, some in enumerate(of_op.values()):
        turns = min(count, len(some))
        chosen += [case for at, case in enumerate(some) if at % turns == (number - 1 + offset) % turns]
    return chosen


def number_of(day: datetime.date, count: int) -> int:
    """The number of the part whose turn it is on that day: each comes once in so many days."""
    return day.toordinal() % count + 1


def _names(of_suite: tuple[str, ...] | list[str] | All, known: dict[str, Op]) -> list[str]:
    if not isinstance(of_suite, All):
        return list(of_suite)
    is_wanted: Callable[[Op], bool] = {
        All.OPERATIONS: lambda op: True,
        All.KERNELS: lambda op: not op.is_staged,
        All.STAGES: lambda op: op.is_staged and not op.gives_matrix,
        All.FUSED: lambda op: op.gives_matrix,
    }[of_suite]
    return [op.name for op in known.values() if op.numpy is not None and is_wanted(op)]


def _fits(op: Op, shape: tuple[int, ...]) -> bool:
    """A row or a column lies beside a matrix, and an axis 1 needs two of them."""
    return len(shape) == 2 or not (op.axis == 1 or any(form in ("row", "column") for _, form in op.inputs))


def _ways(op: Op, alloc: str) -> list[str]:
    """A sum of all elements is a number, for which there is no array to hand in."""
    if op.reduces and op.axis is None and not op.gives_matrix:
        return ["new"]
    return ["new", "out"] if alloc == "both" else [alloc]


def _is_possible(case: Case) -> bool:
    try:
        statements(case)
    except ValueError:
        return False
    return True
