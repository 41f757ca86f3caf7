"""What can be switched in the simulated infobase, at start or while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from sandbox.onec.latency import find_profile
from sandbox.onec.odata_schema import find_configuration

SESSION_MODES = ("dontuse", "autouse", "use")


@dataclass(slots=True)
class Settings:
    """Switches of one infobase.

    ``session_mode`` is `dontuse`, `autouse` or `use`, as in `default.vrd`; ``licences`` is how many sessions may live at
    once; ``latency`` names a profile (see ``latency``); ``wsdl_address`` replaces the service address in the WSDL, which
    behind a proxy is usually wrong; ``post_is_idempotent`` makes a repeated payment id a refusal and not a second document.
    ``configuration`` is which stock configuration OData shows, from the next reset on; ``odata_unpublished`` lists sets
    that nobody ticked, with spaces between.
    """

    login: str = "обмен"
    password: str = field(default="пароль1", repr=False)
    season: str = "demo"
    seed: int = 1
    latency: str = "fast"
    session_mode: str = "use"
    session_age_s: float = 20.0
    licences: int = 8
    pool_size: int = 10
    pool_timeout_s: float = 5.0
    wsdl_address: str = ""
    is_wsdl_drifted: bool = False
    post_is_idempotent: bool = False
    hold_ttl_max_s: int = 3600
    configuration: str = "ut11"
    odata_unpublished: str = ""
    zone: str = "Europe/Moscow"

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            check(getattr(self, name))

    def change(self, **changes: Any) -> None:
        """Set the named switches, all or none; raise ``ValueError`` for a name or a value that cannot be."""
        known = {item.name for item in fields(self)}
        for name, value in changes.items():
            if name not in known or type(value) not in _accepted(getattr(self, name)):
                raise ValueError(f"not a setting of this infobase: {name}={value!r}")
            _CHECKS.get(name, _anything)(value)
        for name, value in changes.items():
            setattr(self, name, value)


def _accepted(current: Any) -> tuple[type, ...]:
    return (int, float) if isinstance(current, float) else (type(current),)


def _anything(_value: Any) -> None:
    """Accept every value of the right type."""


def _check_session_mode(mode: str) -> None:
    if mode not in SESSION_MODES:
        raise ValueError(f"no such session mode: {mode}")


_CHECKS: dict[str, Callable[[Any], object]] = {
    "latency": find_profile,
    "session_mode": _check_session_mode,
    "configuration": find_configuration,
}
