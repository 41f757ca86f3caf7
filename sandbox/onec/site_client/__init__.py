"""1C as the client of a site: the stock exchange of three configurations, strict where they are strict."""

from __future__ import annotations

from sandbox.onec.site_client.dialects import ModuleClient, Report, UnfClient, UtClient
from sandbox.onec.site_client.orders import Books
from sandbox.onec.site_client.wire import ExchangeFailed, Wire

__all__ = ["Books", "ExchangeFailed", "ModuleClient", "Report", "UnfClient", "UtClient", "Wire"]
