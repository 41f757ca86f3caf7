"""Words we sign, so that nobody else can say them: a place in a waiting room, and that somebody was let in.

The key is made once and kept in the database: every process signs and reads the same.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import text

from bridge.core.db import Database

KEY_BYTES = 32
NAME = "waiting-room"

_MAKE = text("INSERT INTO signing_key (name, secret) VALUES (:name, :secret) ON CONFLICT DO NOTHING")
_READ = text("SELECT secret FROM signing_key WHERE name = :name")


def shopper_digest(shopper: str) -> bytes:
    """What we keep of a shopper: nothing that says who it is."""
    return hashlib.sha256(shopper.encode()).digest()


@dataclass(frozen=True, slots=True)
class Admission:
    """Whom a room let in, and until when, in seconds since 1970 by the database's clock."""

    room_id: UUID
    client_id: UUID
    shopper: bytes
    until: float


class Tokens:
    """Signs and reads both kinds of token."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def place(self, place_id: int, client_id: UUID) -> str:
        """The token of a place."""
        return _word(self._places.dumps([place_id, client_id.hex]))

    def read_place(self, token: str, client_id: UUID) -> int | None:
        """The place of a token, if we gave it to this client."""
        try:
            place_id, owner = self._places.loads(token)
        except BadSignature:
            return None
        return int(place_id) if owner == client_id.hex else None

    def admission(self, given: Admission) -> str:
        """The token of somebody let in."""
        parts = [given.room_id.hex, given.client_id.hex, given.shopper.hex(), given.until]
        return _word(self._admissions.dumps(parts))

    def read_admission(self, token: str) -> Admission | None:
        """Whom a token lets in, if we gave it."""
        try:
            room, client, shopper, until = self._admissions.loads(token)
        except BadSignature:
            return None
        return Admission(UUID(room), UUID(client), bytes.fromhex(shopper), float(until))

    @cached_property
    def _places(self) -> URLSafeSerializer:
        return self._signer("place")

    @cached_property
    def _admissions(self) -> URLSafeSerializer:
        return self._signer("admission")

    def _signer(self, salt: str) -> URLSafeSerializer:
        return URLSafeSerializer(self._key, salt=salt, signer_kwargs={"digest_method": hashlib.sha256})

    @cached_property
    def _key(self) -> bytes:
        with self._db.begin() as tx:
            tx.execute(_MAKE, {"name": NAME, "secret": secrets.token_bytes(KEY_BYTES)})
            return bytes(tx.execute(_READ, {"name": NAME}).scalar_one())


def _word(signed: str | bytes) -> str:
    return signed if isinstance(signed, str) else signed.decode()
