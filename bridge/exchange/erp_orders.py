"""What the ERP says of our orders where it is asked, kept beside them. It moves neither money nor seats.

An order is ours if it carries our id; or if it has our number and the node of that infobase was given it. A number
alone is the buyer's word: an order of somebody else may have the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.exchange.order_import import NUMBER_DIGITS_MAX, tell_people
from bridge.orders.service import confirmed
from bridge.ports.goods_source import ErpOrderNews

_FIND = """
    SELECT o.order_id, o.number, o.state, o.erp_number, e.said
    FROM customer_order o LEFT JOIN erp_order e ON e.order_id = o.order_id AND e.source = :source
    WHERE {which} FOR UPDATE OF o
    """
_BY_ID = text(_FIND.format(which="o.order_id = ANY(:ids)"))
_BY_NUMBER = text(
    _FIND.format(
        which="""o.number = :number AND EXISTS (
            SELECT 1 FROM exchange_order x
            WHERE x.node = :source AND x.order_id = o.order_id AND x.version IS NOT NULL)"""
    )
)
_KEEP = text(
    """
    INSERT INTO erp_order (source, order_id, said) VALUES (:source, :order, :said)
    ON CONFLICT (source, order_id) DO UPDATE SET said = excluded.said, said_at = clock_timestamp()
    """
).bindparams(bindparam("said", type_=JSONB))


def take_news(tx: Connection, news: Sequence[ErpOrderNews], source: str) -> int:
    """Keep what is new in ``news``; return of how many orders of ours something was."""
    return sum(_take(tx, one, source) for one in news)


def _take(tx: Connection, news: ErpOrderNews, source: str) -> bool:
    row = _find(tx, news, source)
    if row is None:
        return False
    said = {name: value for name, value in asdict(news.said).items() if value is not None and name != "number"}
    old = row.said or {}
    if old | said == old:
        return False
    tx.execute(_KEEP, {"source": source, "order": row.order_id, "said": old | said})
    if news.said.erp_number and news.said.erp_number != row.erp_number:
        confirmed(tx, row.order_id, news.said.erp_number)
    tell_people(tx, row, old | said)
    return True


def _find(tx: Connection, news: ErpOrderNews, source: str) -> Any:
    """The order, if it is one of ours and only one."""
    found = tx.execute(_BY_ID, {"source": source, "ids": list(news.ids)}).all() if news.ids else []
    number = news.said.number
    if not found and number.isascii() and number.isdecimal() and len(number) <= NUMBER_DIGITS_MAX:
        found = list(tx.execute(_BY_NUMBER, {"source": source, "number": int(number)}).all())
    return found[0] if len(found) == 1 else None
