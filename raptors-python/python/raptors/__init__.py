"""Fast functions over NumPy arrays, with the bits of NumPy.

Each function comes from a spec file; ``help(raptors.sum)`` tells what it takes, ``raptors.explain`` which kernel a
call runs, and ``raptors.show_config`` what this machine has and what is set. ``raptors.tune`` finds which kernels are
fastest on it. ``raptors.telemetry`` tells what calls there were, and how long they took; within
``raptors.adaptive()`` calls learn whether sharing their work pays.
"""

from . import _numpy  # isort: skip  # First: without it nothing else can be imported.
from ._raptors import *
from ._raptors import (
    Explanation,
    __version__,
    _functions,
    adaptive_reset,
    adaptive_save,
    adaptive_set,
    adaptive_state,
    explain,
    num_threads,
    set_num_threads,
    telemetry,
    telemetry_prometheus,
    telemetry_reset,
    telemetry_set,
    trim,
)
from ._settings import adaptive, show_config, threads
from ._telemetry import telemetry_report
from ._tune import Tuned, TunedRow, TuneProgress, tune

__all__ = [
    "Explanation",
    "TuneProgress",
    "Tuned",
    "TunedRow",
    "__version__",
    "adaptive",
    "adaptive_reset",
    "adaptive_save",
    "adaptive_set",
    "adaptive_state",
    "explain",
    "num_threads",
    "set_num_threads",
    "show_config",
    "telemetry",
    "telemetry_prometheus",
    "telemetry_report",
    "telemetry_reset",
    "telemetry_set",
    "threads",
    "trim",
    "tune",
    *(function["name"] for function in _functions()),
]
