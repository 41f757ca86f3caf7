"""Payments of a storefront's own: each finds its order, or makes one, and is paid at one page however often it asks."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Connection, text

from bridge.channels.service import Client, Scope, get_client
from bridge.core import ids
from bridge.core.db import Database
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.orders import service as orders
from bridge.orders.model import Basket, Buyer, BuyerKind, Keeper, NewLine, Order
from bridge.payments.pages import PaymentPages, Way, check_idle
from bridge.ports.checkout import CheckoutPayment, Contact, PayPage, Shop

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_FIND = text("SELECT order_id FROM checkout WHERE client_id = :client AND payment_ref = :ref")
_BIND = text("INSERT INTO checkout (client_id, payment_ref, order_id) VALUES (:client, :ref, :order)")


class Checkouts:
    """Answers storefronts; see the contract of the port."""

    def __init__(self, db: Database, pages: PaymentPages) -> None:
        self._db = db
        self._pages = pages

    def pay(self, shop: Shop, wanted: CheckoutPayment) -> PayPage:
        """The page of a payment."""
        with self._db.begin() as tx:
            order = _order(tx, get_client(tx, shop.client), wanted)
        attempt = self._pages.page(order.id, Way(shop.provider, shop.method, wanted.return_url))
        return PayPage(attempt.id, attempt.confirmation_url or "")


def _order(tx: Connection, client: Client, wanted: CheckoutPayment) -> Order:
    if Scope.SELL not in client.scopes:
        raise Refused("scope_missing", "This API key does not have the scope '%(scope)s'.", scope=Scope.SELL.value)
    tx.execute(_ONE_AT_A_TIME, {"key": f"checkout:{client.id}:{wanted.payment_ref}"})
    bound = tx.execute(_FIND, {"client": client.id, "ref": wanted.payment_ref}).scalar_one_or_none()
    if bound is not None:
        return _same_sum(tx, orders.get(tx, bound, for_update=True), wanted)
    known = orders.find(tx, client.id, wanted.order_ref, for_update=True) if wanted.order_ref else None
    if known is not None:
        _check_sum(known, wanted.amount)
    order = known or orders.create_order(tx, _new_order(client, wanted))
    tx.execute(_BIND, {"client": client.id, "ref": wanted.payment_ref, "order": order.id})
    return order


def _new_order(client: Client, wanted: CheckoutPayment) -> orders.NewOrder:
    if Scope.DESCRIBE not in client.scopes:
        raise Refused("order_unknown", "There is no such order.")
    ref = f"payment:{wanted.payment_ref}"
    return orders.NewOrder(
        ids.derive("order", client.id, "checkout", wanted.payment_ref),
        client.id,
        client.rules.channel,
        _buyer(wanted.buyer),
        basket=_basket(wanted),
        external_ref=ref,
        keeper=Keeper.STOREFRONT,
    )


def _buyer(contact: Contact) -> Buyer:
    name = contact.name or contact.email or contact.phone
    return Buyer(BuyerKind.PERSON, name, contact.email, contact.phone)


def _basket(wanted: CheckoutPayment) -> Basket:
    line = NewLine(f"№ {wanted.order_ref or wanted.payment_ref}", Decimal(1), wanted.amount.minor)
    return Basket([line], wanted.amount.currency)


def _same_sum(tx: Connection, order: Order, wanted: CheckoutPayment) -> Order:
    """An order made for a checkout follows the storefront's sum as long as no money is under way."""
    if order.total == wanted.amount:
        return order
    if order.keeper is not Keeper.STOREFRONT:
        _check_sum(order, wanted.amount)
    check_idle(tx, order.id)
    return orders.offer_again(tx, order, _basket(wanted))


def _check_sum(order: Order, amount: Money) -> None:
    if order.total != amount:
        raise Refused("amount_mismatch", "The order is for %(total)s.", total=str(order.total))
