"""What the shop is started with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Config:
    """The broker's address and the shop's key there. ``cookie_secret`` signs cookies; a new one ends all sessions.

    ``hold_wait_s`` is how long the buyer's browser waits for the ERP before it is shown a page that waits instead;
    ``refresh_s`` how often the seat map asks for changes.
    """

    broker_url: str
    api_key: str = field(repr=False)
    cookie_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    provider: str = "yookassa"
    method: str = "bank_card"
    answer_timeout_s: float = 10.0
    hold_wait_s: float = 4.0
    refresh_s: float = 3.0
