"""What a process does: threads, forks, signals, memory, the environment. Each in an interpreter of its own, where it
could harm others."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import raptors

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


def python(code: str, **variables: str) -> str:
    """What a program of its own prints."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAPTORS_")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_many_threads() -> None:
    rng = np.random.default_rng(0)
    small, large = rng.random((8, 4, 4)), rng.random((8, 300, 400))

    def work(number: int) -> int:
        x, y = small[number], large[number]
        sums, rows, doubled = np.sum(x), np.sum(y, axis=0), y * 2.0
        wrong = 0
        for turn in range(10_000):
            wrong += raptors.sum(x) != sums
            if turn % 50 == 0:
                wrong += (raptors.sum(y, axis=0) != rows).any()
                wrong += (raptors.scale(y, 2.0) != doubled).any()
        return int(wrong)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 0


def test_the_lock_is_released() -> None:
    """While one thread computes, another goes on: it is never kept waiting for as long as the call takes."""
    out = python(
        """
        import threading, time, numpy as np, raptors
        x = np.zeros(1 << 30, np.float32)
        thread = threading.Thread(target=lambda: raptors.sum(x))
        longest = 0.0
        # From before it starts: who waits for the lock does so in `start` already.
        start = last = time.perf_counter()
        thread.start()
        while thread.is_alive():
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        print(longest < (last - start) / 2, longest, last - start)
        """
    )
    assert out.startswith("True"), out


@LINUX
def test_importing_starts_no_thread() -> None:
    out = python(
        """
        import os
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        import numpy as np
        count = lambda: len(os.listdir("/proc/self/task"))
        before = count()
        import raptors
        raptors.scale(np.ones((10, 10)), 2.0), raptors.num_threads()
        print(count() - before)
        raptors.set_num_threads(3)
        raptors.sum(np.ones((3000, 3000)))
        print(count() - before > 0)
        """
    )
    assert out == "0\nTrue\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_parent_and_child_compute_after_a_fork() -> None:
    out = python(
        """
        import os, sys, warnings, numpy as np, raptors
        warnings.simplefilter("ignore")
        raptors.set_num_threads(3)
        x = np.random.default_rng(0).random((2000, 2000))
        right = raptors.sum(x, axis=1)
        for _ in range(5):
            child = os.fork()
            ours = raptors.sum(x, axis=1), raptors.scale(x, 2.0)
            good = (ours[0] == right).all() and (ours[1] == x * 2).all()
            if child == 0:
                os._exit(0 if good else 1)
            assert good and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        print("both")
        """
    )
    assert out == "both\n"


INTERRUPT = """
import os, signal, statistics, threading, time, numpy as np, raptors
raptors.set_num_threads({threads})
# Reading zeros that were never written takes address space and no memory.
x = np.zeros(1 << 30, np.float32)
half, pairs, narrow = x[: 1 << 28], x[: 1 << 27].reshape(-1, 2), x.reshape(-1, 8)
sent = 0.0
durations = []
for _ in range(3):
    start = time.perf_counter()
    raptors.{call}
    durations.append(time.perf_counter() - start)

def interrupt():
    global sent
    time.sleep(0.03)
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)

latencies = []
while len(latencies) < 5:
    sent, returned = 0.0, False
    thread = threading.Thread(target=interrupt)
    try:
        thread.start()
        while not sent:
            returned = False
            raptors.{call}
            returned = True
        # The call was done although the signal was sent. If that was at its very end, the signal is about to come.
        thread.join()
        time.sleep(0.3)
        print("swallowed")
        break
    except KeyboardInterrupt:
        if not returned:
            latencies.append(time.perf_counter() - sent)
    thread.join()
print(statistics.median(latencies or [0.0]) / statistics.median(durations))
# All is as before.
time.sleep(0.05)
print(int(raptors.sum(np.ones(1 << 22, np.float32))))
"""


def interrupted(call: str, threads: int) -> float:
    """How long it takes until an interrupt has ended the call, the median of some, over how long the whole call takes.
    Each must have ended it: a call that is done all the same, and whose result is returned, is an interrupt that nobody
    hears of."""
    out = python(INTERRUPT.format(call=call, threads=threads))
    words = out.split()
    assert len(words) == 2 and words[1] == "4194304", out
    return float(words[0])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("call", ["sum(x)", "min(x)", "scale(half, 2.0, out=half)", "sum(narrow, axis=1)"])
def test_an_interrupt_ends_a_long_call(call: str, threads: int) -> None:
    assert interrupted(call, threads) < 0.5


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_of_a_call_that_cannot_be_cut(threads: int) -> None:
    """Down a few columns the class `numpy` has but one piece: it is finished, and then the interrupt is raised."""
    interrupted("sum(pairs, axis=0)", threads)


def test_a_handler_of_signals_runs_during_a_call() -> None:
    """It may compute itself, and what it raises is what the call raises."""
    out = python(
        """
        import os, signal, threading, time, numpy as np, raptors
        x = np.zeros(1 << 30, np.float32)

        def handler(number, frame):
            assert raptors.sum(np.ones((1000, 1000))) == 1e6
            raise LookupError("from the handler")

        signal.signal(signal.SIGUSR1, handler)
        threading.Timer(0.03, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        try:
            while True:
                raptors.sum(x)
        except LookupError as error:
            print(error)
        """
    )
    assert out == "from the handler\n"


@pytest.mark.parametrize("bytes", [0, 1 << 20, 1 << 30])
def test_a_panic_is_an_exception(bytes: int, capfd: Any) -> None:
    for _ in range(3):
        with pytest.raises(RuntimeError, match="a defect of raptors: this is a test"):
            raptors._raptors._panic(bytes)
    assert "this is a test" in capfd.readouterr().err
    assert raptors.sum(np.ones((3000, 1000))) == 3e6


@LINUX
def test_no_memory_is_an_exception() -> None:
    out = python(
        """
        import resource, numpy as np, raptors
        x = np.ones(8_000_000)
        raptors.sum(x)
        limit = int(open("/proc/self/statm").read().split()[0]) * 4096 + (32 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for layout in [x, x[::-1]]:
            try:
                raptors.scale(layout, 2.0)
            except MemoryError as error:
                print(type(error).__name__)
        print(raptors.scale(x[:10], 2.0).sum(), raptors.sum(x), raptors.scale(x, 2.0, out=x)[0])
        """
    )
    assert out == "MemoryError\nMemoryError\n20.0 8000000.0 2.0\n", out


@pytest.mark.parametrize(
    ("variable", "value"),
    [("RAPTORS_SIMD", "fast"), ("RAPTORS_THREADS", "many"), ("OMP_NUM_THREADS", "-1"), ("RAPTORS_POOL_BYTES", "all")],
)
def test_the_environment_is_read_at_the_first_call(variable: str, value: str) -> None:
    out = python(
        """
        import numpy as np, raptors
        for call in [lambda: raptors.scale(np.ones(3), 2.0), lambda: raptors.sum(np.ones((3, 3)), axis=0)]:
            try:
                call()
            except ValueError as error:
                print(error)
        """,
        **{variable: value},
    )
    assert len(out.splitlines()) == 2
    for line in out.splitlines():
        assert line.startswith(f'{variable}="{value}": expected '), line


def test_the_environment_is_obeyed() -> None:
    code = "import raptors, numpy as np; print(raptors.explain('sum', np.ones(3)).isa, raptors.num_threads())"
    assert python(code, RAPTORS_SIMD="off", RAPTORS_THREADS="7") == "portable 7\n"


def test_results_are_ordinary_arrays_over_pooled_memory() -> None:
    raptors.trim()
    for shape in [(10, 10), (500, 500)]:
        x = raptors.scale(np.ones(shape, np.float32), 2.0)
        assert type(x) is np.ndarray and x.flags.c_contiguous and x.flags.writeable and x.flags.aligned
        x += 1
        part = x[1:3]
        address = x.__array_interface__["data"][0]
        assert address % 64 == 0 or x.nbytes < 65536
        # A view keeps the memory alive; when the last one dies, the next result is there.
        del x
        assert (part == 3.0).all()
        if shape == (500, 500):
            other = raptors.scale(np.ones(shape, np.float32), 3.0)
            assert other.__array_interface__["data"][0] != address and (part == 3.0).all()
            del part
            again = raptors.scale(np.ones(shape, np.float32), 4.0)
            assert again.__array_interface__["data"][0] == address
