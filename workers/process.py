"""One ``Bridge`` for each worker process, made after the fork, from what was loaded before it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from bridge.bootstrap import Bridge, build, preload_erp
from bridge.ports.erp import Erp
from config.settings import Settings, load


@dataclass(slots=True)
class _Process:
    """What the parent loaded, and what this process made of it."""

    settings: Settings | None = None
    erp: Erp | None = None
    bridge: Bridge | None = None
    pid: int = 0


_process = _Process()


def preload() -> Settings:
    """Read the settings and import and parse everything slow, so that a forked job starts in milliseconds."""
    _process.settings = load()
    _process.erp = preload_erp(_process.settings)
    return _process.settings


def bridge_of_this_process() -> Bridge:
    """The broker of the calling process; connections are never carried over a fork."""
    if _process.bridge is None or _process.pid != os.getpid():
        settings = _process.settings or preload()
        _process.bridge = build(settings, erp=_process.erp)
        _process.pid = os.getpid()
    return _process.bridge
