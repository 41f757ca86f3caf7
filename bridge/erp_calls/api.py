"""``/v1/erp``: what the ERP itself calls: links to pay its orders, refunds, the money that came, "something changed".

Its own documents are the identities, so a call may be repeated as it is; an ``Idempotency-Key`` is taken, not needed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any
from uuid import UUID

from flask import Response, request
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel
from sqlalchemy import Connection, text

from bridge.channels.service import Client, Scope
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import Refused
from bridge.core.gateway import Gateway
from bridge.core.idempotency import Answer
from bridge.erp_calls import shapes
from bridge.erp_calls.refunds import Wish, want_refund
from bridge.exchange import sync
from bridge.payments import attempts, facts, ledger, links, refunds
from bridge.payments.accounts import Accounts
from bridge.payments.links import Link, NewLink
from bridge.payments.pay_page import link_url
from bridge.rest import once
from bridge.rest.auth import client_with
from bridge.rest.routes import api_blueprint, view
from bridge.rest.shapes import Problem

WAIT_S = 12.0
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('erp_changed', 0))")
_WAITS = text("SELECT 1 FROM outbox WHERE key = :lane AND kind = 'changes' AND status = 'ready'")


class ErpCallsApi:
    """Answers the ERP. ``base_url`` is how buyers reach us; ``has_erp`` is false if nothing can be read from it."""

    def __init__(self, db: Database, gateway: Gateway, accounts: Accounts, *, base_url: str, has_erp: bool) -> None:
        self._db = db
        self._gateway = gateway
        self._accounts = accounts
        self._base_url = base_url
        self._has_erp = has_erp

    def offer_link(self, body: shapes.LinkWanted) -> Response:
        """A page at which an order of the ERP's can be paid; asked again, the same page."""
        client = client_with(Scope.ERP)
        new = self._new_link(body)
        return self._do(client, lambda tx: once.answer(200, self._show_link(links.offer_link(tx, client, new))))

    def get_link(self, query: shapes.LinkAsked) -> Response:
        """How far a link is."""
        client = client_with(Scope.ERP)
        with self._db.begin() as tx:
            return once.send(once.answer(200, self._show_link(links.find_link(tx, client, query.document))))

    def withdraw_link(self, body: shapes.LinkAsked) -> Response:
        """Close a link."""
        client = client_with(Scope.ERP)
        return self._do(
            client, lambda tx: once.answer(200, self._show_link(links.withdraw_link(tx, client, body.document)))
        )

    def _new_link(self, body: shapes.LinkWanted) -> NewLink:
        amount = shapes.money(body.amount, body.currency)
        purpose = body.purpose or f"№ {body.number}"
        lines = [line.line(body.currency) for line in body.lines]
        provider = self._accounts.of(body.provider or self._accounts.only())
        if body.method not in provider.capabilities.methods:
            methods = ", ".join(provider.capabilities.methods)
            raise Refused("method_unknown", "This provider offers these methods: %(methods)s.", methods=methods)
        return NewLink(
            document=body.document,
            number=body.number,
            amount=amount,
            buyer=body.buyer.buyer(),
            purpose=purpose,
            lines=lines or [shapes.LinkLine(name=purpose, amount=body.amount).line(body.currency)],
            pay_s=body.valid_s,
            provider=provider.name,
            method=body.method,
            return_url=body.return_url,
        )

    def _show_link(self, link: Link) -> shapes.LinkShown:
        order = link.order
        return shapes.LinkShown(
            order=order.id,
            document=order.external_ref or "",
            number=order.erp_number or "",
            url=link_url(self._base_url, link.token),
            state=order.state,
            amount=str(order.total.decimal),
            currency=order.total.currency,
            expires_at=order.expires_at,
            paid_at=order.paid_at,
        )

    def refund(self, body: shapes.RefundAsked) -> Response:
        """Give money back: 200 with how far it is. A repeat of the same document is the same refund."""
        client = client_with(Scope.ERP)
        amount = shapes.money(body.amount, body.currency) if body.amount and body.currency else None
        with self._db.begin() as tx:
            order_id = links.find_link(tx, client, body.order_document).order.id if body.order_document else body.order
            wish = Wish(body.document, body.payment, order_id, amount, body.reason)
            refund_id, work_id = want_refund(tx, client, wish)
        if work_id is not None:
            self._gateway.run(work_id, Deadline.after(WAIT_S))
        with self._db.begin() as tx:
            return once.send(once.answer(200, _show_refund(tx, refund_id, body.document)))

    def money(self, query: shapes.MoneyAsked) -> Response:
        """The money of an order, or all money since a cursor: nothing is missed, nothing comes twice."""
        client = client_with(Scope.ERP)
        with self._db.begin() as tx:
            if query.order or query.order_document:
                order_id = query.order or links.find_link(tx, client, query.order_document or "").order.id
                found, cursor = ledger.of_order(tx, order_id), None
            else:
                found, cursor = ledger.since(tx, query.since, query.limit)
        has_more = cursor is not None and len(found) == query.limit
        items = [shapes.MovementShown.of(one) for one in found]
        return once.send(once.answer(200, shapes.MoneyShown(items=items, cursor=cursor, has_more=has_more)))

    def posted(self, path: shapes.PostingPath, body: shapes.PostedGiven) -> Response:
        """The ERP has made a document of a movement it has read: it need not be posted any more."""
        client = client_with(Scope.ERP)
        if body.posted_at is not None and body.posted_at.tzinfo is None:
            raise Refused("moment_naive", "Give 'posted_at' with its time zone, or leave it out.")

        def note(tx: Connection) -> Answer:
            at = body.posted_at.astimezone(UTC) if body.posted_at else None
            facts.noted(tx, path.posting, body.number, at)
            return once.answer(200, body)

        return self._do(client, note)

    def changed(self, body: shapes.ChangedGiven) -> Response:
        """Something changed in the ERP: it is read now. Any number of calls before that is one reading."""
        del body
        client = client_with(Scope.ERP)
        if not self._has_erp:
            raise Refused("erp_not_set_up", "There is nothing here that reads the ERP.")

        def wake(tx: Connection) -> Answer:
            tx.execute(_ONE_AT_A_TIME)
            # A reading under way may have passed what changed, so only one that has not begun will do.
            if not tx.execute(_WAITS, {"lane": sync.LANE}).first():
                outbox.put(tx, sync.LANE, "changes", sync.LANE, {})
            return once.answer(202, shapes.Wanted(wanted=True))

        return self._do(client, wake)

    def _do(self, client: Client, act: Callable[[Connection], Answer]) -> Response:
        """Do it in one transaction. A repeat with an ``Idempotency-Key`` gets the same answer, else how it stands."""
        call = once.call_of(client) if request.headers.get("Idempotency-Key") else None
        with self._db.begin() as tx:
            if call and (seen := once.replay(call, tx)):
                return seen
            given = act(tx)
            if call:
                call.finish(tx, given)
        return once.send(given)

    def blueprint(self) -> APIBlueprint:
        """The routes."""
        api = api_blueprint("erp", "What the ERP calls")
        refused: dict[Any, Any] = {404: Problem, 409: Problem, 422: Problem}

        def answers(shape: type[BaseModel], status: int = 200) -> dict[Any, Any]:
            return {status: shape, **refused}

        api.post("/erp/payment-links", responses=answers(shapes.LinkShown))(view(self.offer_link))
        api.get("/erp/payment-links", responses=answers(shapes.LinkShown))(view(self.get_link))
        api.post("/erp/payment-links/withdraw", responses=answers(shapes.LinkShown))(view(self.withdraw_link))
        api.post("/erp/refunds", responses=answers(shapes.RefundAnswer))(view(self.refund))
        api.get("/erp/payments", responses=answers(shapes.MoneyShown))(view(self.money))
        api.post("/erp/payments/<posting>/posted", responses=answers(shapes.PostedGiven))(view(self.posted))
        api.post("/erp/changed", responses=answers(shapes.Wanted, 202))(view(self.changed))
        return api


def _show_refund(tx: Connection, refund_id: UUID, document: str) -> shapes.RefundAnswer:
    refund = refunds.get(tx, refund_id)
    return shapes.RefundAnswer(
        id=refund.id,
        document=document,
        payment=refund.attempt_id,
        order=attempts.get(tx, refund.attempt_id).order_id,
        state=refund.state,
        amount=str(refund.amount.decimal),
        currency=refund.amount.currency,
    )
