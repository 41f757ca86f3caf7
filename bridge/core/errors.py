"""Everything that can go wrong, sorted by the one question that matters: may something have happened?

    BridgeError
     +- Refused             the answer is no, and final: never retry
     +- NotSent             nothing left this machine: retry freely
     |   +- NotTried        nobody even tried: wait a moment; it is no attempt
     +- Unknown             it may have happened: look it up first
     +- Throttled           the other side asks to wait
     +- Misconfigured       a human must act: stop this connector and raise an alarm
     +- IntegrityMismatch   the other side speaks of another amount, currency or order: never post, raise an alarm

Adapters translate every foreign error into exactly one of these; what they do not recognise is ``Unknown``.
"""

from __future__ import annotations

from typing import Any


class BridgeError(Exception):
    """Any failure the broker can name.

    ``code`` is stable and machine readable, ``message`` is an English sentence with ``%(name)s`` places that
    ``params`` fill (so that the catalogue can translate it), ``upstream`` names the system that failed, if any.
    """

    def __init__(self, code: str, message: str, *, upstream: str | None = None, **params: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.upstream = upstream
        self.params = params

    def __str__(self) -> str:
        where = f"{self.upstream}: " if self.upstream else ""
        return f"{self.code}: {where}{self.message % self.params if self.params else self.message}"


class Refused(BridgeError):
    """The answer is no, and it is final."""


class NotSent(BridgeError):
    """Nothing left this machine."""


class NotTried(NotSent):
    """Nobody even tried, because the other side is left alone or we are busy: look again in ``retry_after_s``."""

    def __init__(
        self, code: str, message: str, *, retry_after_s: float, upstream: str | None = None, **params: Any
    ) -> None:
        super().__init__(code, message, upstream=upstream, **params)
        self.retry_after_s = retry_after_s


class Unknown(BridgeError):
    """It may have happened: look it up before trying again."""


class Throttled(BridgeError):
    """The other side asks to wait ``retry_after_s`` seconds."""

    def __init__(
        self, code: str, message: str, *, retry_after_s: float, upstream: str | None = None, **params: Any
    ) -> None:
        super().__init__(code, message, upstream=upstream, **params)
        self.retry_after_s = retry_after_s


class Misconfigured(BridgeError):
    """A human must act: the connector cannot work as it is set up."""


class IntegrityMismatch(BridgeError):
    """The other side speaks of another amount, currency, account or order."""
