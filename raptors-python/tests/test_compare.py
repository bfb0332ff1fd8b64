"""The comparison: its cases, its statistics, its gate and its document. Times are made up, except where it is said."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import raptors
from raptors.compare import cases, command, gate, measure, peers, selftest, statistics, suites, table
from raptors.compare.cases import Case
from raptors.compare.measure import Plan
from raptors.compare.statistics import Estimate

REPOSITORY = Path(__file__).parents[2]
SCHEMA = json.loads(resources.files("raptors.compare").joinpath("schema.json").read_text())


class TestStatistics:
    @pytest.mark.parametrize(("count", "rank"), [(6, 1), (8, 1), (9, 2), (15, 4), (20, 6), (50, 18), (100, 40)])
    def test_ranks_are_those_of_the_binomial_table(self, count: int, rank: int) -> None:
        found = statistics.estimate([float(number) for number in range(1, count + 1)])
        assert (found.low, found.high) == (rank, count + 1 - rank)

    def test_the_interval_encloses_the_median_as_often_as_it_says(self) -> None:
        chance = random.Random(1)
        # Skewed, as times are: the median of a lognormal is 1.
        runs = [statistics.estimate([chance.lognormvariate(0.0, 0.5) for _ in range(31)]) for _ in range(2000)]
        held = sum(found.low <= 1.0 <= found.high for found in runs) / len(runs)
        assert 0.94 <= held <= 0.98

    def test_few_samples_say_nothing(self) -> None:
        found = statistics.estimate([1.0] * 5)
        assert (found.low, found.high) == (0.0, np.inf)
        assert not found.is_within(0.03)

    def test_what_slows_both_sides_of_a_pair_does_not_count(self) -> None:
        slow = [1.0, 3.0, 2.0, 9.0, 1.5, 4.0, 1.0]
        assert statistics.ratio([2.0 * time for time in slow], slow) == Estimate(2.0, 2.0, 2.0)

    def test_spread(self) -> None:
        assert statistics.spread([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2.0 / 3.0)
        assert statistics.spread([2.0]) == 0.0


class Sides:
    """Sides that take a given time, with noise that no two of them share, and note who was called how often."""

    def __init__(self, noise: float, **seconds: float) -> None:
        self.chance = random.Random(5)
        self.now = 0.0
        self.calls: list[tuple[str, int]] = []
        self.samples = {name: self.sample(name, time, noise) for name, time in seconds.items()}

    def sample(self, name: str, seconds: float, noise: float) -> measure.Sample:
        def sample(calls: int) -> float:
            self.calls.append((name, calls))
            time = calls * seconds * self.chance.lognormvariate(0.0, noise)
            self.now += time
            return time

        return sample

    def measure(self, plan: Plan) -> measure.Samples:
        clock, sleep = (lambda: self.now), (lambda _: None)
        return measure.measure(self.samples, [("a", "b")], plan, random.Random(3), clock=clock, sleep=sleep)


class TestMeasure:
    def test_each_block_has_each_side_once_in_random_order(self) -> None:
        sides = Sides(0.01, a=0.002, b=0.001, c=0.004)
        samples = sides.measure(Plan(warmup=2))
        assert samples.blocks == measure.FIRST_LOOK
        timed = [name for name, calls in sides.calls[-6 * (samples.blocks + 2) :]][1::2]
        blocks = [tuple(timed[at : at + 3]) for at in range(0, len(timed), 3)]
        assert all(sorted(block) == ["a", "b", "c"] for block in blocks)
        assert len(set(blocks)) == 6

    def test_all_sides_are_sampled_alike(self) -> None:
        sides = Sides(0.01, a=0.000_002, b=0.000_001)
        samples = sides.measure(Plan())
        number = samples.calls["a"]
        assert samples.calls == {"a": number, "b": number}
        assert number == pytest.approx(500, rel=0.1)
        # Some calls in advance, then the batch.
        assert [calls for _, calls in sides.calls[-4:]] == [measure.UNTIMED, number] * 2
        assert samples.seconds["a"][0] == pytest.approx(0.000_002, rel=0.1)

    def test_a_side_that_is_much_slower_makes_fewer_calls(self) -> None:
        samples = Sides(0.0, a=0.000_1, b=0.000_01, c=0.1).measure(Plan())
        assert samples.calls == {"a": 20, "b": 50, "c": measure.FEWEST_CALLS}

    def test_it_goes_on_until_the_interval_is_narrow(self) -> None:
        samples = Sides(0.08, a=0.002, b=0.001).measure(Plan(seconds=1e9))
        assert measure.FIRST_LOOK < samples.blocks < Plan.repeats
        assert samples.ratio("a", "b").is_within(0.03)
        assert samples.ratio("a", "b").median == pytest.approx(2.0, rel=0.05)

    def test_it_ends_if_the_interval_stays_wide(self) -> None:
        samples = Sides(1.0, a=0.002, b=0.001).measure(Plan(repeats=40, seconds=1e9))
        assert samples.blocks == 40
        assert not samples.ratio("a", "b").is_within(0.03)
        few = Sides(1.0, a=0.002, b=0.001).measure(Plan(seconds=0.1))
        assert measure.FIRST_LOOK <= few.blocks < 40


class TestGate:
    EVEN = Estimate(1.0, 0.99, 1.01)

    @pytest.mark.parametrize(
        ("ratio", "control", "verdict"),
        [
            (Estimate(1.2, 1.1, 1.3), EVEN, gate.FASTER),
            (Estimate(1.0, 0.9, 1.1), EVEN, gate.EVEN),
            (Estimate(0.9, 0.8, 0.999), EVEN, gate.SLOWER),
            (Estimate(0.9, 0.8, 1.0), EVEN, gate.EVEN),
            # NumPy beside NumPy shifts by 5 %, which could have moved the interval here, or there.
            (Estimate(0.95, 0.94, 0.97), Estimate(1.05, 1.04, 1.06), gate.UNJUDGED),
            (Estimate(1.01, 1.0, 1.02), Estimate(0.95, 0.94, 0.96), gate.UNJUDGED),
            # It could not, so far away.
            (Estimate(0.5, 0.49, 0.51), Estimate(1.05, 1.04, 1.06), gate.SLOWER),
            (Estimate(2.0, 1.9, 2.1), Estimate(1.05, 1.04, 1.06), gate.FASTER),
            # Within bounds, the control does not matter.
            (Estimate(0.97, 0.96, 0.98), Estimate(1.029, 1.0, 1.03), gate.SLOWER),
        ],
    )
    def test_verdicts(self, ratio: Estimate, control: Estimate, verdict: str) -> None:
        assert gate.verdict(ratio, control, 1.0) == verdict

    def test_statuses(self) -> None:
        def status(*verdicts: str, gated: bool = True) -> int:
            return gate.exit_status(verdicts, gated=gated)

        assert status(gate.FASTER, gate.EVEN) == 0
        assert status(gate.SLOWER, gate.UNJUDGED) == 1
        assert status(gate.UNJUDGED, gate.FASTER) == 3
        assert status(gate.SLOWER, gate.UNJUDGED, gated=False) == 0
        assert status(gate.DIFFERENT, gate.SLOWER, gated=False) == 2


class TestCases:
    def test_the_suites(self) -> None:
        assert len(suites.select(["2d"])) == 36
        assert len(suites.select(["between"])) == 9 * 6 * 2
        sizes = {int(np.prod(case.shape)) for case in suites.select(["small"])}
        assert (min(sizes), max(sizes)) == (1, 4096)
        assert len(set(suites.select(["2d", "between", "small"]))) == len(suites.select(["2d", "between", "small"]))

    def test_what_is_given_takes_the_suite_s_place(self) -> None:
        found = suites.select(["2d"], shapes=[(7,), (3, 5)], dtypes=["f32"], names=["sum_axis1", "add"], alloc="both")
        assert sorted(map(str, found)) == [
            "add f32 3x5", "add f32 3x5 out", "add f32 7", "add f32 7 out", "sum_axis1 f32 3x5", "sum_axis1 f32 3x5 out"
        ]  # fmt: skip
        with pytest.raises(ValueError, match="no operation is called 'subtract'"):
            suites.select(["2d"], names=["subtract"])

    @pytest.mark.parametrize(
        ("name", "alloc", "ours", "theirs"),
        [
            ("scale", "new", "rp.scale(x, factor)", "x * factor"),
            ("scale", "out", "rp.scale(x, factor, out=out)", "np.multiply(x, factor, out=out)"),
            ("broadcast_add", "out", "rp.broadcast_add(x, row, out=out)", "np.add(x, row, out=out)"),
            ("maximum", "out", "rp.maximum(x, y, out=out)", "np.maximum(x, y, out=out)"),
            ("sum", "new", "rp.sum(x)", "np.sum(x)"),
            ("mean_axis0", "new", "rp.mean(x, axis=0)", "np.mean(x, axis=0)"),
            ("mean_axis1", "out", "rp.mean(x, axis=1, out=out)", "np.mean(x, axis=1, out=out)"),
        ],
    )
    def test_statements(self, name: str, alloc: str, ours: str, theirs: str) -> None:
        assert cases.statements(Case(cases.ops()[name], "f32", (4, 4), alloc=alloc)) == (ours, theirs)

    @pytest.mark.parametrize("layout", cases.LAYOUTS)
    def test_layouts(self, layout: str) -> None:
        x = cases.prepare(Case(cases.ops()["scale"], "f64", (6, 4), layout), 1).names["x"]
        assert x.shape == (6, 4)
        strides = {"contiguous": (32, 8), "transpose": (8, 48), "fortran": (8, 48), "strided": (64, 16), "reversed": (-32, 8), "cropped": (72, 8)}
        assert x.strides == strides[layout]

    def test_every_case_has_numpy_s_bits(self) -> None:
        chosen = suites.select(["catalogue"], shapes=[(33, 17)], layouts=list(cases.LAYOUTS), alloc="both")
        assert {case.op.name for case in chosen} == {op.name for op in cases.ops().values() if op.numpy is not None}
        for case in chosen:
            # Those in stages with a row among their arguments have the bits of a copy in C's order: docs/layouts.md.
            if case.op.results == ("matrix",) and any(kind == "row" for _, kind in case.op.inputs) and case.layout != "contiguous":
                continue
            assert cases.prepare(case, 2).differences() is None, case

    def test_what_numpy_cannot_write_to_a_given_array(self) -> None:
        expected = set()
        for op in cases.ops().values():
            if op.numpy is None or (op.reduces and op.axis is None):
                continue
            prepared = cases.prepare(Case(op, "f64", (4, 4)), 1)
            out = np.empty_like(prepared.evaluate(prepared.numpy_call))
            names = {**prepared.names, "out": out}
            try:
                call = cases.statements(Case(op, "f64", (4, 4), alloc="out"))[1]
                assert eval(call, names) is out
            except ValueError:
                expected.add(op.function)
                # Where it is a function, NumPy says so itself.
                if not prepared.numpy_call.startswith("("):
                    with pytest.raises(TypeError, match="out"):
                        eval(re.sub(r"\)$", ", out=out)", prepared.numpy_call), names)
        assert expected >= {"count_nonzero", "minmax", "mean_std", "where_less"} and "var" not in expected
        [said] = [said for said in suites.left_out(["catalogue"], alloc="out") if "cannot write" in said]
        names = re.fullmatch("NumPy cannot write to a given array what (.*) give", said)
        assert names and set(names[1].split(", ")) == expected
        chosen = suites.select(["catalogue"], shapes=[(4, 4)], alloc="out")
        assert not {case.op.function for case in chosen if case.alloc == "out"} & expected
        # Whoever names them is told of all.
        with pytest.raises(ValueError, match="cannot write to a given array what minmax_axis0, where_less give$"):
            suites.select(["2d"], names=["sum_axis0", "minmax_axis0", "where_less"], alloc="out")

    def test_differences_are_seen(self) -> None:
        right = np.array([1.0, np.nan, 0.0])
        other_nan = np.array([1.0, -np.nan, 0.0])
        assert cases.differences(right, right.copy()) is None
        assert cases.differences(other_nan, right) is None
        assert "1 of 3 elements; the first at 2" in (cases.differences(np.array([1.0, np.nan, -0.0]), right) or "")
        assert "the first at 0" in (cases.differences(np.nextafter(right, 2.0), right) or "")
        assert "float32[3] instead of float64[3]" == cases.differences(right.astype(np.float32), right)
        assert cases.differences(right.reshape(1, 3), right) is not None


QUICK = ["--shape", "8x8", "--dtype", "f64", "--ops", "scale,sum,mean_axis0", "--seed", "1", "--seconds", "0.2"]


class TestCommand:
    def test_the_gate_passes(self, fake: Any, capsys: Any) -> None:
        fake(lambda call, names, number: 1e-3 if "rp." in call else 1.5e-3)
        assert command.main([*QUICK, "--gate", "1.0"]) == 0
        said = capsys.readouterr().out
        assert "Gate at 1.0: passed" in said
        assert "none; all 3 at 1.0 or above" in said

    def test_the_gate_fails_where_it_is_slower_and_names_it(self, fake: Any, capsys: Any) -> None:
        fake(lambda call, names, number: 2e-3 if call == "rp.sum(x)" else 1e-3)
        assert command.main([*QUICK, "--gate", "0.9"]) == 1
        said = capsys.readouterr().out
        assert re.findall(r"^  (.*) fails", said, re.M) == ["sum f64 8²"]
        assert "3 times measured" in said
        assert re.search(r"^Gaps: [123] of 3 below 1.0, worst first\n  sum f64 8² +0.50", said, re.M)
        # Without a gate it is told, and nothing else.
        assert command.main(QUICK) == 0

    def test_a_case_that_recovers_does_not_fail(self, fake: Any) -> None:
        slow = iter([2e-3])
        fake(lambda call, names, number: next(slow, 0.9e-3) if call == "rp.sum(x)" else 1e-3)
        assert command.main([*QUICK, "--gate", "0.95"]) == 0

    def test_nothing_is_said_if_numpy_beside_numpy_is_not_even(self, fake: Any, capsys: Any) -> None:
        def times(call: str, names: dict[str, Any], number: int) -> float:
            if call == "np.sum(x)":
                return 1.08e-3 if number == 2 else 1e-3
            return 1.03e-3 if call == "rp.sum(x)" else 0.5e-3 if "rp." in call else 1e-3

        fake(times)
        assert command.main([*QUICK, "--gate", "1.0"]) == 3
        assert re.findall(r"^  (.*) cannot be judged", capsys.readouterr().out, re.M) == ["sum f64 8²"]

    def test_wrong_results_are_an_error(self, fake: Any, monkeypatch: Any, capsys: Any, tmp_path: Path) -> None:
        fake(lambda call, names, number: 1e-3)
        monkeypatch.setattr(raptors, "sum", lambda x: np.nextafter(np.sum(x), np.inf))
        assert command.main([*QUICK, "--output-json", str(tmp_path / "run.json")]) == 2
        assert re.search(r"sum +f64 +8²  WRONG: 1 of 1 elements", capsys.readouterr().out)
        document = json.loads((tmp_path / "run.json").read_text())
        jsonschema.validate(document, SCHEMA)
        assert [case["verdict"] == "different" for case in document["cases"]] == [False, True, False]

    def test_the_self_test_finds_what_it_planted(self, fake: Any, capsys: Any) -> None:
        fake(lambda call, names, number: 1.1e-3 if names["rp"] is not raptors else 1e-3)
        assert command.main([*QUICK, "--self-test"]) == 0
        assert "Self-test passed" in capsys.readouterr().out

    def test_the_self_test_fails_if_the_gate_sees_nothing(self, fake: Any, capsys: Any) -> None:
        fake(lambda call, names, number: 1e-3)
        assert command.main([*QUICK, "--self-test"]) == 1
        assert "and failed: nowhere" in capsys.readouterr().out

    def test_the_self_test_fails_if_the_gate_sees_more(self) -> None:
        some = suites.select(["small"])[:3]
        slower, even = gate.SLOWER, gate.EVEN
        assert selftest.judge(some, some[1], [even, slower, even])[0] == 0
        assert selftest.judge(some, some[1], [slower, slower, even])[0] == 1
        assert selftest.judge(some, some[1], [slower, even, even])[0] == 1
        assert selftest.judge(some, some[1], [even, slower, gate.UNJUDGED])[0] == 3

    def test_the_self_test_with_true_times(self, capsys: Any) -> None:
        # Of calls so short, the wait takes more than a tenth: that has to be found on any machine.
        arguments = ["--shape", "32x32", "--ops", "scale,mean", "--dtype", "f32", "--self-test", "--seconds", "1"]
        status = command.main(arguments)
        assert status in (gate.PASSED, gate.UNKNOWN), capsys.readouterr().out

    def test_the_document_is_as_its_schema_says(self, tmp_path: Path) -> None:
        file, page = tmp_path / "run.json", tmp_path / "run.html"
        arguments = ["--shape", "16,8x4", "--repeats", "6", "--layout", "contiguous,strided", "--alloc", "both"]
        arguments += ["--seconds", "0.05", "--dtype", "f64"]
        assert command.main([*arguments, "--output-json", str(file), "--report", str(page)]) == 0
        document = json.loads(file.read_text())
        jsonschema.validate(document, SCHEMA)
        for field in ("kernel", "ci_low", "limit_share"):
            lacking = json.loads(file.read_text())
            del lacking["cases"][0][field]
            with pytest.raises(jsonschema.ValidationError, match=field):
                jsonschema.validate(lacking, SCHEMA)
        text = page.read_text()
        assert text.count("<td data-of=\"ratio\">") == len(document["cases"])
        # It needs no other file: the only addresses are names of formats.
        assert set(re.findall(r"https?://[^\"' ]*", text)) <= {"http://www.w3.org/2000/svg"}
        assert not re.search(r"(src|href)=", text)

    def test_peers_that_are_not_there_are_named(self, fake: Any, monkeypatch: Any, capsys: Any) -> None:
        def missing(name: str) -> Any:
            raise ImportError(f"No module named '{name}'")

        fake(lambda call, names, number: 1e-3)
        monkeypatch.setattr(peers.importlib, "import_module", missing)
        assert command.main([*QUICK, "--peers", "numpy,jax"]) == 0
        assert "jax: skipped, No module named 'jax'" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ("--suite 3d", "--suite: '3d' is none of 2d, between, small, catalogue"),
            ("--suite ,", "--suite: the list is empty"),
            ("--shape 4x", "--shape: '4x' is no shape such as 512x512 or 16"),
            ("--shape 0x4", "--shape: '0x4' is no shape such as 512x512 or 16"),
            ("--shape 16 --ops mean_axis1", "no case is left: a vector does not fit mean_axis1"),
            ("--ops no", "no operation is called 'no'; there are: abs, acosh, "),
            ("--dtype f16", "--dtype: 'f16' is none of f32, f64"),
            ("--part 0/6", "--part: '0/6' is no part such as 2/6 or today/6"),
            ("--part 7/6", "--part: '7/6' is no part such as 2/6 or today/6"),
            ("--part 3", "--part: '3' is no part such as 2/6 or today/6"),
            ("--part today/0", "--part: 'today/0' is no part such as 2/6 or today/6"),
            ("--within 0", "--within: '0' is no finite number above 0"),
            ("--layout odd", "--layout: 'odd' is none of contiguous, transpose, fortran, strided"),
            ("--gate 0", "--gate: '0' is no finite number above 0"),
            ("--gate abc", "--gate: 'abc' is no finite number above 0"),
            ("--gate inf", "--gate: 'inf' is no finite number above 0"),
            ("--gat 1", "unrecognized arguments: --gat 1"),
            ("--threads 0", "--threads: '0' is no whole number from 1 on"),
            ("--threads 1025", "1025 threads: expected 1 to 1024"),
            ("--warmup -1", "--warmup: '-1' is no whole number from 0 on"),
            ("--repeats 5", "--repeats: '5' is no whole number from 6 on"),
            ("--repeats 1.5", "--repeats: '1.5' is no whole number from 6 on"),
            ("--output-json /nowhere/run.json", "--output-json: '/nowhere/run.json' cannot be written: No such file"),
            ("--report /", "--report: '/' cannot be written: Is a directory"),
            ("--self-test --report page.html", "--self-test writes no files: without --output-json and --report"),
        ],
    )
    def test_mistakes_are_refused(
        self, arguments: str, said: str, fake: Any, monkeypatch: Any, capsys: Any, tmp_path: Path
    ) -> None:
        """Before anything is measured, on lines that fit the terminal, without a page of usage."""
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.chdir(tmp_path)

        def measured(call: str, names: dict[str, Any], number: int) -> float:
            raise AssertionError("it was measured")

        fake(measured)
        threads = raptors.num_threads()
        with pytest.raises(SystemExit) as refused:
            command.main(arguments.split())
        assert refused.value.code == gate.WRONG
        found = capsys.readouterr()
        assert not found.out and f" {said}" in " ".join(found.err.split()), found.err
        assert found.err.startswith("error: ") and max(map(len, found.err.splitlines())) <= 80
        assert raptors.num_threads() == threads and not list(tmp_path.iterdir())

    def test_a_file_that_is_there_is_kept_until_there_is_another(self, fake: Any, monkeypatch: Any, tmp_path: Path) -> None:
        file = tmp_path / "run.json"
        file.write_text("of yesterday")

        def measured(call: str, names: dict[str, Any], number: int) -> float:
            assert file.read_text() == "of yesterday"
            return 1e-3

        fake(measured)
        assert command.main([*QUICK, "--output-json", str(file)]) == 0
        assert json.loads(file.read_text())["schema"]

    def test_what_does_not_fit_in_memory_is_no_verdict(self, capsys: Any) -> None:
        with pytest.raises(SystemExit) as refused:
            command.main(["--shape", "99999999x99999999", "--ops", "sum"])
        assert refused.value.code == gate.WRONG
        assert "out of memory: sum f32 99999999x99999999: " in " ".join(capsys.readouterr().err.split())

    def test_what_has_no_counterpart_is_refused_before(self, monkeypatch: Any, capsys: Any) -> None:
        ops = cases.ops()
        monkeypatch.setattr(suites, "ops", lambda: {**ops, "min": replace(ops["min"], numpy=None)})
        with pytest.raises(SystemExit):
            command.main(["--ops", "sum,min"])
        said = capsys.readouterr()
        assert not said.out and "NumPy has nothing with the bits of min" in said.err

    def test_what_is_left_out_is_named(self, fake: Any, capsys: Any) -> None:
        fake(lambda call, names, number: 1e-3)
        assert command.main(["--shape", "16,4x4", "--dtype", "f32", "--repeats", "6", "--seconds", "0.01"]) == 0
        said = capsys.readouterr().out
        assert "Left out: a vector does not fit mean_axis1, broadcast_add\n" in said
        assert command.main([*QUICK]) == 0
        assert "Left out" not in capsys.readouterr().out

    def test_lines_fit_a_terminal(self, fake: Any, capsys: Any) -> None:
        fake(lambda call, names, number: 11.234567 if "rp." in call else 0.0123)
        arguments = ["--suite", "between", "--ops", "broadcast_add", "--alloc", "out", "--layout", "transpose"]
        command.main([*arguments, "--repeats", "6", "--seconds", "0.01", "--shape", "8x8,1x3000"])
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80

    def test_simd_modes_have_a_process_of_their_own(self, tmp_path: Path) -> None:
        file = tmp_path / "run.json"
        arguments = ["--simd-mode", "disable", "--shape", "8x8", "--ops", "sum", "--repeats", "6"]
        assert command.main([*arguments, "--output-json", str(file)]) == 0
        document = json.loads(file.read_text())
        assert document["machine"]["isa"] == "portable"
        assert all("portable" in case["kernel"] for case in document["cases"])


def test_the_limit_is_one() -> None:
    from raptors._raptors import _limit

    # A gigabyte a second is less than any machine reaches, a terabyte more.
    for read, written, threads in [(1 << 22, 8, 1), (1 << 20, 1 << 20, 1), (1 << 20, 1 << 20, 2)]:
        assert (read + written) / 1e12 < _limit(read, written, threads) < (read + written) / 1e9
    assert _limit(1, 1, 1) > 0.0
    with pytest.raises(ValueError):
        _limit(1, 1, 0)


def test_the_table_shows_peers() -> None:
    peer = {"ratio": 0.8, "same_bits": False, "right": True}
    case = {"op": "sum", "dtype": "f32", "shape": [8, 8], "speedup": 1.5, "peers": {"jax": peer}}
    wrong = {**case, "peers": {"jax": {**peer, "right": False}}}
    document = {"settings": {"threads": {"raptors": 1, "numpy": 1, "jax": 1}}, "cases": [case, wrong]}
    said = table.peers(document).splitlines()
    assert said[-3].split()[-2:] == ["0.80≈", "jax"]
    assert said[-2].split()[-2:] == ["wrong", "raptors"]
    assert said[-1].startswith("1 of 2")


@pytest.mark.parametrize("beginning", ["cargo xtask compare", "python -m raptors compare"])
def test_the_documents_give_it_arguments_that_it_has(beginning: str) -> None:
    documents = [path for path in REPOSITORY.glob("**/*.md") if "target" not in path.parts]
    flags = {flag for action in command.parser()._actions for flag in action.option_strings}
    named = 0
    for document in documents:
        for text in re.findall(rf"{beginning}([^`#\n]*)", document.read_text(encoding="utf-8")):
            # Drawn by the chore itself.
            for flag in set(re.findall(r"--[a-z-]+", text)) - {"--docs"}:
                assert flag in flags, (document, flag)
            named += 1
    assert named > 0
