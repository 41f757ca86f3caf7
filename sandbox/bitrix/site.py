"""The site as one thing, which ``reset`` makes anew."""

from __future__ import annotations

import threading

from sandbox.bitrix.config import Config
from sandbox.bitrix.exchange import Exchange
from sandbox.bitrix.faults import Faults
from sandbox.bitrix.records import Shop


class Site:
    """What the pages work on; ``lock`` keeps requests apart, as the session lock of the real one mostly does."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.faults = Faults()
        self.lock = threading.RLock()
        self.shop = Shop()
        self.exchange = Exchange(self.shop, self.config, self.faults)

    def reset(self) -> None:
        """Forget everything but the switches."""
        self.faults.clear()
        self.shop = Shop()
        self.exchange = Exchange(self.shop, self.config, self.faults)
