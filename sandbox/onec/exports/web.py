"""``/_exports``: have the infobase exchange with a site on a schedule, and see what came of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, json, request

from sandbox.onec.exports.forms import find_form
from sandbox.onec.exports.schedule import Exports


def exports_blueprint(exports: Exports) -> Blueprint:
    """The back doors to the schedule, as JSON."""
    blueprint = Blueprint("exports", __name__)

    @blueprint.errorhandler(ValueError)
    @blueprint.errorhandler(TypeError)
    @blueprint.errorhandler(KeyError)
    def refuse(error: Exception) -> Response:
        return _json({"error": f"{type(error).__name__}: {error}"}, 400)

    @blueprint.post("/_exports")
    def add() -> Response:
        given = request.get_json()
        site = str(given["url"]), str(given["login"]), str(given["password"])
        form, every_s = find_form(given["dialect"]), float(given.get("every_s", 60))
        exports.add(form, site, every_s, orders=bool(given.get("orders", False)))
        return _json({"id": len(exports.all) - 1}, 201)

    @blueprint.get("/_exports")
    def show() -> Response:
        return _json({"exports": [export.show() for export in exports.all]})

    @blueprint.post("/_exports/<int:number>/run")
    def run(number: int) -> Response:
        if number >= len(exports.all):
            return _json({"error": f"no such export: {number}"}, 404)
        exports.all[number].run()
        return _json(exports.all[number].show()["last"])

    @blueprint.delete("/_exports")
    def stop() -> Response:
        exports.stop()
        return _json({"ok": True})

    return blueprint


def _json(body: Any, status: int = 200) -> Response:
    text = json.dumps(body, default=_plain, ensure_ascii=False)
    return Response(text, status, content_type="application/json")


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"not JSON: {value!r}")
