"""The API v3 as a shop sees it: Basic auth, JSON, Idempotence-Key, lists by cursor.

Source: https://yookassa.ru/developers/api
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, request

from sandbox.providers.yookassa import breaking, listing, reading
from sandbox.providers.yookassa.clock import iso
from sandbox.providers.yookassa.errors import ApiError, invalid
from sandbox.providers.yookassa.faults import API_FAULTS
from sandbox.providers.yookassa.parts import parts

Json = dict[str, Any]
v3 = Blueprint("v3", __name__, url_prefix="/v3")


@v3.post("/payments")
def create_payment() -> Response:
    """Open a payment."""
    return _run("payments.create", _create_payment)


@v3.get("/payments")
def list_payments() -> Response:
    """List payments, newest first."""
    return _run("payments.list", lambda: listing.page(request.args, _shown_payments(), listing.PAYMENT_FILTERS))


@v3.get("/payments/<payment_id>")
def get_payment(payment_id: str) -> Response:
    """Show one payment."""
    return _run("payments.get", lambda: _payment(payment_id))


@v3.post("/payments/<payment_id>/capture")
def capture_payment(payment_id: str) -> Response:
    """Take held money."""

    def act() -> str:
        wish = reading.capture(_body())
        amount = Decimal(wish["amount"]["value"]) if "amount" in wish else None
        return parts().ledger.capture(payment_id, amount).id

    return _run("payments.capture", lambda: _payment(_once("payments.capture", act)))


@v3.post("/payments/<payment_id>/cancel")
def cancel_payment(payment_id: str) -> Response:
    """Let held money go."""

    def act() -> str:
        return parts().ledger.cancel(payment_id).id

    return _run("payments.cancel", lambda: _payment(_once("payments.cancel", act)))


@v3.post("/refunds")
def create_refund() -> Response:
    """Give money back."""
    return _run("refunds.create", _create_refund)


@v3.get("/refunds")
def list_refunds() -> Response:
    """List refunds, newest first."""
    return _run("refunds.list", lambda: listing.page(request.args, _shown_refunds(), listing.REFUND_FILTERS))


@v3.get("/refunds/<refund_id>")
def get_refund(refund_id: str) -> Response:
    """Show one refund."""
    return _run("refunds.get", lambda: parts().ledger.refund(refund_id).as_json())


@v3.get("/me")
def me() -> Response:
    """Show the shop."""
    shop = {"account_id": parts().config.shop_id, "status": "enabled", "test": True, "fiscalization_enabled": False}
    return _run("me", lambda: {**shop, "payment_methods": sorted(reading.METHODS_OF_TEST_SHOP)})


def _run(operation: str, act: Callable[[], Json]) -> Response:
    """Do one call: refuse a stranger, let an armed fault spoil the answer, and write it down."""
    state = parts()
    call: Json = {"at": iso(state.clock.now()), "operation": operation, "method": request.method, "path": request.path}
    call |= {"key": request.headers.get("Idempotence-Key"), "status": None, "fault": None, "object_id": None}
    state.calls.append(call)
    g.call = call
    _authenticate()
    fault = state.faults.take(API_FAULTS, operation)
    call["fault"] = fault.kind if fault else None
    if fault and not fault.executed:
        return breaking.spoil(fault)
    answer = _answer(act)
    call["object_id"] = (answer.get_json() or {}).get("id") if answer.status_code == 200 else None
    return breaking.spoil(fault) if fault else answer


def _answer(act: Callable[[], Json]) -> Response:
    try:
        return jsonify(act())
    except ApiError as refusal:
        return refuse(refusal)


def refuse(refusal: ApiError) -> Response:
    """Write a refusal as an answer."""
    answer = jsonify(refusal.body())
    answer.status_code = refusal.status
    return answer


def note_status(answer: Response) -> Response:
    """Write the status of an API call into its line of the log; a dropped answer keeps none."""
    if "call" in g and not breaking.is_dropped():
        g.call["status"] = answer.status_code
    return answer


def _authenticate() -> None:
    given, config = request.authorization, parts().config
    login = (given.username or "") if given and given.type == "basic" else ""
    password = (given.password or "") if given and given.type == "basic" else ""
    expected = f"{config.shop_id}:{config.secret_key}".encode()
    if not hmac.compare_digest(f"{login}:{password}".encode(), expected):
        raise ApiError("invalid_credentials", "Error in shopId or secret key. Check their validity", "Authorization")


def _body() -> object:
    """Read JSON with exact numbers; an empty body is None."""
    raw = request.get_data()
    if not raw:
        return None
    if request.mimetype != "application/json":
        abort(415)
    try:
        body: object = json.loads(raw, parse_float=Decimal)
    except ValueError as error:
        raise invalid("Request body is not JSON", "body") from error
    return body


def _once(operation: str, act: Callable[[], str]) -> str:
    """Run a POST under its idempotence key and return the id of its object."""
    key = reading.idempotence_key(request.headers.get("Idempotence-Key"))
    body = json.dumps(_body(), sort_keys=True, default=str)
    fingerprint = hashlib.sha256(f"{request.path} {body}".encode()).hexdigest()
    with parts().ledger.settled() as now:
        return parts().keys.once(key, operation, fingerprint, now, act)


def _payment(payment_id: str) -> Json:
    return parts().ledger.show(parts().ledger.payment(payment_id))


def _shown_payments() -> list[Json]:
    ledger = parts().ledger
    return [ledger.show(payment) for payment in ledger.payments()]


def _shown_refunds() -> list[Json]:
    return [refund.as_json() for refund in parts().ledger.refunds()]


def _create_payment() -> Json:
    payment_id = _once("payments.create", lambda: parts().ledger.create(reading.new_payment(_body())).id)
    shown = _payment(payment_id)
    if shown["status"] == "pending" and parts().faults.take({"webhook_early"}, "payments.create"):
        parts().ledger.pay(payment_id)
        parts().webhooks.wait_attempted(payment_id)
    return shown


def _create_refund() -> Json:
    faults = parts().faults

    def act() -> str:
        wish = reading.new_refund(_body())
        failing = faults.take({"refund_canceled"}, "refunds.create")
        pending = faults.take({"refund_pending"}, "refunds.create")
        delay_s = (60.0 if pending.delay_s is None else pending.delay_s) if pending else 0.0
        return parts().ledger.give_back(wish, delay_s, failing.reason if failing else "").id

    refund_id = _once("refunds.create", act)
    if faults.take({"webhook_early"}, "refunds.create"):
        parts().webhooks.wait_attempted(refund_id)
    return parts().ledger.refund(refund_id).as_json()
