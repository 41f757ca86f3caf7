"""The back doors: the audit, faults, restarts, the clock, switches, and a box office that sells and takes back without
telling anyone.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, Response, json, jsonify, request

from sandbox.onec import odata_goods
from sandbox.onec.faults import Fault
from sandbox.onec.infobase import Infobase
from sandbox.onec.records import Verdict
from sandbox.onec.service import WebService


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"not JSON: {value!r}")


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, default=_plain, ensure_ascii=False), status, content_type="application/json")


def audit(service: WebService, *, with_calls: bool) -> dict[str, Any]:
    """Everything the infobase holds, independent of what any client believes."""
    infobase, settings = service.infobase, service.infobase.settings
    with infobase.open():
        return {
            "season": settings.season,
            "seed": settings.seed,
            "now": infobase.clock.now(),
            "local": infobase.clock.local(),
            "performances": {each.id: asdict(each) for each in infobase.season.performances.values()},
            "prices": [asdict(price) for price in infobase.season.prices.values()],
            "seats": _seats(infobase),
            "sales": [asdict(sale) for sale in infobase.seats.sales],
            "holds": {
                hold.id: {**asdict(hold), "seconds_left": infobase.seats.seconds_left(hold)}
                for hold in infobase.seats.holds.values()
            },
            "orders": {order.id: _order(infobase, order.id) for order in infobase.orders.orders.values()},
            "documents": [asdict(document) for document in infobase.orders.documents],
            "odata": infobase.papers.show(),
            "calls": service.journal.show() if with_calls else [],
            "sessions": service.sessions.report(),
            "licences": {"limit": settings.licences, "used_max": service.sessions.usage.licences_used_max},
            "faults": service.faults.show(),
        }


def _seats(infobase: Infobase) -> dict[str, dict[str, dict[str, str]]]:
    return {
        performance_id: {seat.id: {"state": seat.state.value, "owner": seat.owner} for seat in seats.values()}
        for performance_id, seats in infobase.seats.seats.items()
    }


def _order(infobase: Infobase, order_id: str) -> dict[str, Any]:
    order = infobase.orders.orders[order_id]
    return {
        **asdict(order),
        "paid": infobase.orders.paid(order_id),
        "state": infobase.orders.state(order),
        "documents": [document.number for document in infobase.orders.by_order.get(order_id, ())],
    }


def control_blueprint(service: WebService) -> Blueprint:
    """The back doors, as JSON."""
    blueprint = Blueprint("control", __name__)

    @blueprint.errorhandler(ValueError)
    @blueprint.errorhandler(TypeError)
    @blueprint.errorhandler(KeyError)
    @blueprint.errorhandler(InvalidOperation)
    def refuse(error: Exception) -> Response:
        return _json({"error": f"{type(error).__name__}: {error}"}, 400)

    _add_watching(blueprint, service)
    _add_switching(blueprint, service)
    _add_box_office(blueprint, service.infobase)
    return blueprint


def _add_watching(blueprint: Blueprint, service: WebService) -> None:
    @blueprint.get("/_audit")
    def show_audit() -> Response:
        return _json(audit(service, with_calls=request.args.get("calls", "1") != "0"))

    @blueprint.get("/_health")
    def health() -> Response:
        return jsonify(ok=True)

    @blueprint.get("/_faults")
    def show_faults() -> Response:
        return _json({"faults": service.faults.show()})


def _add_switching(blueprint: Blueprint, service: WebService) -> None:
    infobase = service.infobase

    @blueprint.post("/_faults")
    def arm() -> Response:
        service.faults.arm([Fault.parse(fields) for fields in request.get_json()["faults"]])
        return _json({"faults": service.faults.show()})

    @blueprint.post("/_reset")
    def reset() -> Response:
        fields = request.get_json(silent=True) or {}
        service.faults.clear()
        if fields:
            service.restart(**fields)
        return _json({"season": infobase.settings.season, "seed": infobase.settings.seed})

    @blueprint.post("/_settings")
    def change_settings() -> Response:
        infobase.settings.change(**request.get_json())
        return _json({"ok": True})

    @blueprint.post("/_clock")
    def move_clock() -> Response:
        infobase.clock.advance(float(request.get_json()["advance_s"]))
        return _json({"local": infobase.clock.local()})

    @blueprint.post("/_sessions/kill")
    def kill_sessions() -> Response:
        service.sessions.kill()
        return _json(service.sessions.report())


def _verdict(verdict: Verdict) -> Response:
    body = {"outcome": verdict.outcome, "code": verdict.code, "lost_seats": verdict.lost_seat_ids}
    return _json(body, 200 if verdict.outcome == "done" else 409)


def _add_box_office(blueprint: Blueprint, infobase: Infobase) -> None:
    turns = {
        "sell": "sell_at_box_office",
        "return": "take_back",
        "hold": "hold_at_box_office",
        "let_go": "let_go",
        "block": "block",
        "unblock": "unblock",
        "set_aside": "set_aside",
        "bring_back": "bring_back",
    }

    @blueprint.post(f"/_box_office/<any({', '.join(turns)}):what>")
    def turn(what: str) -> Response:
        fields = request.get_json()
        performance, seats = fields.pop("performance"), fields.pop("seats")
        with infobase.open():
            return _verdict(getattr(infobase.seats, turns[what])(performance, seats, **fields))

    @blueprint.post("/_box_office/price")
    def change_price() -> Response:
        fields = request.get_json()
        amount = Decimal(str(fields["amount"]))
        with infobase.open():
            is_found = infobase.change_price(fields["performance"], fields["zone"], fields["price_type"], amount)
        return _json({"ok": is_found}, 200 if is_found else 404)

    @blueprint.post("/_goods")
    def put_goods() -> Response:
        with infobase.open():
            return _json({"keys": [odata_goods.put(infobase.papers, each) for each in request.get_json()["goods"]]})

    @blueprint.post("/_box_office/performance")
    def change_performance() -> Response:
        fields = request.get_json()
        if fields["state"] not in ("on_sale", "closed", "cancelled"):
            raise ValueError(fields["state"])
        with infobase.open():
            is_found = infobase.change_performance(fields["performance"], fields["state"])
        return _json({"ok": is_found}, 200 if is_found else 404)
