"""The address 1C calls: ``?type=T&mode=M[&filename=F]``, GET or POST, whatever its content type says.

Who calls is told by Basic, by the cookie, or by both. 1C reads the cookie out of the body of ``checkauth``, others out
of ``Set-Cookie``. Nothing is ever redirected: 1C would come back with a GET and no body.
"""

from __future__ import annotations

import hmac
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import structlog
from flask import Blueprint, Response, g, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from adapters.onec.exchange import answers, orders
from adapters.onec.exchange.directories import directories
from adapters.onec.exchange.order_reading import ends_document
from adapters.onec.exchange.schemas import MODULE, schema_of
from bridge.core.errors import BridgeError, NotSent, Refused, Unknown
from bridge.ports.site import Credentials, Site, Upload, Visit

log = structlog.get_logger()

PATHS = ("/exchange/1c", "/bitrix/admin/1c_exchange.php")
COOKIE = "BRIDGE_EXCHANGE"
COOKIE_S = 86_400
SHOWN_CHARS_MAX = 40
VERSION_CHARS_MAX = 10


class SitePages:
    """Reads what 1C asks, has it done by ``site``, answers in 1C's words."""

    def __init__(self, site: Site) -> None:
        self._site = site
        catalog: dict[str, Callable[[Visit], Response]] = {
            "init": self._init,
            "file": self._file,
            "import": self._import,
        }
        self._modes: dict[str, dict[str, Callable[[Visit], Response]]] = {
            "catalog": {**catalog, "complete": self._complete, "deactivate": self._deactivate},
            "reference": catalog,
            "sale": {
                "init": self._init,
                "query": self._query,
                "success": self._success,
                "info": self._info,
                "file": self._orders,
                "import": self._import,
            },
        }

    def blueprint(self) -> Blueprint:
        """The routes."""
        pages = Blueprint("exchange_1c", __name__)
        for path in PATHS:
            pages.add_url_rule(path, "answer", self._answer, methods=["GET", "POST"], strict_slashes=False)
        pages.before_request(_lift_limit)
        pages.register_error_handler(BridgeError, _of_error)
        pages.register_error_handler(HTTPException, _of_http)
        for outage in (OperationalError, PoolTimeout):
            pages.register_error_handler(outage, _of_outage)
        pages.register_error_handler(Exception, _of_fault)
        return pages

    def _answer(self) -> Response:
        kind, mode = _argument("type"), _argument("mode")
        modes = self._modes.get(kind)
        if modes is None:
            raise Refused("exchange_type_unknown", "Unknown command type: '%(kind)s'.", kind=kind[:SHOWN_CHARS_MAX])
        if mode == "checkauth":
            return self._checkauth(kind)
        step = modes.get(mode)
        if step is None:
            message = "Unknown mode of %(kind)s: '%(mode)s'."
            raise Refused("exchange_mode_unknown", message, kind=kind, mode=mode[:SHOWN_CHARS_MAX])
        visit = self._site.resume(_credentials(), kind)
        try:
            _check_echo(visit)
            response = step(visit)
        except BridgeError as error:
            response = answers.of_error(error)
        self._site.note(visit, f"{mode} {_argument('filename')}".strip(), response.get_data())
        return response

    def _checkauth(self, kind: str) -> Response:
        visit = self._site.enter(_credentials(), kind)
        response = answers.lines("success", COOKIE, visit.token, *_more(visit))
        response.set_cookie(
            COOKIE, visit.token, max_age=COOKIE_S, secure=request.is_secure, httponly=True, samesite="Lax"
        )
        # The token lets one in, so it is not kept.
        self._site.note(visit, "checkauth", response.get_data().replace(visit.token.encode(), b"*"))
        return response

    def _init(self, visit: Visit) -> Response:
        self._site.restart(visit, *(_argument(name)[:VERSION_CHARS_MAX] for name in ("cmlVersion", "version")))
        # Archives are taken, not asked for: files that come one by one are accepted or refused one by one.
        return answers.lines("zip=no", f"file_limit={self._site.part_bytes}")

    def _file(self, visit: Visit) -> Response:
        self._site.take(visit, Upload(_argument("filename"), request.stream, request.content_length))
        return answers.success()

    def _orders(self, visit: Visit) -> Response:
        """УНФ and the module send orders and never ask for their import."""
        upload = Upload(_argument("filename"), request.stream, request.content_length)
        self._site.take_whole(visit, upload, ends_document)
        return answers.success()

    def _import(self, visit: Visit) -> Response:
        return answers.of_outcome(self._site.bring_in(visit, _argument("filename")))

    def _query(self, visit: Visit) -> Response:
        schema = schema_of(visit.dialect, visit.format_version)
        documents = self._site.offer_orders(visit, partial(orders.document, schema=schema))
        return answers.xml(orders.answer(documents, schema, datetime.now(UTC)))

    def _success(self, visit: Visit) -> Response:
        self._site.orders_taken(visit)
        return answers.success()

    def _info(self, visit: Visit) -> Response:
        del visit
        return answers.xml(directories(self._site.payment_systems))

    def _complete(self, visit: Visit) -> Response:
        """All files are sent. What was asked to be imported is, whether it is said or not."""
        log.info("exchange_completed", node=visit.node)
        return answers.success()

    def _deactivate(self, visit: Visit) -> Response:
        return answers.of_outcome(self._site.retire(visit, _moment(_argument("timestamp"))))


def _more(visit: Visit) -> list[str]:
    """The module finds a session id and the time in lines 4 and 5; УНФ adds line 4 to addresses as it stands."""
    if visit.dialect == MODULE:
        return [f"sessid={visit.echo}", f"timestamp={int(visit.started_at.timestamp())}"]
    return [f"sessid={visit.echo}"] if visit.wants_echo else []


def _check_echo(visit: Visit) -> None:
    if visit.wants_echo and not hmac.compare_digest(_argument("sessid").encode(), visit.echo.encode()):
        message = (
            "The session id is missing or not that of this exchange: let 1C send it, or switch it off for the node."
        )
        raise Refused("session_id_wrong", message)


def _lift_limit() -> None:
    """The limit of the API's documents is not that of files, which are streamed to disk and counted there."""
    request.max_content_length = sys.maxsize


def _argument(name: str) -> str:
    return request.args.get(name, "").strip()


def _credentials() -> Credentials:
    basic = request.authorization
    token = request.cookies.get(COOKIE, "")
    if basic is None or basic.type != "basic":
        return Credentials(token=token)
    return Credentials(basic.username or "", basic.password or "", token)


def _moment(timestamp: str) -> datetime:
    """The time of the checkauth at the start of the exchange, in whole seconds."""
    if not timestamp.isdecimal() or len(timestamp) > 11:
        raise Refused("timestamp_malformed", "Send the timestamp of the checkauth at the start of the exchange.")
    return datetime.fromtimestamp(int(timestamp), UTC)


def _of_error(error: BridgeError) -> Response:
    """1C is told in a body of status 200, so whoever counts wrong passwords is told apart from it."""
    g.credentials_failed = error.code == "node_unknown"
    return answers.of_error(error)


def _of_http(error: HTTPException) -> Response:
    return answers.of_error(Refused("request_unreadable", "The request cannot be read: %(why)s.", why=error.name))


def _of_outage(error: Exception) -> Response:
    log.error("database_unreachable", error=type(error).__name__)
    message = "The service cannot reach its database; nothing was changed. Try again."
    return answers.of_error(NotSent("database_unreachable", message))


def _of_fault(error: Exception) -> Response:
    log.error("request_broke", exc_info=error)
    return answers.of_error(Unknown("internal_error", "A fault of ours; it has been logged."))
