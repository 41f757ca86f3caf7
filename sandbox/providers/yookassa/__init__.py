"""A simulated YooKassa (API v3): strict, stateful, with a payment page, webhooks, a movable clock and faults to arm."""

from __future__ import annotations

from sandbox.providers.yookassa.app import create_app
from sandbox.providers.yookassa.config import PROFILES, Config, Profile
from sandbox.providers.yookassa.server import YooKassaServer

__all__ = ["PROFILES", "Config", "Profile", "YooKassaServer", "create_app"]
