"""An order from "to be paid" to tickets. The page only reads: what is paid, the broker says."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from sandbox.shop import cookie
from sandbox.shop.broker import BrokerRefusedError, key_of
from sandbox.shop.showing import broker, seat_names

ordering = Blueprint("ordering", __name__)
Json = dict[str, Any]
FAILED = frozenset({"canceled", "failed", "refused", "expired"})
VIEWS = {"paid": "paid", "expired": "order_expired", "exception": "problem"}


@ordering.get("/orders/<order_id>")
def show_order(order_id: str) -> str:
    """Show an order as it stands; here the buyer comes back to from paying."""
    own = cookie.order(order_id)
    found = broker().get_order(order_id)
    performance = broker().performance(own["performance"])
    payment = _payment(found, own)
    return render_template(
        "order.html",
        order=found,
        view=_view(found, payment),
        payment=payment,
        performance=performance,
        names=seat_names(performance),
        price_types={kind["id"]: kind["name"] for kind in performance["price_types"]},
        stamp=_stamp(found, payment),
    )


@ordering.get("/orders/<order_id>/state")
def order_state(order_id: str) -> Response:
    """Tell the page whether to show itself anew."""
    own = cookie.order(order_id)
    found = broker().get_order(order_id)
    return jsonify({"stamp": _stamp(found, _payment(found, own)), "left_s": found.get("expires_in_s")})


@ordering.post("/orders/<order_id>/pay")
def pay(order_id: str) -> Redirect:
    """Start another payment; a repeated click starts the same one."""
    cookie.order(order_id)
    return start_payment(order_id, request.form.get("key", ""))


def start_payment(order_id: str, form_key: str) -> Redirect:
    """Start a payment and send the buyer to the provider, or to the order's page while that is not ready."""
    here = url_for("ordering.show_order", order_id=order_id, _external=True)
    try:
        made = broker().pay(order_id, here, key_of(form_key, order_id))
    except BrokerRefusedError as error:
        if error.status != 409:
            raise
        return redirect(here, 303)
    cookie.remember_payment(order_id, made["id"])
    return redirect(made.get("confirmation_url") or here, 303)


def _payment(found: Json, own: Json) -> Json | None:
    """Return the payment that matters: the one that is paid, else the one the buyer was sent to, else the latest."""
    payments = found.get("payments") or []
    settled = next((p for p in payments if p.get("paid_at")), None)
    latest = payments[-1] if payments else None
    if settled or not own.get("payment"):
        return settled or latest
    known = next((p for p in payments if p["id"] == own["payment"]), None)
    return {**(known or {}), **broker().get_payment(own["payment"])}


def _view(found: Json, payment: Json | None) -> str:
    if found["state"] in VIEWS:
        return VIEWS[found["state"]]
    if payment is None:
        return "unpaid"
    return "declined" if payment["state"] in FAILED else "waiting"


def _stamp(found: Json, payment: Json | None) -> str:
    """Return a text that changes when the page would."""
    posting = ((payment or {}).get("posting") or {}).get("state", "")
    is_ready = bool((payment or {}).get("confirmation_url"))
    return f"{found['state']}/{(payment or {}).get('state', '')}/{posting}/{is_ready:d}"
