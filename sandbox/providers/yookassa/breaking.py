"""How an armed fault spoils the answer to an API call."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import cast

from flask import Response, g, jsonify, request

from sandbox.providers.yookassa.errors import ApiError
from sandbox.providers.yookassa.faults import Fault
from sandbox.providers.yookassa.parts import parts

GATEWAY_PAGE = (
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
)


def spoil(fault: Fault) -> Response:
    """Return, or refuse to return, what the fault wants the caller to see."""
    return _SPOILERS[fault.kind](fault)


def is_dropped() -> bool:
    """Say whether the present call was cut off."""
    return bool(g.get("is_dropped", False))


def _drop(_fault: Fault) -> Response:
    """Close the connection under the caller; whatever is returned after it goes nowhere."""
    g.is_dropped = True
    connection = cast("socket.socket | None", request.environ.get("werkzeug.socket"))
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)


def _silence(fault: Fault) -> Response:
    time.sleep(parts().config.profile.silence_s if fault.delay_s is None else fault.delay_s)
    return _drop(fault)


def _refuse(code: str, fault: Fault) -> Response:
    retry_after_ms = fault.retry_after_ms if code == "too_many_requests" else None
    error = ApiError(code, code.replace("_", " ").capitalize(), retry_after_ms=retry_after_ms)
    answer = jsonify(error.body())
    answer.status_code = error.status
    return answer


_SPOILERS: Mapping[str, Callable[[Fault], Response]] = {
    "commit_then_drop": _drop,
    "drop": _drop,
    "silence": _silence,
    "http_500": lambda fault: _refuse("internal_server_error", fault),
    "http_502_html": lambda _fault: Response(GATEWAY_PAGE, 502, mimetype="text/html"),
    "throttle_429": lambda fault: _refuse("too_many_requests", fault),
    "garbage_200": lambda _fault: Response('{"id": "2d1e', 200, mimetype="application/json"),
}
