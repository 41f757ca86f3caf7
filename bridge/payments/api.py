"""``/v1/orders`` and ``/v1/payments``: from held seats to money."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from bridge.channels.service import Client, Scope
from bridge.core import ids
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import Refused
from bridge.core.gateway import Gateway
from bridge.core.money import Money
from bridge.orders import goods
from bridge.orders import service as orders
from bridge.orders.api import OrderShown, OrderWanted
from bridge.orders.model import Order
from bridge.payments import attempts, refunds
from bridge.payments.accounts import Accounts
from bridge.payments.model import Attempt, AttemptState, RefundLife
from bridge.payments.pages import SETTLE_MARGIN_S
from bridge.payments.shown import PaymentShown, RefundShown, show, show_payment, show_refund
from bridge.rest import once
from bridge.rest.auth import client_with
from bridge.rest.routes import api_blueprint, view
from bridge.rest.shapes import Given, Problem

WAIT_S = 12.0


class PaymentWanted(Given):
    """A payment of an order by a provider's page."""

    provider: str = Field(min_length=1, max_length=50)
    method: str = Field(default="any", min_length=1, max_length=50)
    return_url: str = Field(max_length=2000, pattern=r"^https?://[^\s]+$", description="Where the buyer comes back to")


class RefundWanted(Given):
    """Money to be given back."""

    amount_minor: int = Field(gt=0, le=10**12)
    reason: str = Field(min_length=1, max_length=200)


class OrderPath(BaseModel):
    """An order's id."""

    order_id: UUID


class PaymentPath(BaseModel):
    """A payment's id."""

    payment_id: UUID


class PaymentsApi:
    """Orders and payments, for storefronts."""

    def __init__(self, db: Database, gateway: Gateway, accounts: Accounts, *, goods_pay_s: float) -> None:
        self._db = db
        self._goods_pay_s = goods_pay_s
        self._gateway = gateway
        self._accounts = accounts

    def create_order(self, body: OrderWanted) -> Response:
        """Order the seats of live holds, or goods at the prices of our catalogue."""
        client = client_with(Scope.SELL)
        if any(line.name for line in body.lines):
            client_with(Scope.DESCRIBE)
        call = once.call_of(client)
        order_id = ids.derive("order", client.id, call.key)
        with self._db.begin() as tx:
            if seen := once.replay(call, tx):
                return seen
            new = self._new_order(tx, order_id, client, body)
            given = once.answer(201, show(tx, orders.create_order(tx, new)), {"Location": f"/v1/orders/{order_id}"})
            call.finish(tx, given)
        return once.send(given)

    def _new_order(self, tx: Connection, order_id: UUID, client: Client, body: OrderWanted) -> orders.NewOrder:
        return orders.NewOrder(
            order_id,
            client.id,
            client.rules.channel,
            body.buyer.buyer(),
            hold_ids=body.holds,
            basket=goods.price(tx, [line.wish() for line in body.lines]) if body.lines else None,
            external_ref=body.external_ref,
            pay_s=self._goods_pay_s if body.lines else None,
        )

    def get_order(self, path: OrderPath) -> Response:
        """One order as it stands, with its payments and how far each is in the ERP's books."""
        client = client_with(Scope.SELL)
        with self._db.begin() as tx:
            return once.send(once.answer(200, show(tx, _own(tx, path.order_id, client))))

    def start_payment(self, path: OrderPath, body: PaymentWanted) -> Response:
        """Start a payment: 201 with the page to send the buyer to, or 202 if the provider has not answered yet."""
        client = client_with(Scope.SELL)
        call = once.call_of(client)
        deadline = Deadline.after(WAIT_S)
        with self._db.begin() as tx:
            if seen := once.replay(call, tx):
                return seen
            work_id, attempt = self._write_attempt(tx, path.order_id, body, client, call.key)
            call.finish(tx, once.answer(202, show_payment(attempt), {"Location": f"/v1/payments/{attempt.id}"}))
        self._gateway.run(work_id, deadline)
        with self._db.begin() as tx:
            attempt = attempts.get(tx, attempt.id)
            status = 202 if attempt.state is AttemptState.STARTING else 201
            given = once.answer(status, show_payment(attempt), {"Location": f"/v1/payments/{attempt.id}"})
            call.finish(tx, given)
        return once.send(given)

    def _write_attempt(
        self, tx: Connection, order_id: UUID, body: PaymentWanted, client: Client, key: str
    ) -> tuple[int, Attempt]:
        order = _own(tx, order_id, client)
        provider = self._accounts.of(body.provider)
        if body.method not in provider.capabilities.methods:
            methods = ", ".join(provider.capabilities.methods)
            raise Refused("method_unknown", "This provider offers these methods: %(methods)s.", methods=methods)
        attempt_id = ids.derive("attempt", client.id, key)
        new = attempts.NewAttempt(
            attempt_id, order.id, provider.name, provider.account, body.method, order.total, body.return_url
        )
        window_s = provider.capabilities.payment_window_s + SETTLE_MARGIN_S
        return attempts.start_attempt(tx, new, window_s=window_s), attempts.get(tx, attempt_id)

    def get_payment(self, path: PaymentPath) -> Response:
        """One payment as it stands."""
        client = client_with(Scope.SELL)
        with self._db.begin() as tx:
            return once.send(once.answer(200, show_payment(_own_payment(tx, path.payment_id, client))))

    def start_refund(self, path: PaymentPath, body: RefundWanted) -> Response:
        """Give captured money back, whole or in part. The seats stay sold until the ERP cancels them."""
        client = client_with(Scope.REFUND)
        call = once.call_of(client)
        deadline = Deadline.after(WAIT_S)
        refund_id = ids.derive("refund", client.id, call.key)
        with self._db.begin() as tx:
            if seen := once.replay(call, tx):
                return seen
            attempt = _own_payment(tx, path.payment_id, client)
            amount = Money(body.amount_minor, attempt.amount.currency)
            work_id = refunds.start_refund(tx, refunds.NewRefundOrder(refund_id, attempt.id, amount, body.reason))
            call.finish(tx, once.answer(202, show_refund(refunds.get(tx, refund_id))))
        self._gateway.run(work_id, deadline)
        with self._db.begin() as tx:
            refund = refunds.get(tx, refund_id)
            given = once.answer(202 if refund.state is RefundLife.STARTING else 201, show_refund(refund))
            call.finish(tx, given)
        return once.send(given)

    def blueprint(self) -> APIBlueprint:
        """The routes."""
        api = api_blueprint("payments", "Orders and payments")
        refused: dict[Any, Any] = {404: Problem, 409: Problem, 422: Problem}
        paid: dict[Any, Any] = {201: PaymentShown, 202: PaymentShown, **refused}
        given_back: dict[Any, Any] = {201: RefundShown, 202: RefundShown, **refused}
        api.post("/orders", responses={201: OrderShown, **refused})(view(self.create_order))
        api.get("/orders/<order_id>", responses={200: OrderShown, 404: Problem})(view(self.get_order))
        api.post("/orders/<order_id>/payments", responses=paid)(view(self.start_payment))
        api.get("/payments/<payment_id>", responses={200: PaymentShown, 404: Problem})(view(self.get_payment))
        api.post("/payments/<payment_id>/refunds", responses=given_back)(view(self.start_refund))
        return api


def _own(tx: Connection, order_id: UUID, client: Client) -> Order:
    """An order of this client; another's is as good as none."""
    order = orders.get(tx, order_id)
    if order.client_id != client.id:
        raise Refused("order_unknown", "There is no such order.")
    return order


def _own_payment(tx: Connection, payment_id: UUID, client: Client) -> Attempt:
    attempt = attempts.get(tx, payment_id)
    if orders.get(tx, attempt.order_id).client_id != client.id:
        raise Refused("payment_unknown", "There is no such payment.")
    return attempt
