"""The program that times calls for ``cargo xtask regret --in-use``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raptors.compare import calls
from raptors.compare.cases import Op, ops


def wanted(op: Op, dtype: str, numerics: str, inplace: bool) -> dict[str, Any]:
    return {"op": op.name, "dtype": dtype, "numerics": numerics, "inplace": inplace, "rows": 9, "cols": 7, "copies": 2}


def test_calls_of_all_kinds_are_timed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "SAMPLE", 0.000_02)
    every = [
        wanted(op, dtype, numerics, inplace)
        for op in calls.timed().values()
        for dtype in op.dtypes
        for numerics in (op.numerics if op.reduces else ("numpy",))
        for inplace in ((False,) if op.reduces else (False, True))
    ]
    file = tmp_path / "calls.json"
    file.write_text(json.dumps(every))
    calls.main([str(file)])
    found = json.loads(capsys.readouterr().out)
    assert len(found) == len(every)
    assert all(seconds["again"] > 0.0 and seconds["fresh"] > 0.0 for seconds in found)


def test_calls_compute_what_they_say() -> None:
    for op in calls.timed().values():
        for dtype in op.dtypes:
            plain = calls._prepared(wanted(op, dtype, "numpy", False), op, 1)
            x = plain.args[0]  # type: ignore[attr-defined]
            result = np.asarray(plain())
            expected = {None: () if op.reduces else (9, 7), 0: (7,), 1: (9,)}[op.axis]
            assert result.shape == expected and result.dtype == x.dtype, op.name
            if not op.reduces:
                inplace = calls._prepared(wanted(op, dtype, "numpy", True), op, 1)
                assert inplace() is inplace.keywords["out"], op.name  # type: ignore[attr-defined]


def test_what_runs_kernels_of_several_rows_is_not_timed() -> None:
    every = ops()
    assert {name for name in every if name not in calls.timed()} >= {"var", "minmax_axis0", "count_nonzero"}
    with pytest.raises(ValueError, match="no calls of var_axis0 are timed"):
        calls.seconds(wanted(every["var_axis0"], "f32", "numpy", False), calls.timed())
