"""What surrounds a call: sandboxes, affinity masks, memory that runs out, the version of NumPy. Each in a process of its
own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import raptors
from raptors import _numpy

from test_process import LINUX, python

FILTER = """
import ctypes, platform, struct

def refuse(action):
    # What a filter of system calls answers to `sched_setaffinity` from here on, in this thread and those it starts.
    number = {"x86_64": 203, "aarch64": 122}[platform.machine()]
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, action), (0x06, 0, 0, 0x7FFF0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    libc = ctypes.CDLL(None, use_errno=True)
    filter = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(program)))
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    return libc.prctl(22, 2, filter, 0, 0) == 0
"""

KILL, EPERM = 0x80000000, 0x00050001

COMPUTE = """
import numpy as np, raptors
x = np.ones((3000, 1000))

def compute():
    raptors.set_num_threads(3)
    for _ in range(200):
        assert raptors.sum(x) == 3e6
"""

FILTERS = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.uname().machine not in ("x86_64", "aarch64"), reason="needs seccomp"
)


@FILTERS
@pytest.mark.parametrize("action", [KILL, EPERM])
def test_a_sandbox_that_refuses_to_move_threads(action: int) -> None:
    code = f"{COMPUTE}{FILTER}\nprint('sandboxed' if refuse({action}) else 'free')\ncompute()\nprint('alive')"
    # Where workers are to be moved, a sandbox that refuses is no reason to fail, and one that kills is not asked for.
    for moves in ["auto", "off"] if action == KILL else ["auto", "off", "on"]:
        out = python(code, RAPTORS_MOVE_WORKERS=moves)
        if "free" in out:
            pytest.skip("this system lets no process filter its calls")
        assert out == "sandboxed\nalive\n"


@FILTERS
def test_a_sandbox_that_a_process_enters_later() -> None:
    code = f"{COMPUTE}{FILTER}\ncompute()\nprint('sandboxed' if refuse({KILL}) else 'free')\ncompute()\nprint('alive')"
    out = python(code, RAPTORS_MOVE_WORKERS="off")
    if "free" in out:
        pytest.skip("this system lets no process filter its calls")
    assert out == "sandboxed\nalive\n"


@LINUX
def test_a_thread_with_one_core_does_not_decide_for_all() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one core")
    usual = python("import raptors; print(raptors.num_threads())")
    code = """
        import os, threading, time, numpy as np, raptors
        x, all_cores = np.ones((3000, 1000)), os.sched_getaffinity(0)

        def pinned():
            os.sched_setaffinity(0, {min(all_cores)})
            print(raptors.num_threads())
            if SET:
                raptors.set_num_threads(2)
            raptors.sum(x)

        thread = threading.Thread(target=pinned)
        thread.start()
        thread.join()
        print(raptors.num_threads())
        raptors.set_num_threads(2)
        raptors.sum(x)

        def workers():
            found = []
            for task in os.listdir("/proc/self/task"):
                try:
                    if open(f"/proc/self/task/{task}/comm").read().startswith("raptors-"):
                        found.append(os.sched_getaffinity(int(task)))
                except OSError:
                    pass
            return found

        # New ones have yet to begin, and those that were confined to its core end when they next look.
        for _ in range(1000):
            found = workers()
            if found and all(mask == all_cores for mask in found):
                break
            time.sleep(0.01)
        print(len(found) >= 1, all(mask == all_cores for mask in found))
        """
    assert python(code.replace("SET", "False")) == f"1\n{usual}True True\n"
    assert python(code.replace("SET", "True")) == "1\n2\nTrue True\n"


@LINUX
def test_a_block_with_other_threads_leaves_nothing_behind() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one core")
    usual = python("import raptors; print(raptors.num_threads())")
    out = python(
        """
        import os, raptors
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        with raptors.threads(3), raptors.threads(2):
            pass
        os.sched_setaffinity(0, cores)
        print(raptors.num_threads())
        """
    )
    assert out == usual


@LINUX
def test_a_mask_that_changes_counts_from_the_next_call_on() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one core")
    out = python(
        """
        import os, numpy as np, raptors
        x, cores = np.ones((3000, 1000), np.float32), os.sched_getaffinity(0)
        before = raptors.explain("sum", x).threads
        os.sched_setaffinity(0, {min(cores)})
        raptors.sum(x)
        one = raptors.explain("sum", x).threads
        os.sched_setaffinity(0, cores)
        print(one, raptors.explain("sum", x).threads == before)
        """
    )
    assert out == "1 True\n"


@LINUX
@pytest.mark.parametrize(
    "call",
    [
        "raptors.scale(x[:6_000_000], 2.0)",
        # Copied first.
        "raptors.sum(x[:6_000_000][::-1])",
        # Written out first.
        "raptors.copysign(x[:4_000_000], 2.0)",
        "raptors.argmax(x[:6_000_000].reshape(-1, 1), axis=1)",
        "raptors.sum(x[:6_000_000].reshape(-1, 1), axis=1)",
    ],
)
def test_memory_that_is_kept_is_given_back_when_there_is_no_other(call: str) -> None:
    out = python(
        f"""
        import resource, numpy as np, raptors
        raptors.set_num_threads(1)
        x = np.ones(8_000_000)
        raptors.scale(x, 2.0)
        kept = raptors._raptors._config()["pool bytes"]
        limit = int(open("/proc/self/statm").read().split()[0]) * 4096 + (32 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        {call}
        print(kept >= x.nbytes)
        """
    )
    assert out == "True\n"


@pytest.mark.parametrize("shape", [(10, 10), (500, 500)])
def test_results_can_be_locked_and_unlocked(shape: tuple[int, int]) -> None:
    x = raptors.scale(np.ones(shape), 2.0)
    for _ in range(2):
        x.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            x[0, 0] = 1.0
        x.flags.writeable = True
        x[0, 0] = 1.0
    x.setflags(write=False)
    view = x[1:]
    assert not view.flags.writeable
    x.setflags(write=True)
    view.flags.writeable = True
    view[0, 0] = 3.0
    assert x[1, 0] == 3.0 and memoryview(x).readonly is False


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("sys.modules['numpy'] = None", "raptors needs NumPy 2.3 or newer, and none can be imported: "),
        ("import numpy; numpy.__version__ = '2.2.6'", "raptors needs NumPy 2.3 or newer, and this is 2.2.6, whose sums"),
        ("import numpy; numpy.__version__ = '1.26.4'", "raptors needs NumPy 2.3 or newer, and this is 1.26.4, whose sums"),
    ],
)
def test_without_numpy_or_with_an_old_one(before: str, words: str) -> None:
    out = python(
        f"""
        import sys
        {before}
        try:
            import raptors
        except ImportError as error:
            print(error)
        """
    )
    assert out.startswith(words) and "`pip install 'numpy>=2.3'` installs one" in out


def test_which_versions_are_old() -> None:
    for version in ["2.3.0", "2.4.6", "2.10.0", "3.0.0rc1", "2.3.0.dev0+git", "unknown"]:
        _numpy.check(version)
    for version in ["2.2.6", "2.0.0", "1.26.4", "0.1"]:
        with pytest.raises(ImportError, match=f"this is {version}"):
            _numpy.check(version)
    needed = Path(__file__).parents[1].joinpath("pyproject.toml").read_text()
    assert f'"numpy>={_numpy.OLDEST[0]}.{_numpy.OLDEST[1]}"' in needed


COMPARE = [sys.executable, "-m", "raptors", "compare", "--ops", "sum", "--dtype", "f32", "--repeats", "6", "--seconds", "0.01"]
COMPARE += ["--shape", "16x16", "--warmup", "0", "--threads", "1", "--gate", "0.0001"]


def test_compare_prints_to_what_is_no_utf_8() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(COMPARE, env=environment, capture_output=True, timeout=120)
    # 3: NumPy beside NumPy need not be even here.
    assert done.returncode in (0, 3), done.stderr
    assert b"16^2" in done.stdout and not done.stderr


def test_compare_prints_to_nobody() -> None:
    for closed in ["stdout", "stderr", "both"]:
        streams = {name: subprocess.PIPE for name in ("stdout", "stderr")}
        with subprocess.Popen(COMPARE, **streams) as process:
            for name in streams:
                if closed in (name, "both"):
                    getattr(process, name).close()
            process.wait(timeout=120)
        assert process.returncode in ((0, 3) if closed == "stderr" else (3,)), closed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_compare_prints_to_what_is_full() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(COMPARE, stdout=full, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 2 and b"No space left on device" in done.stderr


def test_an_error_does_not_have_the_status_of_a_case_below_the_gate() -> None:
    code = "import sys; from raptors._streams import guarded; sys.exit(guarded(lambda: 1 // 0, failed=2, unread=3))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120)
    assert done.returncode == 2 and b"ZeroDivisionError" in done.stderr
