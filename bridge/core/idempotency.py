"""Answers given, kept by the caller's key, so that a repeated request is answered and not done again.

The row is written in the transaction of the effect. A request whose effect takes longer stores a provisional answer
first ("202, look there") and the final one later: after a crash between the two, the provisional one is still true.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.core.db import as_rows
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

_SEEN_MANY = text(
    """
    SELECT client_id, key, request_hash, status, body, headers
    FROM json_to_recordset(CAST(:calls AS json)) AS w(client_id uuid, key text) JOIN idempotency USING (client_id, key)
    """
)
_GIVEN = """
    json_to_recordset(CAST(:given AS json))
        AS w(client_id uuid, key text, digest text, status integer, body text, headers jsonb)
"""
_KEEP_MANY = text(
    f"""
    INSERT INTO idempotency (client_id, key, request_hash, status, body, headers)
    SELECT client_id, key, decode(digest, 'base64'), status, decode(body, 'base64'), headers FROM {_GIVEN}
    ORDER BY client_id, key ON CONFLICT DO NOTHING
    """  # noqa: S608  the text put in is a constant of this module
)
_FINISH_MANY = text(
    f"""
    UPDATE idempotency i SET status = w.status, body = decode(w.body, 'base64'), headers = w.headers
    FROM {_GIVEN} WHERE i.client_id = w.client_id AND i.key = w.key
    """  # noqa: S608  as above
)


class Raced(Exception):
    """A twin of a request stored its answer first: roll back, then look what it was."""


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

    @property
    def name(self) -> tuple[UUID, str]:
        """What makes it this call and no other: the client and his key."""
        return self.client_id, self.key

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
        self.check(seen.request_hash)
        return Answer(seen.status, seen.body, seen.headers)

    def check(self, digest: bytes) -> None:
        """Raise ``Refused`` if the key was used for another request than this."""
        if digest != self.digest:
            raise Refused("idempotency_key_reused", "This Idempotency-Key was used with another request.")

    def forget(self, tx: Connection) -> None:
        """Give the key back, because nothing was done under it: the same request may then be made again."""
        tx.execute(_FORGET, {"client": self.client_id, "key": self.key})

    def finish(self, tx: Connection, answer: Answer) -> None:
        """Store the answer in the transaction of its effect."""
        values = {"client": self.client_id, "key": self.key, "status": answer.status}
        tx.execute(_FINISH, {**values, "body": answer.body, "headers": answer.headers})


def seen_many(tx: Connection, calls: Sequence[Call]) -> dict[tuple[UUID, str], Answer | Refused]:
    """What was answered to those of ``calls`` that were answered before, by client and key."""
    by_name = {call.name: call for call in calls}
    rows = tx.execute(_SEEN_MANY, {"calls": as_rows({"client_id": call.client_id, "key": call.key} for call in calls)})
    seen: dict[tuple[UUID, str], Answer | Refused] = {}
    for client_id, key, digest, status, body, headers in rows:
        try:
            by_name[client_id, key].check(digest)
            seen[client_id, key] = Answer(status, body, headers)
        except Refused as refusal:
            seen[client_id, key] = refusal
    return seen


def keep_many(tx: Connection, answers: Sequence[tuple[Call, Answer]]) -> None:
    """Store the answers to calls that were not begun, in the transaction of their effects. Raises ``Raced``."""
    if not answers:
        return
    if tx.execute(_KEEP_MANY, _given(answers)).rowcount != len(answers):
        raise Raced


def finish_many(tx: Connection, answers: Sequence[tuple[Call, Answer]]) -> None:
    """Replace provisional answers by final ones."""
    if answers:
        tx.execute(_FINISH_MANY, _given(answers))


def _given(answers: Sequence[tuple[Call, Answer]]) -> dict[str, str]:
    rows = (
        {
            "client_id": call.client_id,
            "key": call.key,
            "digest": call.digest,
            "status": answer.status,
            "body": answer.body,
            "headers": answer.headers,
        }
        for call, answer in answers
    )
    return {"given": as_rows(rows)}
