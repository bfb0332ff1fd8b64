"""Fast functions over NumPy arrays, with the bits of NumPy.

Each function comes from a spec file; ``help(raptors.sum)`` tells what it takes, ``raptors.explain`` which kernel a
call runs, and ``raptors.show_config`` what this machine has and what is set.
"""

from ._raptors import *
from ._raptors import (
    Explanation,
    __version__,
    _functions,
    explain,
    num_threads,
    set_num_threads,
    trim,
)
from ._settings import show_config, threads

__all__ = [
    "Explanation",
    "__version__",
    "explain",
    "num_threads",
    "set_num_threads",
    "show_config",
    "threads",
    "trim",
    *(function["name"] for function in _functions()),
]
