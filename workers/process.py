"""The one ``Bridge`` of this worker process: made before the first job, so that a job costs milliseconds."""

from __future__ import annotations

from functools import cache

from bridge.bootstrap import Bridge, build
from config.settings import load

CONNECTIONS_MAX = 4


@cache
def bridge_of_this_process() -> Bridge:
    """The broker this process works with."""
    return build(load(), connections_max=CONNECTIONS_MAX)
