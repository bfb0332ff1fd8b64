"""What was counted of calls, as a page."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path

from ._raptors import _config, _telemetry_html, telemetry


def telemetry_report(path: str | PathLike[str]) -> None:
    """Write a page of HTML about what ``telemetry`` tells: the kinds of calls, those first that took the most time, and the
    last calls. It needs no other file. What stands at ``path`` is overwritten; ``OSError`` if it cannot be written."""
    config = _config()
    machine = f"raptors {config['version']} on {config['cpu']}, {config['threads']} threads"
    document = {"schema": "raptors-telemetry/1", "machine": machine, **telemetry()}
    Path(path).write_text(_telemetry_html(json.dumps(document)), encoding="utf-8")
