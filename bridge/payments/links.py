"""Payment links: orders of the ERP's own, each with one page at which it can be paid, however often it is asked for.

The ERP's document is the identity. While money may be under way the sum cannot change; once it is paid nothing does.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from bridge.channels.service import Client
from bridge.core import ids
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.orders import service as orders
from bridge.orders.model import Basket, Buyer, Keeper, NewLine, Order, OrderState
from bridge.payments.pages import check_idle

TOKEN_BYTES = 24
PAYABLE = frozenset({OrderState.AWAITING_PAYMENT, OrderState.EXPIRED})

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_ADD = text(
    """
    INSERT INTO payment_link (order_id, token, provider, method, purpose, return_url)
    VALUES (:order, :token, :provider, :method, :purpose, :return_url)
    ON CONFLICT (order_id) DO UPDATE SET provider = excluded.provider, method = excluded.method,
        purpose = excluded.purpose, return_url = excluded.return_url
    """
)
_SELECT = "SELECT order_id, token, provider, method, purpose, return_url FROM payment_link WHERE "
_OF_ORDER = text(_SELECT + "order_id = :order")
_BY_TOKEN = text(_SELECT + "token = :token")
_NUMBER = text("UPDATE customer_order SET erp_number = :number WHERE order_id = :order")


@dataclass(frozen=True, slots=True)
class NewLink:
    """An order of the ERP's own: its document's id and number, what is to be paid and until when (``pay_s`` seconds
    from now, or without end), and how.
    """

    document: str
    number: str
    amount: Money
    buyer: Buyer
    purpose: str
    lines: Sequence[NewLine]
    pay_s: float | None
    provider: str
    method: str
    return_url: str | None

    @property
    def basket(self) -> Basket:
        """What is to be paid. Raises ``Refused`` if lines are given that do not add up to it."""
        basket = Basket(self.lines, self.amount.currency)
        if basket.total != self.amount:
            message = "The lines come to %(lines)s, the order to %(amount)s."
            raise Refused("lines_sum_wrong", message, lines=str(basket.total), amount=str(self.amount))
        return basket


@dataclass(frozen=True, slots=True)
class Link:
    """The page of an order. Its token is a secret: it is all one needs to come there."""

    order: Order
    token: str
    provider: str
    method: str
    purpose: str
    return_url: str | None


def offer_link(tx: Connection, client: Client, new: NewLink) -> Link:
    """Make the link of a document, or find it and let it say what ``new`` says.

    Raises ``Refused`` if something else is to be paid and money is there or may be under way.
    """
    basket = new.basket
    tx.execute(_ONE_AT_A_TIME, {"key": f"link:{client.id}:{new.document}"})
    order = orders.find(tx, client.id, new.document, for_update=True)
    if order is None:
        return _write(tx, orders.create_order(tx, _new_order(client, new, basket)), new)
    _own(order)
    if order.state not in PAYABLE:
        return _unchanged(tx, order, new)
    if order.total == new.amount and _is_busy(tx, order):
        return _get(tx, order)
    check_idle(tx, order.id)
    tx.execute(_NUMBER, {"order": order.id, "number": new.number})
    return _write(tx, orders.offer_again(tx, order, basket, new.pay_s, new.buyer), new)


def find_link(tx: Connection, client: Client, document: str, *, for_update: bool = False) -> Link:
    """The link of a document. Raises ``Refused`` if there is none."""
    order = orders.find(tx, client.id, document, for_update=for_update)
    if order is None:
        raise Refused("order_unknown", "There is no such order.")
    _own(order)
    return _get(tx, order)


def withdraw_link(tx: Connection, client: Client, document: str) -> Link:
    """Close a link: its page takes no payment any more. Raises ``Refused`` while money may be under way."""
    link = find_link(tx, client, document, for_update=True)
    if link.order.state is OrderState.AWAITING_PAYMENT:
        check_idle(tx, link.order.id)
        orders.withdraw(tx, link.order)
    return find_link(tx, client, document)


def link_of_token(tx: Connection, token: str) -> Link | None:
    """The link behind a page's address."""
    row = tx.execute(_BY_TOKEN, {"token": token}).first()
    return _link(orders.get(tx, row.order_id), row) if row else None


def _new_order(client: Client, new: NewLink, basket: Basket) -> orders.NewOrder:
    return orders.NewOrder(
        ids.derive("order", client.id, "link", new.document),
        client.id,
        client.rules.channel,
        new.buyer,
        basket=basket,
        external_ref=new.document,
        erp_number=new.number,
        keeper=Keeper.ERP,
        pay_s=new.pay_s,
    )


def _own(order: Order) -> None:
    if order.keeper is not Keeper.ERP:
        raise Refused("external_ref_used", "You have another order under the number %(ref)s.", ref=order.external_ref)


def _unchanged(tx: Connection, order: Order, new: NewLink) -> Link:
    if order.total != new.amount:
        raise Refused("link_settled", "This order is paid by %(total)s already.", total=str(order.total))
    return _get(tx, order)


def _is_busy(tx: Connection, order: Order) -> bool:
    try:
        check_idle(tx, order.id)
    except Refused:
        return True
    return False


def _write(tx: Connection, order: Order, new: NewLink) -> Link:
    values = {"provider": new.provider, "method": new.method, "purpose": new.purpose, "return_url": new.return_url}
    tx.execute(_ADD, {"order": order.id, "token": secrets.token_urlsafe(TOKEN_BYTES), **values})
    return _get(tx, order)


def _get(tx: Connection, order: Order) -> Link:
    return _link(order, tx.execute(_OF_ORDER, {"order": order.id}).one())


def _link(order: Order, row: Row[Any]) -> Link:
    return Link(order, row.token, row.provider, row.method, row.purpose, row.return_url)
