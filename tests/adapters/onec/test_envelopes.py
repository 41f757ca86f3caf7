"""What is sent is what zeep itself would send: it refuses names that the WSDL does not have, our shorter way does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from adapters.onec import operations, writing
from adapters.onec.codec import Codec
from adapters.onec.infobase import Infobase
from adapters.onec.operations import Operation
from bridge.core.money import Money
from bridge.ports.erp import Confirm, ErpBuyer, ErpOrder, ErpOrderLine, Hold, Posting, PostingKind, Release

MOSCOW = Infobase(ZoneInfo("Europe/Moscow"), "RUB")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRICE = Money(150_050, "RUB")
LINE = ErpOrderLine(uuid4(), "performance", "seat", "full", PRICE)
ORDER = ErpOrder(uuid4(), "100001", NOW, ErpBuyer("person", "Анна", "a@b.example", "+7", ""), PRICE, [LINE])
COMMANDS = [
    Hold(uuid4(), "performance", ["a", "b"], 603, "site"),
    Release(uuid4(), "performance"),
    Confirm(ORDER, "site"),
]
POSTING = Posting(uuid4(), ORDER.id, PostingKind.PAYMENT, PRICE, NOW, "yookassa", "ref", "card")
SENT: list[tuple[Operation, dict[str, Any]]] = [
    (operations.PING, {}),
    (operations.GET_CHANGES, {"Cursor": "1", "Limit": 5}),
    (operations.GET_SEATS, {"PerformanceId": "performance"}),
    (operations.APPLY_SEAT_COMMANDS, writing.seat_commands(COMMANDS, MOSCOW)),
    (operations.POST_PAYMENTS, writing.payments([POSTING], MOSCOW)),
    (operations.FIND_HOLDS, writing.ids([uuid4()])),
    (operations.FIND_ORDERS, writing.ids([uuid4()])),
    (operations.FIND_POSTINGS, writing.ids([uuid4()])),
]


def by_zeep(codec: Codec, operation: Operation, arguments: dict[str, Any]) -> Any:
    """The envelope as zeep makes it. Raises ``TypeError`` for a name that the WSDL does not have."""
    return codec._binding.get(operation.name).create(**arguments).content


@pytest.mark.parametrize(("operation", "arguments"), SENT, ids=lambda value: getattr(value, "name", ""))
def test_an_envelope_is_what_zeep_would_make_of_it(operation: Operation, arguments: dict[str, Any]) -> None:
    codec = Codec()

    ours = etree.fromstring(codec.encode(operation, arguments))

    assert etree.tostring(ours, method="c14n") == etree.tostring(by_zeep(codec, operation, arguments), method="c14n")


def test_control_a_misspelt_name_is_refused_by_what_we_compare_with() -> None:
    with pytest.raises(TypeError):
        by_zeep(Codec(), operations.GET_SEATS, {"PerformanceID": "performance"})
