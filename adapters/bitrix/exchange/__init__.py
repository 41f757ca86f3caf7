"""The broker as 1C before a site on 1C-Bitrix: goods there, orders back, news of orders there."""

from __future__ import annotations

from adapters.bitrix.exchange.client import BitrixStorefront
from adapters.bitrix.exchange.settings import BitrixSettings

__all__ = ["BitrixSettings", "BitrixStorefront"]
