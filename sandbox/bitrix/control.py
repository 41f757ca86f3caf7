"""The back doors: the audit, faults, switches, the clock, and buyers."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, json, request

from sandbox.bitrix.faults import Fault
from sandbox.bitrix.records import Line, Order
from sandbox.bitrix.site import Site


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"not JSON: {value!r}")


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, default=_plain, ensure_ascii=False), status, content_type="application/json")


def _order(order: Order) -> dict[str, Any]:
    return {**asdict(order), "total": order.total}


def audit(site: Site) -> dict[str, Any]:
    """Everything the site holds, independent of what any client believes."""
    shop, exchange = site.shop, site.exchange
    return {
        "now": shop.clock.now(),
        "blocks": {key: asdict(block) for key, block in shop.blocks.items()},
        "price_types": shop.price_types,
        "stores": shop.stores,
        "orders": {str(key): _order(order) for key, order in shop.orders.items()},
        "options": {
            "skips_source_check": shop.skips_source_check,
            "is_sale_secure": shop.is_sale_secure,
            "cursors": {key: asdict(cursor) for key, cursor in exchange.door.cursors.items()},
        },
        "completed": shop.completed,
        "calls": exchange.calls,
        "faults": site.faults.show(),
    }


def control_blueprint(site: Site) -> Blueprint:
    """The back doors, as JSON."""
    blueprint = Blueprint("control", __name__)
    _add_switches(blueprint, site)
    _add_buyers(blueprint, site)
    return blueprint


def _add_switches(blueprint: Blueprint, site: Site) -> None:
    @blueprint.get("/_health")
    def health() -> Response:
        return _json({"ok": True})

    @blueprint.get("/_audit")
    def show() -> Response:
        return _json(audit(site))

    @blueprint.post("/_faults")
    def arm() -> Response:
        try:
            site.faults.arm(Fault(**request.get_json()))
        except (TypeError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json({"faults": site.faults.show()})

    @blueprint.post("/_settings")
    def change() -> Response:
        try:
            site.config.change(**request.get_json())
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        return _json({"ok": True})

    @blueprint.post("/_clock")
    def advance() -> Response:
        site.shop.clock.offset_s += float(request.get_json()["advance_s"])
        return _json({"now": site.shop.clock.now()})

    @blueprint.post("/_reset")
    def reset() -> Response:
        site.reset()
        return _json({"ok": True})


def _add_buyers(blueprint: Blueprint, site: Site) -> None:
    @blueprint.post("/_orders")
    def buy() -> Response:
        given = request.get_json()
        lines = [
            Line(
                line["xml_id"], line.get("name", ""), Decimal(str(line["price"])), Decimal(str(line.get("quantity", 1)))
            )
            for line in given["lines"]
        ]
        more = {"comment": given.get("comment", ""), "is_paid": bool(given.get("is_paid"))}
        return _json(_order(site.shop.buy(lines, given.get("buyer", {}), **more)), 201)

    @blueprint.patch("/_orders/<int:number>")
    def alter(number: int) -> Response:
        order = site.shop.orders[number]
        for name, value in request.get_json().items():
            setattr(order, name, value)
        site.shop.changed(order)
        return _json(_order(order))
