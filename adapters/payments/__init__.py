"""Payment connectors, one folder a provider. Each names its factory in the entry point group ``bridge.payments``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

from bridge.ports.provider import Provider

GROUP = "bridge.payments"

Factory = Callable[[Mapping[str, Any]], Provider]


def registry() -> Mapping[str, Factory]:
    """Every installed connector: its code, as in ``/hooks/{code}/{account}``, and the factory that takes its settings.

    All are imported here and now, so that a broken one fails at the start of the process and not at the first payment.
    """
    return {point.name: point.load() for point in entry_points(group=GROUP)}
