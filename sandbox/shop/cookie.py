"""What the shop remembers of a buyer: only in the signed cookie, only the latest few."""

from __future__ import annotations

import uuid
from typing import Any

from flask import abort, session

KEPT = 12


def customer_ref() -> str:
    """Return a name for this buyer that says nothing about them."""
    return str(session.setdefault("customer", uuid.uuid4().hex))


def remember_hold(hold_id: str, performance_id: str) -> None:
    """Note that the buyer owns the hold."""
    _remember("holds", hold_id, {"performance": performance_id})


def hold(hold_id: str) -> dict[str, Any]:
    """Return what is known of the buyer's own hold; anybody else's is not found."""
    return _own("holds", hold_id)


def close_hold(hold_id: str) -> None:
    """Note that the hold is over: its page stays, but nothing points to it any more."""
    _remember("holds", hold_id, {**_own("holds", hold_id), "over": True})


def remember_admission(performance_id: str, admission: str) -> None:
    """Note that the waiting room let the buyer in."""
    _remember("admissions", performance_id, {"token": admission})


def admission(performance_id: str) -> str:
    """Return what lets the buyer hold seats; empty if nobody had to wait."""
    rows: dict[str, dict[str, Any]] = session.get("admissions", {})
    return str(rows.get(performance_id, {}).get("token", ""))


def remember_order(order_id: str, hold_id: str, performance_id: str) -> None:
    """Note that the buyer owns the order, made of the hold."""
    _remember("holds", hold_id, {"performance": performance_id, "order": order_id})
    _remember("orders", order_id, {"performance": performance_id})


def remember_payment(order_id: str, payment_id: str) -> None:
    """Note the latest payment of the buyer's order."""
    _remember("orders", order_id, {**_own("orders", order_id), "payment": payment_id})


def order(order_id: str) -> dict[str, Any]:
    """Return what is known of the buyer's own order; anybody else's is not found."""
    return _own("orders", order_id)


def holds_of(performance_id: str) -> list[str]:
    """Return the buyer's living holds of a performance that are not orders yet, newest first."""
    holds: dict[str, dict[str, Any]] = session.get("holds", {})
    living = ((key, row) for key, row in reversed(holds.items()) if not row.keys() & {"order", "over"})
    return [key for key, row in living if row["performance"] == performance_id]


def _remember(kind: str, key: str, row: dict[str, Any]) -> None:
    rows = {known: value for known, value in session.get(kind, {}).items() if known != key}
    session[kind] = dict(list({**rows, key: row}.items())[-KEPT:])


def _own(kind: str, key: str) -> dict[str, Any]:
    row: dict[str, Any] | None = session.get(kind, {}).get(key)
    if row is None:
        abort(404)
    return row
