"""Scheduled exports: the infobase pushes its own season as goods to a site, and polls the site for orders, by itself."""

from __future__ import annotations

from sandbox.onec.exports.schedule import Exports
from sandbox.onec.exports.web import exports_blueprint

__all__ = ["Exports", "exports_blueprint"]
