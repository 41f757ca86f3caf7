"""The Flask application: blueprints, who asks, request ids, limits, errors, times."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from typing import Any

import structlog
from flask import Response, g, redirect, request
from flask_openapi3 import Info, OpenAPI
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.middleware.proxy_fix import ProxyFix

from bridge.bootstrap import Bridge
from bridge.catalogue.api import CatalogueApi
from bridge.console.actions import Around
from bridge.console.pages import Console
from bridge.core import ids
from bridge.core.errors import Refused
from bridge.erp_calls.api import ErpCallsApi
from bridge.exchange.runs_api import ExchangeApi
from bridge.fairness.api import WaitingRoomApi
from bridge.payments.api import PaymentsApi
from bridge.payments.hooks import Hooks
from bridge.payments.pay_page import PayPage
from bridge.rest import problems
from bridge.rest.auth import Keys
from bridge.rest.compartment import Compartment
from bridge.seats.api import SeatsApi, Waiting
from bridge.web.health import REQUEST_SECONDS, Health
from bridge.web.shedding import Shedding

log = structlog.get_logger()

API = "/v1/"
KEYLESS = "/v1/erp/"  # the ERP's own documents are the identities there
NUL = b"\\u0000"  # JSON has no other way to write it
REQUEST_ID = re.compile(r"^[0-9A-Za-z_-]{8,64}$")
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "New for each request, the same when you repeat it",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
DESCRIPTION = """
Seats, holds, orders and payments. Errors are `application/problem+json` with a stable `code`. Every POST takes an
`Idempotency-Key`: repeat a request with the same key as often as you like, it is done once.
"""


class Application(OpenAPI):
    """Flask, which need not look at each hook of each request to see whether it is a coroutine: none is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """What is called for ``func``: itself."""
        return func


def create_app(bridge: Bridge) -> Application:
    """Make the application of one server process."""
    app = Application(
        "bridge",
        info=Info(title="ticket-bridge", version="1", description=DESCRIPTION),
        security_schemes={"key": {"type": "http", "scheme": "bearer", "bearerFormat": "brk_…"}},
        validation_error_callback=problems.of_validation,
        doc_prefix="/docs",
        static_folder=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = bridge.settings.web.body_bytes_max
    app.config["MAX_FORM_MEMORY_SIZE"] = bridge.settings.web.body_bytes_max
    if proxies := bridge.settings.web.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    problems.install(app)
    _watch(app)
    waiting = Compartment(bridge.settings.web.erp_waiters)
    Shedding(bridge.settings.web.threads, waiting, bridge.provider_gateway.waiting).install(app)
    _guard(app, bridge)
    _route(app, bridge, waiting)
    return app


def _route(app: OpenAPI, bridge: Bridge, waiting: Compartment) -> None:
    apis: list[Any] = [
        CatalogueApi(bridge.db),
        WaitingRoomApi(bridge.db, bridge.fair_use.lobby),
        SeatsApi(
            bridge.db,
            bridge.seats_gateway,
            Waiting(waiting, bridge.settings.erp.wait_max_s, bridge.awaited),
            erp=bridge.erp.name if bridge.erp else "",
        ),
        ExchangeApi(bridge.db, bridge.site),
        PaymentsApi(
            bridge.db, bridge.provider_gateway, bridge.accounts, goods_pay_s=bridge.settings.orders.goods_pay_s
        ),
        ErpCallsApi(
            bridge.db,
            bridge.provider_gateway,
            bridge.accounts,
            base_url=bridge.settings.web.public_url,
            has_erp=bridge.erp is not None,
        ),
    ]
    for api in apis:
        app.register_api(api.blueprint())
    for pages in (Hooks(bridge.db, bridge.accounts), Health(bridge.db), _console(bridge)):
        app.register_blueprint(pages.blueprint())
    pay_page = PayPage(bridge.db, bridge.payment_pages, bridge.settings.web.public_url)
    app.register_blueprint(pay_page.blueprint())
    for inbound in bridge.inbound():
        bridge.fair_use.guard_passwords(inbound)
        app.register_blueprint(inbound)
    _document_keys(app.api_doc)
    app.add_url_rule("/openapi.json", "contract", lambda: app.api_doc)
    app.add_url_rule("/docs", "docs", lambda: redirect("/docs/swagger"), strict_slashes=False)


def _console(bridge: Bridge) -> Console:
    around = Around(bridge.erp.name if bridge.erp else "", bridge.settings.fair.room_floor_per_s)
    return Console(bridge.db, bridge.fair_use.guesses, around)


def _document_keys(contract: dict[str, Any]) -> None:
    """Say of every POST of the API that it wants an ``Idempotency-Key``."""
    for path, item in contract["paths"].items():
        if path.startswith(API) and "post" in item:
            is_required = not path.startswith(KEYLESS)
            item["post"].setdefault("parameters", []).append({**IDEMPOTENCY_KEY, "required": is_required})


def _guard(app: OpenAPI, bridge: Bridge) -> None:
    """Look at who asks and how much, then at the form of the request, before any view does."""
    keys, fair = Keys(bridge.db), bridge.fair_use

    def check() -> None:
        if not request.path.startswith(API) or request.routing_exception is not None:
            return
        fair.identify(keys)
        fair.enter()
        if request.method == "POST":
            _check_json()
            fair.check_hold(bridge.db)

    app.before_request(check)
    fair.install(app)


def _check_json() -> None:
    if len(request.get_data()) >= (request.max_content_length or sys.maxsize):
        raise RequestEntityTooLarge  # a body whose length was not announced is cut there without a word
    try:
        body = request.get_json()
    except UnsupportedMediaType as error:
        raise Refused("media_type_unsupported", "Send the body as 'Content-Type: application/json'.") from error
    except (BadRequest, RecursionError) as error:
        raise Refused("json_malformed", "The body is not valid JSON.") from error
    if NUL in request.get_data():
        raise Refused("json_malformed", "A text must not hold the character NUL: it cannot be stored.")
    if not isinstance(body, dict):
        raise Refused("json_malformed", "The body must be a JSON object.")


def _watch(app: OpenAPI) -> None:
    """Give each request an id, bind it to the logs, measure it."""

    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.match(given) else ids.fresh().hex
        g.started = time.monotonic()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        took_s = time.monotonic() - g.started
        route = request.url_rule.rule if request.url_rule else "none"
        REQUEST_SECONDS.labels(request.method, route, response.status_code).observe(took_s)
        log.info(
            "request_answered",
            method=request.method,
            route=route,
            status=response.status_code,
            ms=round(took_s * 1000, 1),
            **_names(),
        )
        return response

    def clear(_: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("request_id")

    app.before_request(begin)
    app.after_request(end)
    app.teardown_request(clear)


def _names() -> dict[str, str]:
    """The ids in the path: what a request was about."""
    return {name: str(value) for name, value in (request.view_args or {}).items() if name != "token"}
