"""Orders of shops: each is kept as it came, becomes an order of ours once, and is never handed out again by us.

What the shop has changed since goes to a person where it concerns what was ordered or whether: our order was made of
what the shop said first. An order that one of our own checkouts had made is the same order, found by the shop's number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.core import ids
from bridge.core.errors import Misconfigured, Refused
from bridge.core.money import Money
from bridge.orders import service as orders
from bridge.orders.model import Basket, Buyer, BuyerKind, NewLine, Order, OrderState
from bridge.ports.site_orders import OutBuyer
from bridge.ports.storefront import OrderBatch, ShopLine, ShopOrder, UnreadableOrder

_CLIENT = text("SELECT client_id, channel FROM client WHERE name = :name AND revoked_at IS NULL")
_KEEP = text(
    """
    INSERT INTO storefront_order (storefront, number, content, digest, document, why)
    VALUES (:storefront, :number, :content, :digest, :document, :why)
    ON CONFLICT (storefront, number) DO UPDATE SET content = COALESCE(excluded.content, storefront_order.content),
        digest = excluded.digest, document = excluded.document, why = excluded.why,
        versions = storefront_order.versions + 1, changed_at = clock_timestamp()
    WHERE storefront_order.digest <> excluded.digest RETURNING order_id
    """
).bindparams(bindparam("content", type_=JSONB(none_as_null=True)))
_LINK = text("UPDATE storefront_order SET order_id = :order WHERE storefront = :storefront AND number = :number")
_WHY = text("UPDATE storefront_order SET why = :why WHERE storefront = :storefront AND number = :number")
_GET = text(
    "SELECT content, order_id, told_digest FROM storefront_order WHERE storefront = :storefront AND number = :number"
)


class Shop:
    """The shop ``name``, whose orders are those of the API client ``client`` and name goods of ``source``."""

    def __init__(self, name: str, client: str, source: str | None) -> None:
        self.name, self.client, self.source = name, client, source

    def take(self, tx: Connection, batch: OrderBatch) -> dict[str, int]:
        """Keep everything of ``batch``; return how many were new or changed, and how many cannot be read."""
        row = tx.execute(_CLIENT, {"name": self.client}).first()
        if row is None:
            message = "Orders of this shop are those of the API client %(client)s, and there is none."
            raise Misconfigured("storefront_client_unknown", message, client=self.client)
        changed = sum(self._take(tx, row, order) for order in batch.orders)
        unreadable = sum(self._set_aside(tx, one) for one in batch.unreadable)
        return {"orders": changed, "unreadable": unreadable}

    def _take(self, tx: Connection, client: Any, order: ShopOrder) -> bool:
        kept = tx.execute(_KEEP, self._values(order.number, written(order))).first()
        if kept is None:
            return False
        ours = self._ours(tx, client, order, kept.order_id)
        if ours is not None:
            self._compare(tx, order, ours)
        return True

    def _values(self, number: str, content: Mapping[str, Any], **more: str) -> dict[str, Any]:
        digest = hashlib.sha256(json.dumps([content, more], sort_keys=True).encode()).digest()
        values = {"storefront": self.name, "number": number, "content": content or None, "digest": digest}
        return {**values, "document": None, "why": None, **more}

    def _set_aside(self, tx: Connection, one: UnreadableOrder) -> bool:
        number = one.number or hashlib.sha256(one.document.encode()).hexdigest()[:16]
        values = self._values(number, {}, document=one.document, why=one.why)
        is_new = tx.execute(_KEEP, values).first() is not None
        if is_new:
            raise_alert(tx, "storefront_order_unreadable", self._subject(number), one.why)
        return is_new

    def _ours(self, tx: Connection, client: Any, order: ShopOrder, known: UUID | None) -> Order | None:
        """Our order: the one we made, the one a checkout made, or a new one; ``None`` if none can be made."""
        subject = self._subject(order.number)
        place = {"storefront": self.name, "number": order.number}
        if known:
            return orders.get(tx, known)
        try:
            with tx.begin_nested():
                found = orders.find(tx, client.client_id, order.number) or self._create(tx, client, order)
        except Refused as refusal:
            tx.execute(_WHY, {**place, "why": str(refusal)})
            raise_alert(tx, "storefront_order_refused", subject, str(refusal))
            return None
        tx.execute(_LINK, {**place, "order": found.id})
        for code in ("storefront_order_refused", "storefront_order_unreadable"):
            resolve_alert(tx, code, subject)
        return found

    def _create(self, tx: Connection, client: Any, order: ShopOrder) -> Order:
        if order.is_cancelled:
            raise Refused("storefront_order_cancelled", "It was cancelled before we came to know of it.")
        return orders.create_order(
            tx,
            orders.NewOrder(
                order_id=ids.derive("storefront_order", self.name, order.number),
                client_id=client.client_id,
                channel=client.channel,
                buyer=_buyer(order.buyer),
                basket=Basket([self._line(line) for line in order.lines], order.total.currency),
                external_ref=order.number,
            ),
        )

    def _line(self, line: ShopLine) -> NewLine:
        """The line's total counts: a price of parts of a kopeck is one line of that total."""
        price = _minor(line.price, line.total)
        is_even = price is not None and price * line.quantity == line.total.minor
        quantity = line.quantity if is_even else Decimal(1)
        name = line.name or line.ref
        return NewLine(
            name=name if is_even else f"{name}, {line.quantity.normalize():f}",
            quantity=quantity,
            price_minor=price if is_even and price is not None else line.total.minor,
            source=self.source,
            goods_ref=line.ref or None,
        )

    def _compare(self, tx: Connection, order: ShopOrder, ours: Order) -> None:
        """Tell people what the shop has changed that we do not change by ourselves."""
        differs = ours.total != order.total
        is_paid = order.is_paid and ours.state is OrderState.AWAITING_PAYMENT
        for code, is_so, reason in (
            ("storefront_order_differs", differs, f"the shop has it for {order.total}, we for {ours.total}"),
            ("storefront_order_cancelled", order.is_cancelled, "the shop says that this order is cancelled"),
            ("storefront_order_paid", is_paid, "the shop says that it has been paid for this order itself"),
        ):
            if is_so:
                more = {"number": ours.number}
                raise_alert(tx, code, self._subject(order.number), reason, severity=Severity.WARNING, **more)
            else:
                resolve_alert(tx, code, self._subject(order.number))

    def _subject(self, number: str) -> str:
        return f"storefront:{self.name}:order:{number}"


def _minor(price: Decimal, total: Money) -> int | None:
    try:
        return Money.parse(price, total.currency).minor
    except ValueError:
        return None


def _buyer(buyer: OutBuyer) -> Buyer:
    kind = BuyerKind.COMPANY if buyer.inn else BuyerKind.PERSON
    return Buyer(kind, buyer.name or buyer.email or buyer.phone, buyer.email, buyer.phone, buyer.inn)


def written(order: ShopOrder) -> dict[str, Any]:
    """An order as a document for the database."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(order), default=str))
    return found


def read(content: Mapping[str, Any]) -> ShopOrder:
    """The order in a document that ``written`` made."""
    lines = [
        ShopLine(
            **{
                **line,
                "quantity": Decimal(line["quantity"]),
                "price": Decimal(line["price"]),
                "total": Money(**line["total"]),
            }
        )
        for line in content["lines"]
    ]
    more = {
        "created_at": datetime.fromisoformat(content["created_at"]),
        "buyer": OutBuyer(**content["buyer"]),
        "total": Money(**content["total"]),
        "lines": lines,
    }
    return ShopOrder(**{**content, **more})
