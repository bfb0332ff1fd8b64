"""What becomes of a command whose output cannot be written as it is meant, or at all."""

from __future__ import annotations

import codecs
import os
import sys
import traceback
from collections.abc import Callable

PLAIN = {"²": "^2", "×": "x", "–": "-", "−": "-", "…": "...", "µ": "u", "·": "*"}
"""What is printed for letters that an encoding lacks."""


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


codecs.register_error("raptors.plain", _plain)


def guarded(command: Callable[[], int], *, failed: int, unread: int) -> int:
    """The exit status of a command; `failed` if it raises, and `unread` if nobody reads what it prints any more: never the
    1 with which Python ends by itself."""
    for name in ["stdout", "stderr"]:
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="raptors.plain")
    try:
        status = command()
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _leave(sys.stdout)
        return unread
    except Exception:
        try:
            traceback.print_exc()
        except OSError:
            _leave(sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:
            _leave(sys.stdout)
        return failed


def _leave(stream: object) -> None:
    """Python writes what is left to it when it ends: let it write that to nowhere."""
    if hasattr(stream, "fileno"):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
