"""The payment provider YooKassa, API v3 (https://yookassa.ru/developers/api)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.payments.yookassa.provider import YooKassa
from adapters.payments.yookassa.settings import YooKassaSettings

__all__ = ["YooKassa", "YooKassaSettings", "create"]


def create(settings: YooKassaSettings | Mapping[str, Any]) -> YooKassa:
    """Make the connector of one shop.

    Raises ``pydantic.ValidationError``, which never quotes the input, if the settings are wrong.
    """
    return YooKassa(YooKassaSettings.model_validate(settings))
