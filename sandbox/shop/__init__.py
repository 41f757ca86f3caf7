"""A plain storefront: it sells tickets through the broker's HTTP API and keeps nothing but a signed cookie."""

from __future__ import annotations

from sandbox.shop.app import create_app
from sandbox.shop.config import Config
from sandbox.shop.server import ShopServer

__all__ = ["Config", "ShopServer", "create_app"]
