"""What tests of tickets that come back share: what is seen of them here, in 1C and in all ledgers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from bridge.core.deadline import Deadline
from bridge.core.errors import Refused
from bridge.exchange.sync import take_seats
from bridge.ports.erp import ErpSeat
from bridge.seats.api import MAP_LIFE_S
from sandbox import checker
from tests.exchange.stage import Stage

A, B = "P-01-01", "P-01-02"


def seat(stage: Stage, ref: str) -> str:
    """A seat as the map shows it."""
    time.sleep(MAP_LIFE_S)  # a picture read before is shown so long
    return next(
        str(one["state"])
        for one in stage.get(f"/v1/performances/{stage.performance}/seats")["seats"]
        if one["id"] == ref
    )


def lines(stage: Stage, order: dict[str, Any]) -> dict[str, str]:
    """The states of an order's lines, by seat."""
    return {line["seat"]: line["state"] for line in stage.get(f"/v1/orders/{order['id']}")["lines"]}


def asked(stage: Stage) -> list[str]:
    """The questions 1C was asked about holds and orders."""
    return [call["operation"] for call in stage.audit()["calls"] if call["operation"] in {"FindHolds", "FindOrders"}]


def one_owner(stage: Stage, database: str) -> Sequence[str]:
    """What the offline checker has to say of G1."""
    ledgers = checker.read(database, stage.onec.url, stage.yoo.url)
    return next(verdict.wrongs for verdict in checker.check(ledgers) if verdict.guarantee.startswith("G1"))


def picture(stage: Stage) -> Sequence[ErpSeat]:
    """The seats as 1C tells of them now."""
    assert stage.bridge.erp
    return stage.bridge.erp.seats(stage.ref(), Deadline.after(10)).seats


def tell(stage: Stage, seats: Sequence[ErpSeat]) -> None:
    """Take a picture over that may be old."""
    with stage.bridge.db.begin() as tx:
        take_seats(tx, seats)


def give_back(stage: Stage, payment: dict[str, Any], amount_minor: int, expect: int = 201) -> None:
    """Refund a part of a payment, in minor units of its currency."""
    body = {"amount_minor": amount_minor, "reason": "returned"}
    answer = stage.ask("POST", f"/v1/payments/{payment['id']}/refunds", json=body)
    assert answer.status_code == expect, answer.text


def refuse(*_: object) -> None:
    """An answer of 1C to whatever it is asked."""
    raise Refused("erp_refused", "The ERP will never answer this.")
