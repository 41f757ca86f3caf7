"""Everything on one machine: embedded servers and the broker's own processes under one supervisor."""

from __future__ import annotations
