"""What is refused, in NumPy's words, before any output is touched."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import raptors

from layouts import FUNCTIONS, MAPS, REDUCTIONS, matrices

X = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize("dtype", ["int64", "bool", "float16", "complex128", "longdouble", "object", "U3", "M8[s]"])
def test_dtypes(dtype: str) -> None:
    x = np.zeros((3, 4), dtype)
    for call in [lambda: raptors.scale(x, 2.0), lambda: raptors.sum(x, axis=0), lambda: raptors.add(X, x)]:
        with pytest.raises(TypeError, match=r"not supported: [xy] has dtype .*, and must have float32 or float64"):
            call()


@pytest.mark.parametrize("x", [[1.0], 1.0, None, "text", np.float64(1.0), memoryview(b"1234"), np.ma.ones(3)])
def test_what_is_no_array(x: Any) -> None:
    for call in [lambda: raptors.scale(x, 2.0), lambda: raptors.mean(x), lambda: raptors.broadcast_add(X, x)]:
        with pytest.raises(TypeError, match=r"(x|row) must be a numpy.ndarray of float32 or float64, not "):
            call()


def test_subclasses_that_are_arrays_all_through(tmp_path: Any) -> None:
    mapped = np.memmap(tmp_path / "file", np.float64, "w+", shape=(3, 4))
    mapped[...] = X
    assert type(raptors.scale(mapped, 2.0)) is np.ndarray
    np.testing.assert_array_equal(raptors.sum(mapped, axis=1), X.sum(axis=1))


def test_dimensions() -> None:
    with pytest.raises(ValueError, match="must have 1 or 2 dimensions, but has 3"):
        raptors.add_row(np.zeros((2, 3, 4)), np.zeros(4))
    words = "numerics='accurate' takes an array of one or two dimensions, and one axis or all"
    with pytest.raises(ValueError, match=words):
        raptors.sum(np.zeros((2, 3, 4)), numerics="accurate")
    with pytest.raises(ValueError, match="nanvar takes axes that are neighbours in memory"):
        raptors.nanvar(np.zeros((2, 3, 4)), axis=(0, 2))


def test_mixed_dtypes() -> None:
    small = X.astype(np.float32)
    words = "y has dtype float32, and must have float64 as the others; y.astype\\(np.float64\\) converts it"
    for call in [lambda: raptors.add(X, small), lambda: raptors.add(X, small[0]), lambda: raptors.dot(X, small)]:
        with pytest.raises(TypeError, match=words):
            call()


@pytest.mark.parametrize("shape", [(4, 3), (3, 1), (4,), (12,), (0, 4)])
def test_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"operands could not be broadcast together with shapes \(3,4\) \("):
        raptors.dot(X, np.zeros(shape))
    if shape != (4,):
        with pytest.raises(ValueError, match=r"operands could not be broadcast together with shapes \(3,4\) \("):
            raptors.broadcast_add(X, np.zeros(shape))
    np.testing.assert_array_equal(raptors.broadcast_add(X, np.ones((1, 4))), X + 1)


@pytest.mark.parametrize("scalar", ["2", None, 1j, np.complex64(1), np.ones(1), np.ones((1, 1)), [2.0]])
def test_scalars(scalar: Any) -> None:
    with pytest.raises(TypeError, match="real number"):
        raptors.scale(X, scalar)


def test_a_number_too_large() -> None:
    with pytest.raises(OverflowError):
        raptors.scale(X, 10**400)


class Sly:
    """A number that does something to an array when it is converted."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __float__(self) -> float:
        self.act()
        return 2.0


class SlyNumber(Sly):
    """One that does so before, when it is asked for its dtype."""

    ndim = 0

    @property
    def dtype(self) -> Any:
        self.act()
        return np.dtype(np.float64)

    def __float__(self) -> float:
        return 2.0


@pytest.mark.parametrize("kind", [Sly, SlyNumber])
def test_a_number_that_changes_the_array(kind: type[Sly]) -> None:
    """The array counts as it is after the conversion, also one that is copied to be read."""
    for places in [slice(None), slice(None, None, 2)]:
        x = np.zeros(1000)
        result = raptors.scale(x[places], kind(lambda: x.fill(3.0)))
        np.testing.assert_array_equal(result, np.full(x[places].shape, 6.0))
    x = np.ones(1000)
    result = raptors.scale(x, kind(lambda: x.resize((5,), refcheck=False)))
    np.testing.assert_array_equal(result, np.full(5, 2.0))
    out = np.zeros(5)
    raptors.scale(x, kind(lambda: out.setflags(write=True)), out=out)
    np.testing.assert_array_equal(out, np.full(5, 2.0))
    with pytest.raises(ValueError, match="output array is read-only"):
        raptors.scale(x, kind(lambda: out.setflags(write=False)), out=out)


class SlyArray(np.ndarray[Any, Any]):
    """An array of a class whose attributes run code, which a call must not ask for."""

    asked = 0

    def _ask(self) -> None:
        type(self).asked += 1

    shape = property(lambda self: self._ask() or np.ndarray.shape.__get__(self))  # type: ignore[assignment]
    dtype = property(lambda self: self._ask() or np.ndarray.dtype.__get__(self))  # type: ignore[assignment]
    ndim = property(lambda self: self._ask() or np.ndarray.ndim.__get__(self))  # type: ignore[assignment]
    __class__ = property(lambda self: self._ask() or SlyArray)  # type: ignore[assignment]


def test_no_code_of_arrays_runs_during_a_call() -> None:
    """It could resize an array whose memory is about to be read or written."""
    x, y, out, row = (np.ones(shape).view(SlyArray) for shape in [(3, 4), (3, 4), (3, 4), 4])
    SlyArray.asked = 0
    raptors.scale(x, 2.0, out=out)
    raptors.add(x, y, out=out)
    raptors.broadcast_add(x, row)
    raptors.sum(x, axis=0, out=row)
    assert raptors.mean(x) == 1.0
    assert SlyArray.asked == 0
    # It is there to be run.
    assert out.shape == (3, 4) and SlyArray.asked == 1


@pytest.mark.parametrize("name", REDUCTIONS)
def test_axes(name: str) -> None:
    given = matrices(name, X).values()
    vectors = matrices(name, X[0]).values()

    def function(axis: Any) -> Any:
        return getattr(raptors, name)(*given, axis)

    for axis in [2, -3, 100, -100]:
        with pytest.raises(np.exceptions.AxisError) as ours:
            function(axis)
        with pytest.raises(np.exceptions.AxisError) as theirs:
            np.sum(X, axis)
        assert str(ours.value) == str(theirs.value)
    with pytest.raises(np.exceptions.AxisError):
        getattr(raptors, name)(*vectors, 1)
    for axis in ["0", 0.0, (0, 1.0), [0, 1]]:
        with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
            function(axis)
    if name in ["argmax", "argmin"]:
        with pytest.raises(TypeError, match="'tuple' object cannot be interpreted as an integer"):
            function((0, 1))
    else:
        with pytest.raises(ValueError, match="duplicate value in 'axis'"):
            function((0, -2))
        with pytest.raises(np.exceptions.AxisError):
            function((0, 2))


def test_numerics() -> None:
    with pytest.raises(ValueError, match="numerics must be one of 'numpy', 'accurate', 'any' \\(got 'fast'\\)"):
        raptors.sum(X, numerics="fast")
    with pytest.raises(ValueError, match="numeric class"):
        raptors.max(X, numerics="accurate")
    with pytest.raises(ValueError, match="numeric class"):
        raptors.scale(X, 2.0, numerics="accurate")
    with pytest.raises(TypeError, match="numerics"):
        raptors.div(X, X, numerics="any")


def test_out() -> None:
    for call in [lambda out: raptors.scale(X, 2.0, out=out), lambda out: raptors.sum(X, axis=0, out=out)]:
        with pytest.raises(TypeError, match="return arrays must be of ArrayType"):
            call([1.0])
        for shape in [(), (3,), (4, 3), (2, 3, 4), (1, 4)]:
            out = np.full(shape, 7.0)
            with pytest.raises(ValueError, match="non-broadcastable output operand with shape .* doesn't match"):
                call(out)
            assert (out == 7.0).all()
        for dtype in ["float32", "int64", "complex128"]:
            with pytest.raises(TypeError, match=r"Cannot cast output from dtype\('float64'\) to dtype\('"):
                call(np.zeros(3, dtype) if False else np.zeros((3, 4) if call(None).ndim == 2 else 4, dtype))
    out = np.zeros((3, 4))
    out.flags.writeable = False
    with pytest.raises(ValueError, match="output array is read-only"):
        raptors.scale(X, 2.0, out=out)


@pytest.mark.parametrize("name", MAPS)
def test_calls(name: str) -> None:
    function = getattr(raptors, name)
    with pytest.raises(TypeError, match="missing"):
        function()
    with pytest.raises(TypeError, match="unexpected keyword argument 'axis'"):
        function(X, axis=0)


def test_explain_and_threads() -> None:
    found = raptors.explain("mean", X, axis=0)
    assert found.op == "mean_axis0" and found.shape == (3, 4) and found.kernel.startswith("add_columns_f64_")
    assert found.kernel in str(found) and found.threads == 1 and found.reason
    assert raptors.explain("scale", X[0].astype(np.float32)).dtype == "float32"
    assert found.sharing and found.sharing in str(found)
    with pytest.raises(ValueError, match="no function is called 'men'; there are: "):
        raptors.explain("men", X)
    before = raptors.num_threads()
    with raptors.threads(3):
        assert raptors.num_threads() == 3
        # For all of the process.
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(raptors.num_threads).result() == 3
        with pytest.raises(KeyError), raptors.threads(1):
            assert raptors.num_threads() == 1
            raise KeyError
        assert raptors.num_threads() == 3
    assert raptors.num_threads() == before
    with pytest.raises(ValueError, match="0 threads"):
        raptors.set_num_threads(0)


def test_explanations_say_why_so_many_threads() -> None:
    with raptors.threads(2):
        for shape, axis, words in [
            ((200000, 20), 0, "its columns are too few to be shared"),
            ((20000, 200), 0, "the crossover of "),
            ((10, 10), 0, "less than the crossover of "),
            ((2000, 2000), 0, "the crossover of "),
        ]:
            found = raptors.explain("mean", np.ones(shape, np.float32), axis=axis)
            assert words in found.sharing and (found.threads == 2) == words.startswith("the "), (shape, found.sharing)
    with raptors.threads(1):
        assert raptors.explain("mean", np.ones((2000, 2000))).sharing == "no more are allowed"


def test_explanations_are_pickled_copied_and_compared() -> None:
    found = raptors.explain("mean", X, axis=0)
    for again in [copy.copy(found), copy.deepcopy(found), *(pickle.loads(pickle.dumps(found, version)) for version in range(2, 6))]:
        assert again == found and hash(again) == hash(found) and str(again) == str(found) and type(again) is type(found)
    assert found != raptors.explain("mean", X, axis=1)
    for name in FUNCTIONS:
        assert pickle.loads(pickle.dumps(getattr(raptors, name))) is getattr(raptors, name)


def test_no_elements_are_refused_in_numpy_s_words() -> None:
    for name in ["max", "min", "argmax", "argmin", "nanmax", "nanmin", "ptp"]:
        for x, axis in [(np.empty(0), None), (np.empty((0, 3)), 0), (np.empty((0, 3)), None)]:
            with pytest.raises(ValueError) as ours:
                getattr(raptors, name)(x, axis=axis)
            with pytest.raises(ValueError) as theirs:
                getattr(np, name)(x, axis=axis)
            assert str(ours.value) == str(theirs.value), name


def test_show_config(capsys: pytest.CaptureFixture[str]) -> None:
    raptors.show_config()
    said = capsys.readouterr().out
    assert f"version: {raptors.__version__}\n" in said and "RAPTORS_THREADS: " in said and "isa: " in said


def test_every_function_has_docs() -> None:
    for name, function in FUNCTIONS.items():
        docs = getattr(raptors, name).__doc__
        # Several functions may come of one spec.
        file, line = function["spec"].split(":")
        assert (Path(__file__).parents[2] / file).is_file(), (name, file)
        words = ["Parameters", "Returns", "Raises", "out :", f"From `{file}`, line {line}.", function["summary"]]
        if function["numpy"] is not None:
            words.append(f"In NumPy: `{function['numpy']}`.")
        words += [f"{input} : " for input, _ in function["inputs"]]
        said = [float(number) for number in re.findall(r"^    (\S+) if it is left out\.$", docs, re.MULTILINE)]
        assert said == [default for _, default in function["defaults"]], name
        for word in words:
            assert word in docs, (name, word)
