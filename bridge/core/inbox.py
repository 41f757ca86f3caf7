"""Letters received from systems that call us: stored raw under their own key before they are acknowledged."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

_STORE = text(
    """
    INSERT INTO inbox (source, account, event_key, subject, body)
    VALUES (:source, :account, :event_key, :subject, :body)
    ON CONFLICT (source, account, event_key) DO UPDATE SET deliveries = inbox.deliveries + 1
    RETURNING inbox_id, deliveries, outcome
    """
)
_HANDLED = text("UPDATE inbox SET handled_at = clock_timestamp(), outcome = :outcome WHERE inbox_id = :id")


@dataclass(frozen=True, slots=True)
class Received:
    """A stored letter: how often it came, and what became of it if it was handled."""

    id: int
    deliveries: int
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Letter:
    """What came: ``subject`` is what it speaks of, ``event_key`` is the same for every delivery of one event."""

    source: str
    account: str
    event_key: str
    subject: str
    body: bytes


def store(tx: Connection, letter: Letter) -> Received:
    """Keep a letter once, however often it is delivered."""
    values = {name: getattr(letter, name) for name in Letter.__slots__}
    return Received(*tx.execute(_STORE, values).one())


def handled(tx: Connection, inbox_id: int, outcome: str) -> None:
    """Note what became of a letter, in the transaction of its effect."""
    tx.execute(_HANDLED, {"id": inbox_id, "outcome": outcome})
