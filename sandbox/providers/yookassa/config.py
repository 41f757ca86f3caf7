"""What a simulated YooKassa is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Profile:
    """How patient the simulator is: waits before each webhook retry (the last repeats) and the receiver's time to answer."""

    retry_waits_s: tuple[float, ...]
    answer_timeout_s: float
    silence_s: float


PROFILES: Mapping[str, Profile] = {
    "fast": Profile((0.1, 0.2, 0.4, 0.8, 1.6, 3.0), answer_timeout_s=3.0, silence_s=5.0),
    "demo": Profile((1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0), answer_timeout_s=10.0, silence_s=30.0),
}


@dataclass(frozen=True, slots=True)
class Config:
    """One test shop. ``base_url`` is where the buyer's browser finds the payment page; empty means the request's host."""

    webhook_url: str = ""
    shop_id: str = "100500"
    secret_key: str = field(default="test_sandbox_secret", repr=False)
    shop_name: str = "Билетная касса"
    base_url: str = ""
    profile: Profile = PROFILES["fast"]
    commission_rate: str = "0.035"
    vat_on_commission_rate: str = "0.22"
