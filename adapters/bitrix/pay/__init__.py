"""1C-Bitrix pays through us: its server asks for a payment page when a buyer wants to pay."""

from __future__ import annotations

from adapters.bitrix.pay.call import PayCall

__all__ = ["PayCall"]
