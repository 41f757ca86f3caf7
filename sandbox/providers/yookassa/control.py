"""What the real service does not have: the levers of a tester and the audit. Open to the loopback only, without a password."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.providers.yookassa.clock import iso
from sandbox.providers.yookassa.errors import invalid
from sandbox.providers.yookassa.parts import parts

control = Blueprint("control", __name__)
Json = dict[str, Any]


@control.get("/_health")
def health() -> Response:
    """Answer that the server runs."""
    return jsonify({"ok": True})


@control.post("/_faults")
def arm() -> Response:
    """Arm one fault, or a list of them."""
    wish: object = request.get_json()
    for one in wish if isinstance(wish, list) else [wish]:
        parts().faults.arm(one)
    return jsonify(parts().faults.as_json())


@control.get("/_faults")
def faults() -> Response:
    """Show what is armed and what has fired."""
    return jsonify(parts().faults.as_json())


@control.post("/_reset")
def reset() -> Response:
    """Forget everything but the configuration and the clock."""
    parts().reset()
    return jsonify({"ok": True})


@control.get("/_audit")
def audit() -> Response:
    """Show the books."""
    return jsonify(parts().audit())


@control.get("/_clock")
def clock() -> Response:
    """Show the time."""
    return jsonify({"now": iso(parts().clock.now())})


@control.post("/_clock")
def advance() -> Response:
    """Move the clock by ``advance_s``; what is over by then is closed before the answer."""
    seconds = _wish().get("advance_s")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise invalid("advance_s is a number of seconds, not negative", "advance_s")
    now = parts().clock.advance(seconds)
    parts().ledger.settle()
    return jsonify({"now": iso(now)})


@control.post("/_pay/<payment_id>")
def pay(payment_id: str) -> Response:
    """Do what the buyer would: ``{"outcome": "succeeded" | "canceled", "reason": …}``."""
    wish, ledger = _wish(), parts().ledger
    match wish.get("outcome", "succeeded"):
        case "succeeded":
            payment = ledger.pay(payment_id)
        case "canceled":
            payment = ledger.decline(payment_id, str(wish.get("reason", "insufficient_funds")))
        case _:
            raise invalid("outcome is succeeded or canceled", "outcome")
    return jsonify(ledger.show(payment))


@control.post("/_cabinet/refunds")
def cabinet_refund() -> Response:
    """Refund by hand, as in the merchant's cabinet: ``{"payment_id", "value", "notify": false}``."""
    wish = _wish()
    request_body = {"payment_id": wish.get("payment_id"), "amount": {"value": wish.get("value"), "currency": "RUB"}}
    refund = parts().ledger.give_back(request_body, quietly=not wish.get("notify", False))
    return jsonify(refund.as_json())


@control.post("/_forge")
def forge() -> Response:
    """Send a forged notification: ``{"payment_id", "event": "payment.succeeded", "change": "status"|"amount"|"id"}``."""
    wish, ledger = _wish(), parts().ledger
    shown = ledger.show(ledger.payment(str(wish.get("payment_id"))))
    change = wish.get("change", "status")
    if change not in {"status", "amount", "id"}:
        raise invalid("change is one of status, amount, id", "change")
    parts().webhooks.forge(str(wish.get("event", "payment.succeeded")), shown, change)
    return jsonify({"ok": True})


def _wish() -> Json:
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}
