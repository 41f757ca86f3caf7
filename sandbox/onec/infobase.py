"""The infobase: one season, its seats, orders and money, behind one lock."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.onec.clock import Clock
from sandbox.onec.feed import ChangeFeed
from sandbox.onec.odata_schema import find_configuration
from sandbox.onec.odata_store import Store
from sandbox.onec.orders import OrderBook
from sandbox.onec.season import Season, plan_season
from sandbox.onec.seats import SeatBook
from sandbox.onec.settings import Settings


class Infobase:
    """Everything 1C knows. Take ``open`` around any reading or writing of it."""

    season: Season
    feed: ChangeFeed
    seats: SeatBook
    orders: OrderBook
    papers: Store

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.zone)
        self._lock = threading.RLock()
        self.restart()

    def restart(self, **changes: Any) -> None:
        """Forget everything and begin a season anew with ``changes`` to the settings; all or nothing.

        Raises ``ValueError`` for a season or a setting that cannot be.
        """
        with self._lock:
            name, seed = changes.get("season", self.settings.season), changes.get("seed", self.settings.seed)
            season = plan_season(name, seed, self.clock.local())
            self.settings.change(**changes)
            self.season = season
            self.feed = ChangeFeed(uuid.uuid4().hex[:8])
            self.seats = SeatBook(self.season, self.clock, self.feed)
            self.orders = OrderBook(self.seats, self.clock, self.settings)
            self.papers = Store(find_configuration(self.settings.configuration), self.orders, self.clock)
            for key in self.season.all_keys():
                self.feed.touch(key)

    @contextmanager
    def open(self) -> Iterator[Infobase]:
        """Exclusive access, with every lapsed hold already freed."""
        with self._lock:
            self.seats.expire()
            yield self

    def change_price(self, performance_id: str, zone_id: str, price_type_id: str, amount: Decimal) -> bool:
        """Set a new price; answer whether there is such a price."""
        key = (performance_id, zone_id, price_type_id)
        if key not in self.season.prices:
            return False
        self.season.prices[key] = replace(self.season.prices[key], amount=amount)
        self.feed.touch(("Price", key))
        return True

    def change_performance(self, performance_id: str, state: str) -> bool:
        """Open, close or cancel a performance; answer whether there is such a performance."""
        performance = self.season.performances.get(performance_id)
        if performance is None:
            return False
        self.season.performances[performance_id] = replace(performance, state=state)
        self.feed.touch(("Performance", performance_id))
        return True
