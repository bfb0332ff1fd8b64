"""Settings of the process: how they are shown, and changed for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ._raptors import _adaptive_is_on, _config, _set_thread_limit, _thread_limit, adaptive_set, set_num_threads


def show_config() -> None:
    """Print the version, the instruction set in use, the threads, the processor and the profiles that calls follow, and
    the environment variables that are obeyed."""
    for name, value in _config().items():
        if isinstance(value, dict):
            print(f"{name}:")
            for variable, text in value.items():
                print(f"  {variable}: {'not set' if text is None else text}")
        else:
            print(f"{name}: {value}")


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Within ``with threads(n):``, calls use at most ``n`` threads.

    The number is one of the process, as with ``set_num_threads``: it holds for the calls of all Python threads, and what
    is put back at the end is what was found at the beginning. Two Python threads that are in such a block at once see
    each other's numbers, and may leave one behind. So this is for one thread of a program, or for several that hold a
    lock meanwhile.
    """
    before = _thread_limit()
    set_num_threads(number)
    try:
        yield
    finally:
        _set_thread_limit(before)


@contextmanager
def adaptive() -> Iterator[None]:
    """Within ``with adaptive():``, calls learn from what they take whether to share their work, and in what pieces.

    As with ``threads``, that holds for the calls of all Python threads, and what was found at the beginning is put back at
    the end. What was learned stays: the next such block goes on with it, ``adaptive_state()`` tells it, ``explain`` says where
    it decides, ``adaptive_save()`` writes it into your own profile, and ``adaptive_reset()`` forgets it. Results have the same
    bits, whatever was learned.
    """
    before = _adaptive_is_on()
    adaptive_set(True)
    try:
        yield
    finally:
        adaptive_set(before)
