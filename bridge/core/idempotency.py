"""Answers given, kept by the caller's key, so that a repeated request is answered and not done again.

The row is written in the transaction of the effect. A request whose effect takes longer stores a provisional answer
first ("202, look there") and the final one later: after a crash between the two, the provisional one is still true.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.core.errors import Refused

_BEGIN = text(
    """
    INSERT INTO idempotency (client_id, key, request_hash) VALUES (:client, :key, :hash)
    ON CONFLICT DO NOTHING RETURNING key
    """
)
_SEEN = text("SELECT request_hash, status, body, headers FROM idempotency WHERE client_id = :client AND key = :key")
_FORGET = text("DELETE FROM idempotency WHERE client_id = :client AND key = :key")
_FINISH = text(
    "UPDATE idempotency SET status = :status, body = :body, headers = :headers WHERE client_id = :client AND key = :key"
).bindparams(bindparam("headers", type_=JSONB))


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it was given: replayed byte for byte."""

    status: int
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """One request under one key of one client; ``digest`` is of its method, path and body."""

    client_id: UUID
    key: str
    digest: bytes

    @classmethod
    def of(cls, client_id: UUID, key: str, method: str, path: str, body: bytes) -> Call:
        """Describe a request."""
        return cls(client_id, key, hashlib.sha256(b"\x00".join([method.encode(), path.encode(), body])).digest())

    def begin(self, tx: Connection) -> Answer | None:
        """Claim the key, or return the answer given before.

        A twin in flight makes this wait for its commit. Raises ``Refused`` if the key was used for another request.
        """
        values = {"client": self.client_id, "key": self.key, "hash": self.digest}
        if tx.execute(_BEGIN, values).first():
            return None
        seen = tx.execute(_SEEN, values).one()
        if seen.request_hash != self.digest:
            raise Refused("idempotency_key_reused", "This Idempotency-Key was used with another request.")
        return Answer(seen.status, seen.body, seen.headers)

    def forget(self, tx: Connection) -> None:
        """Give the key back, because nothing was done under it: the same request may then be made again."""
        tx.execute(_FORGET, {"client": self.client_id, "key": self.key})

    def finish(self, tx: Connection, answer: Answer) -> None:
        """Store the answer in the transaction of its effect."""
        values = {"client": self.client_id, "key": self.key, "status": answer.status}
        tx.execute(_FINISH, {**values, "body": answer.body, "headers": answer.headers})
