"""A shop on 1C-Bitrix, seen through the address at which 1C exchanges with it."""

from __future__ import annotations
