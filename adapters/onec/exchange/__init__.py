"""1C's own exchange with sites: 1C is the client, we are the site."""

from __future__ import annotations

from adapters.onec.exchange.order_reading import read_orders
from adapters.onec.exchange.pages import SitePages

__all__ = ["SitePages", "read_orders"]
