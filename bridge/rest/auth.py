"""Who asks: ``Authorization: Bearer brk_…``, looked up once in a few seconds for each key and process."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from flask import g, request

from bridge.channels.service import Client, Scope, find_client
from bridge.core.db import Database
from bridge.core.errors import Refused

CACHE_S = 5.0
CACHED_MAX = 10_000


@dataclass(slots=True)
class Keys:
    """The clients behind keys, remembered for ``CACHE_S``: a revoked key works at most so much longer."""

    db: Database
    _known: dict[str, tuple[float, Client]] = field(default_factory=dict)

    def remembers(self, key: str) -> bool:
        """Whether this process has seen the key at work, however long ago: then it is not a guess."""
        return key in self._known

    def client(self, key: str) -> Client | None:
        """The client of a key."""
        found = self._known.get(key)
        if found and found[0] > time.monotonic():
            return found[1]
        with self.db.begin() as tx:
            client = find_client(tx, key)
        if client is None:
            self._known.pop(key, None)
            return None
        if len(self._known) >= CACHED_MAX:
            self._known.clear()
        self._known[key] = (time.monotonic() + CACHE_S, client)
        return client


def given_key() -> str:
    """The key a request came with; empty if none."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def authenticate(keys: Keys, key: str) -> None:
    """Find out who asks, by ``given_key()``, before anything else is looked at. Raises ``Refused``."""
    if not key:
        raise Refused("key_missing", "Send your API key as 'Authorization: Bearer brk_…'.")
    client = keys.client(key)
    if client is None:
        raise Refused("key_unknown", "This API key is not known or was revoked.")
    g.client = client


def client_with(scope: Scope) -> Client:
    """The client that asks, if it may do this. Raises ``Refused``."""
    client: Client = g.client
    if scope not in client.scopes:
        raise Refused("scope_missing", "This API key does not have the scope '%(scope)s'.", scope=scope.value)
    return client
