"""Every error of the API as RFC 9457 problem+json with a stable ``code`` and a text in the caller's language."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, g, request
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from bridge.core.errors import BridgeError, NotSent, Refused, Throttled
from bridge.core.i18n import LANGUAGES, translate

log = structlog.get_logger()

CONTENT_TYPE = "application/problem+json"
RETRY_S = 5

# The status of each refusal; one that is not here is 422: understood, but it cannot be done.
STATUSES = {
    "key_missing": 401,
    "key_unknown": 401,
    "scope_missing": 403,
    "webhook_forged": 403,
    "webhook_malformed": 400,
    "account_unknown": 404,
    "event_unknown": 404,
    "performance_unknown": 404,
    "layout_unknown": 404,
    "hold_unknown": 404,
    "order_unknown": 404,
    "payment_unknown": 404,
    "refund_unknown": 404,
    "exchange_run_unknown": 404,
    "exchange_file_unknown": 404,
    "seats_unavailable": 409,
    "hold_not_ready": 409,
    "hold_over": 409,
    "hold_sold": 409,
    "hold_ordered": 409,
    "hold_in_payment": 409,
    "holds_too_many": 409,
    "group_unavailable": 409,
    "order_paid": 409,
    "order_over": 409,
    "price_changed": 409,
    "link_settled": 409,
    "document_reused": 409,
    "posting_unknown": 404,
    "posting_posted": 409,
    "posting_under_way": 409,
    "goods_withdrawn": 409,
    "payment_in_progress": 409,
    "external_ref_used": 409,
    "performance_not_on_sale": 409,
    "idempotency_key_missing": 400,
    "json_malformed": 400,
    "media_type_unsupported": 415,
    "version_malformed": 400,
    "cursor_malformed": 400,
    "admission_missing": 403,
    "admission_wrong": 403,
    "admission_over": 403,
    "waiting_token_wrong": 404,
    "client_holds_too_many": 429,
}
# Of those who ask us to wait, who is himself the reason; the others are told that we are busy, with 503.
TOO_MANY = frozenset({"rate_exceeded", "requests_at_once", "authentication_paused"})
# The codes of what Flask itself refuses. Python's own names of statuses change with its version.
HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    411: "length_required",
    413: "request_entity_too_large",
    414: "request_uri_too_long",
    415: "unsupported_media_type",
    431: "request_header_fields_too_large",
}
# What stands in the answer besides the text, so that a machine need not read the text.
SHOWN = ("lost", "unknown", "alternatives", "errors", "changed")


def problem(status: int, code: str, detail: str, **extra: Any) -> Response:
    """A problem document."""
    body = {
        "type": f"urn:ticket-bridge:problem:{code}",
        "title": translate(HTTPStatus(status).phrase, language()),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": g.get("request_id", ""),
        **extra,
    }
    response = Response(json.dumps(body, ensure_ascii=False), status, content_type=CONTENT_TYPE)
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        response.headers["Retry-After"] = str(extra.get("retry_after_s", RETRY_S))
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def language() -> str:
    """The caller's language among ours."""
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def of_error(error: BridgeError) -> Response:
    """The answer to an error of ours."""
    detail = translate(error.message, language(), error.params)
    shown = {name: error.params[name] for name in SHOWN if name in error.params}
    if isinstance(error, Refused):
        return problem(STATUSES.get(error.code, 422), error.code, detail, **shown)
    if isinstance(error, Throttled):
        status = 429 if error.code in TOO_MANY else 503
        return problem(status, error.code, detail, retry_after_s=max(1, round(error.retry_after_s)))
    if isinstance(error, NotSent):
        return problem(503, error.code, detail)
    log.error("request_failed", code=error.code, error=str(error))
    return problem(502, error.code, detail)


def of_validation(error: ValidationError) -> Response:
    """The answer to a request of the wrong shape: every mistake with its place."""
    mistakes = [
        {"where": ".".join(str(step) for step in mistake["loc"]), "what": mistake["msg"]}
        for mistake in error.errors(include_input=False, include_context=False, include_url=False)
    ]
    where = ", ".join(sorted({mistake["where"] or "body" for mistake in mistakes}))
    detail = translate("The request is not of the expected form: %(where)s.", language(), {"where": where})
    return problem(422, "request_malformed", detail, errors=mistakes)


def of_http(error: HTTPException) -> Response:
    """The answer to what Flask itself refuses: 404, 405, 413 and their like."""
    status = error.code or 500
    code = HTTP_CODES.get(status, f"http_{status}")
    response = problem(status, code, translate(HTTPStatus(status).description or error.name, language()))
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(allowed)
    return response


def of_outage(error: Exception) -> Response:
    """The answer while the database is away: nothing was done that is not stored."""
    log.error("database_unreachable", error=type(error).__name__)
    detail = translate("The service cannot reach its database; nothing was changed. Try again.", language())
    return problem(503, "database_unreachable", detail)


def of_conflict(error: IntegrityError) -> Response:
    """The answer to a request that would make a second thing of a name: a key used again after it was forgotten."""
    log.warning("request_conflicts", constraint=getattr(getattr(error.orig, "diag", None), "constraint_name", None))
    detail = translate("Something with this key exists already; use a new Idempotency-Key.", language())
    return problem(409, "already_exists", detail)


def of_fault(error: Exception) -> Response:
    """The answer to a fault of ours; the trace is in the log under the request's id."""
    log.error("request_broke", exc_info=error)
    return problem(500, "internal_error", translate("A fault of ours; it has been logged.", language()))


def install(app: Flask) -> None:
    """Answer every error of ``app`` as a problem."""
    app.register_error_handler(BridgeError, of_error)
    app.register_error_handler(ValidationError, of_validation)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(OperationalError, of_outage)
    app.register_error_handler(PoolTimeout, of_outage)
    app.register_error_handler(IntegrityError, of_conflict)
    app.register_error_handler(Exception, of_fault)
