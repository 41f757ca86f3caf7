"""``POST /storefront/bitrix/pay?token=…``: answers the address of a page, or errors in the words Bitrix shows.

The status is always 200: Bitrix drops the body of any other and shows an error of its own. What goes
wrong is said in ``PAYMENT_ERRORS``, to the buyer in Russian, to the site's developer in English.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping

import structlog
from flask import Blueprint, Response, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from adapters.bitrix.pay.fields import read_form, read_payment
from adapters.bitrix.pay.settings import BitrixPaySettings
from bridge.core.errors import BridgeError, Refused
from bridge.core.i18n import translate
from bridge.ports.checkout import Checkout, Shop

log = structlog.get_logger()

PATH = "/storefront/bitrix/pay"
LANGUAGE = "ru"


class PayCall:
    """Reads what a site asks, has it done by ``checkout``, answers in the site's words."""

    def __init__(self, checkout: Checkout, sites: Mapping[str, BitrixPaySettings]) -> None:
        self._checkout = checkout
        self._sites = sites

    def blueprint(self) -> Blueprint:
        """The route."""
        calls = Blueprint("bitrix_pay", __name__)
        calls.add_url_rule(PATH, "answer", self._answer, methods=["POST"], strict_slashes=False)
        calls.register_error_handler(BridgeError, _of_error)
        calls.register_error_handler(HTTPException, _of_http)
        for outage in (OperationalError, PoolTimeout):
            calls.register_error_handler(outage, _of_outage)
        calls.register_error_handler(Exception, _of_fault)
        return calls

    def _answer(self) -> Response:
        name, site = self._site(request.args.get("token", ""))
        wanted = read_payment(read_form(request.get_data()))
        page = self._checkout.pay(Shop(site.client, site.provider, site.method), wanted)
        log.info("checkout_answered", site=name, payment=wanted.payment_ref, attempt=str(page.payment_id))
        return _said({"PAYMENT_URL": page.url, "PAYMENT_ID": str(page.payment_id)})

    def _site(self, token: str) -> tuple[str, BitrixPaySettings]:
        """Compare with every site in the same time, so that the time says nothing."""
        given = token.encode(errors="surrogatepass")
        found = [
            (name, site)
            for name, site in self._sites.items()
            if hmac.compare_digest(site.token.get_secret_value().encode(), given)
        ]
        if not found:
            raise Refused("checkout_token_wrong", "The token in ACTION_URI is not the one set for any site here.")
        return found[0]


def _said(document: Mapping[str, object]) -> Response:
    return Response(json.dumps(document, ensure_ascii=False), 200, content_type="application/json; charset=utf-8")


def _errors(text: str) -> Response:
    return _said({"PAYMENT_ERRORS": [text]})


def _of_error(error: BridgeError) -> Response:
    log.warning("checkout_refused", code=error.code)
    return _errors(translate(error.message, LANGUAGE, error.params))


def _of_http(error: HTTPException) -> Response:
    log.warning("checkout_unreadable", status=error.code)
    return _errors(translate("The request is not of the expected form: %(where)s.", LANGUAGE, {"where": error.name}))


def _of_outage(error: Exception) -> Response:
    log.error("database_unreachable", error=type(error).__name__)
    return _errors(translate("The service cannot reach its database; nothing was changed. Try again.", LANGUAGE))


def _of_fault(error: Exception) -> Response:
    log.error("request_broke", exc_info=error)
    return _errors(translate("A fault of ours; it has been logged.", LANGUAGE))
