"""How long 1C takes, as seeded random delays.

`fast` is no delay, `demo` a well-kept small infobase, `real` what was measured on live ones (warm reads of a tenth of a second,
writes of a second, half a minute after an idle while), `fixed:120` exactly 120 ms a call.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

_WRITES = frozenset({"ApplySeatCommands", "odata.create", "odata.update"})
_POSTS = frozenset({"PostPayments", "odata.post", "odata.unpost"})


@dataclass(frozen=True, slots=True)
class Profile:
    """Medians in seconds; ``spread`` is the sigma of their lognormal, ``item_s`` what each command of a call adds."""

    read_s: float = 0.0
    write_s: float = 0.0
    post_s: float = 0.0
    spread: float = 0.0
    item_s: float = 0.0
    new_session_s: float = 0.0
    cold_s: float = 0.0
    idle_s: float = math.inf


_PROFILES = {
    "fast": Profile(),
    "demo": Profile(read_s=0.02, write_s=0.04, post_s=0.04),
    "real": Profile(
        read_s=0.12, write_s=0.7, post_s=2.0, spread=0.5, item_s=0.02, new_session_s=0.3, cold_s=16.0, idle_s=20.0
    ),
}


def find_profile(name: str) -> Profile:
    """The profile called ``name``; raise ``ValueError`` if there is none."""
    kind, _, milliseconds = name.partition(":")
    if kind == "fixed" and milliseconds.isdecimal():
        seconds = int(milliseconds) / 1000
        return Profile(read_s=seconds, write_s=seconds, post_s=seconds)
    if name not in _PROFILES:
        raise ValueError(f"no such latency profile: {name}")
    return _PROFILES[name]


class Latency:
    """Decides the delay of each call."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._last_call_s = -math.inf

    def delay_s(self, profile: Profile, operation: str, items: int, now_s: float, *, is_new_session: bool) -> float:
        """Seconds this call takes if it begins at ``now_s``."""
        is_cold = now_s - self._last_call_s > profile.idle_s
        self._last_call_s = now_s
        median_s = (
            profile.write_s if operation in _WRITES else profile.post_s if operation in _POSTS else profile.read_s
        )
        delay_s = self._around(median_s, profile.spread) + items * profile.item_s
        delay_s += profile.new_session_s if is_new_session else 0.0
        return delay_s + (min(35.0, max(10.0, self._around(profile.cold_s, 0.3))) if is_cold else 0.0)

    def _around(self, median_s: float, spread: float) -> float:
        return median_s * math.exp(self._chance.gauss(0, spread)) if spread else median_s
