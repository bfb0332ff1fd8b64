"""Is there a NumPy, and one whose bits are those of this package?"""

from __future__ import annotations

import re

OLDEST = (2, 3)
"""Those before sum in another order."""

_NEEDED = f"raptors needs NumPy {OLDEST[0]}.{OLDEST[1]} or newer"
_WAY_OUT = f"`pip install 'numpy>={OLDEST[0]}.{OLDEST[1]}'` installs one"


def check(version: str) -> None:
    """Refuses a version that is too old."""
    number = re.match(r"(\d+)\.(\d+)", version)
    if number is not None and tuple(map(int, number.groups())) < OLDEST:
        raise ImportError(f"{_NEEDED}, and this is {version}, whose sums have other bits; {_WAY_OUT}")


try:
    import numpy
except ImportError as error:
    raise ImportError(f"{_NEEDED}, and none can be imported: {error}; {_WAY_OUT}") from error
check(numpy.__version__)
