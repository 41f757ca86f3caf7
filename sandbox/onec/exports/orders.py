"""What becomes of a site's orders in the infobase: their seats are reserved, and the site is told their numbers.

An order is told of in the next exchange, not in the one that brought it (УТ 11.5, УНФ 3.0).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sandbox.onec.exports.files import Node, document, node, pairs
from sandbox.onec.exports.forms import Form
from sandbox.onec.exports.goods import guid, offer_ref
from sandbox.onec.infobase import Infobase
from sandbox.onec.site_client import Books


def known_goods(infobase: Infobase) -> set[str]:
    """The ids by which orders may name seats. Call it with the lock held."""
    return {offer_ref(one, seat_id) for one, seats in infobase.season.seats.items() for seat_id in seats}


def reserve(infobase: Infobase, books: Books, numbers: Sequence[str]) -> list[str]:
    """Take the seats of new orders off sale; return the offers that somebody else had bought. Call it with the lock held."""
    places = {
        offer_ref(one, seat_id): (one, seat_id) for one, seats in infobase.season.seats.items() for seat_id in seats
    }
    oversold: list[str] = []
    for number in numbers:
        wanted: dict[str, list[str]] = defaultdict(list)
        for ref in books.orders[number].goods:
            performance_id, seat_id = places[ref]
            wanted[performance_id].append(seat_id)
        for performance_id, seats in wanted.items():
            if infobase.seats.sell_at_box_office(performance_id, seats).outcome != "done":
                oversold += [offer_ref(performance_id, seat_id) for seat_id in seats]
    return oversold


def returned(books: Books, numbers: Sequence[str], form: Form, now: datetime) -> tuple[str, bytes]:
    """The name and the bytes of a file that tells a site what its orders are in 1C."""
    parts = [_order(books, number, form, now) for number in numbers]
    return f"orders-{uuid.uuid4()}_1.xml", document(parts, form, form.orders_version or form.version, now)


def number_of(number: str) -> str:
    """The number 1C gives to an order of the site."""
    return f"ЕЛ00-{int(number) % 1_000_000:06}"


def _order(books: Books, number: str, form: Form, now: datetime) -> Node:
    order = books.orders[number]
    said = {
        "Номер по 1С": number_of(number),
        "Дата по 1С": now.isoformat(timespec="seconds"),
        "ПометкаУдаления": "false",
        "Проведен": "true",
    }
    if form.says_paid:
        said["Оплачен"] = order.requisites.get("Заказ оплачен", "true" if order.payments else "false")
    return node(
        "Документ",
        node("Ид", guid("order", number)),
        node("Номер", number),
        node("Дата", f"{now:%Y-%m-%d}"),
        node("Время", f"{now:%H:%M:%S}"),
        node("ХозОперация", "Заказ товара"),
        node("Роль", "Продавец"),
        node("Валюта", "RUB"),
        node("Курс", "1"),
        node("Сумма", str(order.total)),
        pairs({form.words.get(name, name): value for name, value in said.items()}),
    )
