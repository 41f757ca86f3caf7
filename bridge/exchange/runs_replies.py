"""What we answered in each run, byte for byte: what the node had to read if it complains. The same again is counted."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, text

NAME_CHARS_MAX = 300

_NOTE = text(
    """
    INSERT INTO exchange_reply (exchange_run_id, request, digest, body) VALUES (:run, :request, :digest, :body)
    ON CONFLICT (exchange_run_id, request, digest)
    DO UPDATE SET times = exchange_reply.times + 1, last_at = clock_timestamp()
    """
)
_LIST = text(
    """
    SELECT exchange_reply_id AS id, request, times, first_at, last_at, length(body) AS bytes,
        left(convert_from(body, 'UTF8'), :chars_max) AS text
    FROM exchange_reply WHERE exchange_run_id = :run ORDER BY exchange_reply_id
    """
)
_BODY = text("SELECT body FROM exchange_reply WHERE exchange_run_id = :run AND exchange_reply_id = :reply")
SHOWN_CHARS_MAX = 300


def note(tx: Connection, run_id: int, request: str, body: bytes) -> None:
    """Keep an answer to ``request`` (its mode, and the name of the file if it is about one)."""
    plain = request[:NAME_CHARS_MAX].replace("\x00", "")
    values = {"run": run_id, "request": plain, "digest": hashlib.sha256(body).digest(), "body": body}
    tx.execute(_NOTE, values)


def of_run(tx: Connection, run_id: int) -> list[dict[str, Any]]:
    """The answers of a run, each with its first characters."""
    values = {"run": run_id, "chars_max": SHOWN_CHARS_MAX}
    return [dict(row) for row in tx.execute(_LIST, values).mappings()]


def body_of(tx: Connection, run_id: int, reply_id: int) -> bytes | None:
    """One answer whole; ``None`` if there is none such."""
    found: bytes | None = tx.execute(_BODY, {"run": run_id, "reply": reply_id}).scalar_one_or_none()
    return found
