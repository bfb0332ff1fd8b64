"""The suite of all that NumPy has: which cases it has, how they are divided, and that its gate finds what is slower."""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import raptors
from raptors.compare import cases, command, gate, run, suites, table
from raptors.compare.cases import Case, Op
from raptors.compare.measure import Plan

from layouts import FUNCTIONS

SHAPES = [(64, 64), (512, 512), (1024, 1024), (2048, 2048), (1000, 37), (37, 1000)]
CATALOGUE = ["catalogue"]


def made_up(name: str, numpy: str | None, *forms: str, **more: Any) -> Op:
    """An operation that the package does not have, with inputs a, b, c of these forms."""
    inputs = tuple(zip("abcd", forms))
    return replace(Op(name, name, inputs, None, False, numpy, ("f32", "f64")), **more)


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> dict[str, Op]:
    """The catalogue of another build."""
    all_of_them = [
        made_up("fade", "a * b.reshape(-1, 1) + c", "matrix", "column", "row"),
        made_up("hold", "np.minimum(np.maximum(a, b), c)", "matrix", "scalar", "scalar"),
        made_up("root", "np.sqrt(a)", "matrix", dtypes=("f64",)),
        made_up("same", "a", "matrix"),
        made_up("fused", None, "matrix", "matrix", "matrix"),
        made_up("total", "np.sum(a, axis=axis, keepdims=keepdims)", "matrix", reduces=True, numerics=("numpy", "accurate")),
        made_up("total_axis0", "np.sum(a, axis=axis, keepdims=keepdims)", "matrix", function="total", axis=0, reduces=True),
    ]
    known = {op.name: op for op in all_of_them}
    monkeypatch.setattr(suites, "ops", lambda: known)
    return known


class TestCases:
    def test_all_that_numpy_has_is_there(self) -> None:
        expected = {
            (name if axis == "all" else f"{name}_axis{axis}" if about["axes"] else name, dtype, shape)
            for name, about in FUNCTIONS.items()
            if about["numpy"] is not None
            for axis in about["axes"] or [""]
            for dtype in about["dtypes"]
            for shape in SHAPES
        }
        found = suites.select(CATALOGUE)
        assert {(case.op.name, np.dtype(cases.DTYPES[case.dtype]).name, case.shape) for case in found} == expected
        assert len(found) == len(expected)

    def test_a_new_spec_is_in_it_by_itself(self, others: dict[str, Op]) -> None:
        found = suites.select(CATALOGUE)
        of_op = {name: [case.dtype for case in found if case.op.name == name] for name in others}
        assert {name: len(of_op[name]) for name in others} == {
            "fade": 12, "hold": 12, "root": 6, "same": 12, "fused": 0, "total": 12, "total_axis0": 12
        }  # fmt: skip
        assert set(of_op["root"]) == {"f64"}

    def test_what_numpy_has_not_is_said(self, others: dict[str, Op]) -> None:
        [said] = suites.left_out(CATALOGUE)
        assert said == "NumPy has nothing with the bits of fused, total(numerics='accurate')"
        # Nor is everything a call, or an operator, to which an array could be given.
        assert suites.left_out(CATALOGUE, alloc="out")[1:] == ["NumPy cannot write to a given array what same gives"]
        assert "same" not in {case.op.name for case in suites.select(CATALOGUE, alloc="out")}
        assert {case.alloc for case in suites.select(CATALOGUE, alloc="both") if case.op.name == "same"} == {"new"}
        assert suites.left_out(CATALOGUE, shapes=[(16,)])[0] == "a vector does not fit fade"
        # Whoever names it is refused.
        with pytest.raises(ValueError, match="NumPy has nothing with the bits of fused"):
            suites.select(CATALOGUE, names=["fused"])
        assert suites.left_out(CATALOGUE, names=["root"]) == []

    def test_inputs_have_the_shapes_of_their_kinds(self, others: dict[str, Op]) -> None:
        names = cases.prepare(Case(others["fade"], "f32", (1000, 37)), 1).names
        assert [names[name].shape for name in "abc"] == [(1000, 37), (1000,), (37,)]
        assert {names[name].dtype for name in "abc"} == {np.dtype(np.float32)}
        names = cases.prepare(Case(others["hold"], "f64", (37, 1000)), 1).names
        assert names["a"].shape == (37, 1000)
        assert names["b"] < names["c"] == cases.SCALAR

    @pytest.mark.parametrize("layout", cases.LAYOUTS)
    def test_results_that_are_compared_are_numbers(self, others: dict[str, Op], layout: str) -> None:
        with np.errstate(invalid="ignore"):
            prepared = cases.prepare(Case(others["root"], "f64", (64, 64), layout), 1)
        assert not np.isnan(prepared.evaluate(prepared.numpy_call)).any()
        plain = cases.prepare(Case(others["same"], "f64", (64, 64), layout), 1).names["a"]
        assert (plain < 0).any() and prepared.names["a"].strides == plain.strides

    def test_bits_are_numpy_s(self) -> None:
        for case in suites.select(CATALOGUE, shapes=[(64, 64), (1000, 37), (37, 1000)], alloc="both"):
            assert cases.prepare(case, 3).differences() is None, case


class TestParts:
    @pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 12, 40])
    def test_all_parts_are_all_cases_and_each_has_every_operation(self, count: int) -> None:
        whole = suites.select(CATALOGUE)
        parts = [suites.part(whole, number, count) for number in range(1, count + 1)]
        assert {case for some in parts for case in some} == set(whole)
        names = {case.op.name for case in whole}
        assert all({case.op.name for case in some} == names for some in parts)
        # In turn: none comes again before all of its operation were there.
        if count <= min(sum(case.op.name == name for case in whole) for name in names):
            assert sum(map(len, parts)) == len(whole)
        assert all(len(set(some)) == len(some) for some in parts)

    def test_a_part_has_small_and_large(self) -> None:
        whole = suites.select(CATALOGUE)
        for number in range(1, 7):
            assert {case.shape for case in suites.part(whole, number, 6)} == set(SHAPES)

    def test_days_take_turns(self) -> None:
        start = datetime.date(2026, 12, 28)
        days = [suites.number_of(start + datetime.timedelta(days=after), 6) for after in range(12)]
        assert sorted(days[:6]) == [1, 2, 3, 4, 5, 6] and days[6:] == days[:6]
        assert all(later == earlier % 6 + 1 for earlier, later in zip(days, days[1:]))


def part_of(*arguments: str) -> list[str]:
    """Small, so that arrays are made at once; and times are made up."""
    return ["--suite", "catalogue", "--shape", "8x8,4x6", "--seed", "1", "--seconds", "0.1", "--repeats", "20", *arguments]


class TestCommand:
    def test_a_slow_case_of_any_operation_fails_the_gate(self, fake: Any, capsys: Any) -> None:
        for name in ("max", "scale"):
            slow = re.compile(rf"rp\.{name}\(x(, factor)?\)")
            fake(lambda call, names, number: 1.2e-3 if slow.fullmatch(call) else 1e-3)
            assert command.main(part_of("--gate", "0.95", "--dtype", "f32", "--shape", "8x8")) == gate.FAILED
            assert re.findall(r"^  (.*) fails", capsys.readouterr().out, re.M) == [f"{name} f32 8²"]

    def test_it_passes_where_all_is_faster(self, fake: Any, capsys: Any) -> None:
        fake(lambda call, names, number: 1e-3 if "rp." in call else 1.5e-3)
        assert command.main(part_of("--gate", "1.0")) == gate.PASSED
        said = capsys.readouterr().out
        # A line for each operation.
        for name in {case.op.name for case in suites.select(CATALOGUE)}:
            assert re.search(rf"^{name} +4 +0 +1\.[45]\d +1\.[45]\d f(32|64) (8²|4×6)$", said, re.M), name
        assert max(map(len, said.splitlines())) <= 80

    def test_what_was_left_out_is_one_sentence(self, fake: Any, capsys: Any, tmp_path: Path) -> None:
        fake(lambda call, names, number: 1e-3)
        file = tmp_path / "run.json"
        assert command.main(part_of("--part", "2/6", "--within", "0.5", "--output-json", str(file))) == 0
        said = " ".join(capsys.readouterr().out.split())
        alone = [name for name, about in FUNCTIONS.items() if about["numpy"] is None]
        accurate = [name for name, about in FUNCTIONS.items() if "accurate" in about["numerics"] and name not in alone]
        assert len(accurate) > suites.FEW
        alone.append(f"{len(accurate)} functions with numerics='accurate'")
        assert f"Left out: NumPy has nothing with the bits of {', '.join(alone)} " in said
        assert re.search(r"A part, (\d+) of \d+ cases: --suite catalogue --part 2/6 ", said)
        document = json.loads(file.read_text())
        jsonschema.validate(document, json.loads(resources.files("raptors.compare").joinpath("schema.json").read_text()))
        settings = document["settings"]
        whole = len(suites.select(CATALOGUE, shapes=[(8, 8), (4, 6)]))
        assert settings["part"] == {"number": 2, "count": 6, "cases": whole} and settings["within"] == 0.5
        assert len(settings["left_out"]) == 1 and len(document["cases"]) < whole

    def test_the_part_of_today_is_that_of_the_date(self, fake: Any, monkeypatch: Any, capsys: Any) -> None:
        fake(lambda call, names, number: 1e-3)
        monkeypatch.setattr(command, "_today", lambda: datetime.date(2026, 11, 30))
        number = suites.number_of(datetime.date(2026, 11, 30), 4)
        assert command.main(part_of("--part", "today/4")) == 0
        assert f"--part {number}/4" in capsys.readouterr().out

    def test_the_self_test_finds_what_it_planted(self, fake: Any, capsys: Any) -> None:
        fake(lambda call, names, number: 1.1e-3 if names["rp"] is not raptors else 1e-3)
        for seed in "123":
            assert command.main(part_of("--self-test", "--part", "1/6", "--seed", seed)) == 0
        assert "Self-test passed" in capsys.readouterr().out

    def test_long_names_fit_a_terminal(self, fake: Any, capsys: Any, monkeypatch: Any) -> None:
        name = "subtract_the_mean_of_every_column"
        monkeypatch.setitem(raptors.__dict__, name, lambda x, y: x + y)
        known = {name: replace(cases.ops()["add"], name=name), "add": cases.ops()["add"]}
        monkeypatch.setattr(suites, "ops", lambda: known)
        fake(lambda call, names, number: 11.234567 if "rp." in call else 0.0123)
        command.main(part_of("--repeats", "6", "--seconds", "0.01", "--layout", "transpose", "--gate", "1.0"))
        said = capsys.readouterr().out
        assert f"\n{name}\n              f32        8² " in said
        assert max(map(len, said.splitlines())) <= 80


class TestWithin:
    def test_cases_share_the_time(self, monkeypatch: Any) -> None:
        given: list[float] = []
        now = 0.0

        def one(case: Case, options: run.Options, *_: Any) -> dict[str, Any]:
            nonlocal now
            given.append(options.plan.seconds)
            # The first takes more than its share.
            now += 6.0 if len(given) == 1 else 0.5
            return {"verdict": gate.SLOWER if len(given) <= 4 else gate.FASTER}

        monkeypatch.setattr(run, "one", one)
        options = run.Options(CATALOGUE, 1, plan=Plan(seconds=3.0), within=10.0)
        some = suites.select(CATALOGUE)[:4]
        run.compare(some, options, lambda *_: None, clock=lambda: now)
        # Doubts are looked at with all the time that a case may have.
        assert given == pytest.approx([2.5, 4.0 / 3, 3.5 / 2, 3.0, *[3.0] * 4])

    def test_no_time_is_the_least(self, monkeypatch: Any) -> None:
        seconds: list[float] = []
        monkeypatch.setattr(run, "one", lambda case, options, *_: seconds.append(options.plan.seconds) or {"verdict": gate.EVEN})
        clock = iter([0.0, 99.0, 99.0])
        run.compare(suites.select(CATALOGUE)[:2], run.Options([], 1, within=1.0), lambda *_: None, clock=lambda: next(clock))
        assert seconds == [0.0, 0.0]


def test_a_table_of_operations_needs_some() -> None:
    case = {"op": "sum", "dtype": "f32", "shape": [8, 8], "layout": "contiguous", "alloc": "new", "speedup": 1.5}
    case |= {"ci_low": 1.4, "verdict": gate.FASTER}
    other = {**case, "op": "max", "speedup": 0.5, "ci_low": 0.4, "dtype": "f64"}
    wrong = {**case, "op": "add", "verdict": gate.DIFFERENT}
    assert table.operations({"cases": [case, case]}) == ""
    assert table.operations({"cases": [case, other, wrong]}) == ""
    lines = table.operations({"cases": [case, case, other, wrong]}).splitlines()
    assert [line.split() for line in lines[2:]] == [
        ["sum", "2", "0", "1.50", "1.40", "f32", "8²"],
        ["max", "1", "1", "0.50", "0.40", "f64", "8²"],
    ]
