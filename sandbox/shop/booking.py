"""From chosen seats to a hold, and from a hold to an order."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from sandbox.shop import cookie
from sandbox.shop.broker import BrokerRefusedError, key_of
from sandbox.shop.ordering import start_payment
from sandbox.shop.showing import Choice, broker, seat_names, show_hall
from sandbox.shop.waiting import CODES

booking = Blueprint("booking", __name__)
Json = dict[str, Any]
GONE = {"refused": "refused", "expired": "expired", "released": "released"}
UNSETTLED = frozenset({"reserving", "uncertain"})
BUYER_FIELDS = {
    "name": re.compile(r".*\S.*"),
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "phone": re.compile(r"\+?[\d\s()-]{7,20}"),
}


@booking.post("/performances/<performance_id>/hold")
def hold(performance_id: str) -> Redirect | tuple[str, int]:
    """Ask for the chosen seats; if some are lost, show the map again with the rest still chosen."""
    seats = request.form.getlist("seat")
    if not seats:
        return show_hall(performance_id, Choice(is_empty=True)), 422
    types = {seat: _price_type(seat) for seat in seats}
    wish = {
        "performance": performance_id,
        "seats": [{"id": seat, "price_type": kind} if kind else seat for seat, kind in types.items()],
        "customer_ref": cookie.customer_ref(),
    }
    try:
        made = broker().hold(wish, key_of(request.form.get("key", ""), wish), cookie.admission(performance_id))
    except BrokerRefusedError as error:
        if error.code in CODES:
            return redirect(url_for("waiting.wait", performance_id=performance_id), 303)
        if error.code != "seats_unavailable":
            raise
        return _without_lost(performance_id, types, error.problem), 409
    cookie.remember_hold(made["id"], performance_id)
    return redirect(url_for(".show_hold", hold_id=made["id"]), 303)


@booking.get("/holds/<hold_id>")
def show_hold(hold_id: str) -> str | Redirect | tuple[str, int]:
    """Show a hold as it stands: being made, ours with a countdown, or gone."""
    return _show_hold(hold_id, {})


@booking.get("/holds/<hold_id>/state")
def hold_state(hold_id: str) -> Response:
    """Tell the page whether to show itself anew, and how much time the server says is left."""
    cookie.hold(hold_id)
    found = broker().get_hold(hold_id)
    return jsonify({"stamp": found["state"], "left_s": found.get("expires_in_s")})


@booking.post("/holds/<hold_id>/release")
def release(hold_id: str) -> Redirect:
    """Give the seats back."""
    own = cookie.hold(hold_id)
    broker().release(hold_id)
    cookie.close_hold(hold_id)
    return redirect(url_for("showing.performance", performance_id=own["performance"]), 303)


@booking.post("/holds/<hold_id>/order")
def order(hold_id: str) -> str | Redirect | tuple[str, int]:
    """Make an order of the hold and send the buyer to pay; repeated, it leads to the same order."""
    own = cookie.hold(hold_id)
    if "order" in own:
        return redirect(url_for("ordering.show_order", order_id=own["order"]), 303)
    buyer = {name: request.form.get(name, "").strip() for name in BUYER_FIELDS}
    wrong = {name for name, form in BUYER_FIELDS.items() if not form.fullmatch(buyer[name])}
    if wrong:
        return _show_hold(hold_id, dict.fromkeys(wrong, True), buyer)
    wish = {"holds": [hold_id], "buyer": {"kind": "person", **buyer}, "external_ref": f"shop-{hold_id}"}
    try:
        made = broker().order(wish, key_of(request.form.get("key", ""), wish))
    except BrokerRefusedError:
        if broker().get_hold(hold_id)["state"] == "active":
            raise
        return redirect(url_for(".show_hold", hold_id=hold_id), 303)
    cookie.remember_order(made["id"], hold_id, own["performance"])
    return start_payment(made["id"], f"first payment of {made['id']}")


def _show_hold(hold_id: str, wrong: Json, buyer: Json | None = None) -> str | Redirect | tuple[str, int]:
    own = cookie.hold(hold_id)
    if "order" in own:
        return redirect(url_for("ordering.show_order", order_id=own["order"]), 303)
    found = broker().get_hold(hold_id)
    if found["state"] in UNSETTLED:
        return render_template("reserving.html", hold=found)
    if found["state"] in GONE:
        cookie.close_hold(hold_id)
        return render_template("plain.html", kind=GONE[found["state"]], performance_id=own["performance"]), 410
    if found["state"] != "active":
        abort(404)
    performance = broker().performance(own["performance"])
    page = render_template(
        "hold.html",
        hold=found,
        performance=performance,
        names=seat_names(performance),
        price_types={kind["id"]: kind["name"] for kind in performance["price_types"]},
        wrong=wrong,
        buyer=buyer or {},
    )
    return (page, 422) if wrong else page


def _price_type(seat: str) -> str:
    """Return the type chosen for this seat, or for all where the page had no JavaScript."""
    return request.form.get(f"type-{seat}") or request.form.get("price_type", "")


def _without_lost(performance_id: str, types: dict[str, str], problem: Json) -> str:
    lost = [str(seat) for seat in problem.get("lost", [])]
    near = [str(seat["id"] if isinstance(seat, dict) else seat) for seat in problem.get("alternatives") or []]
    rest = frozenset(types) - set(lost)
    return show_hall(performance_id, Choice(rest, types, lost, near))
