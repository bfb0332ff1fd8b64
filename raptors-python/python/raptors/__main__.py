"""``python -m raptors``: the commands of the package."""

from __future__ import annotations

import sys

from ._streams import guarded
from .compare import gate
from .compare.command import main as compare

USAGE = """usage: python -m raptors compare [options]

  compare   measure the functions of raptors beside those of NumPy and others
"""


def main(arguments: list[str]) -> int:
    match arguments:
        case ["compare", *rest]:
            return compare(rest)
        case ["-h" | "--help"]:
            print(USAGE, end="")
            return 0
        case _:
            if arguments:
                print(f"error: there is no command '{arguments[0]}'", file=sys.stderr)
            print(USAGE, end="", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(guarded(lambda: main(sys.argv[1:]), failed=gate.WRONG, unread=gate.UNKNOWN))
