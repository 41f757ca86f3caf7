"""``/pay/{token}``: the page of a payment link. Looking at it does nothing: messengers look at every link they carry.

Only its button opens the provider's page. The provider sends the buyer back here, unless the ERP named another address.
"""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from bridge.core.db import Database
from bridge.core.errors import BridgeError
from bridge.core.i18n import translate
from bridge.orders.model import OrderState
from bridge.payments import attempts
from bridge.payments.links import Link, link_of_token
from bridge.payments.pages import PaymentPages, Way
from bridge.rest.problems import STATUSES, language

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address is a secret
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


class PayPage:
    """Shows what is to be paid, and sends the buyer to the provider. ``base_url`` is how buyers reach us; empty: as
    they came.
    """

    def __init__(self, db: Database, pages: PaymentPages, base_url: str) -> None:
        self._db = db
        self._pages = pages
        self._base_url = base_url

    def show(self, token: str) -> Response:
        """What is to be paid, or that it is."""
        return self._page(self._link(token))

    def pay(self, token: str) -> AnyResponse:
        """Send the buyer to the provider's page, the same one if it is open."""
        link = self._link(token)
        if link.order.state is not OrderState.AWAITING_PAYMENT:
            return redirect(url_for("pay_page.show", token=token), 303)
        back = link.return_url or link_url(self._base_url, token)
        try:
            attempt = self._pages.page(link.order.id, Way(link.provider, link.method, back))
        except BridgeError as error:
            status = STATUSES.get(error.code, 503)
            return self._page(self._link(token), translate(error.message, language(), error.params), status)
        response = redirect(attempt.confirmation_url or "", 303)
        response.headers.update(HEADERS)
        return response

    def _link(self, token: str) -> Link:
        with self._db.begin() as tx:
            found = link_of_token(tx, token)
        if found is None:
            raise NotFound
        return found

    def _page(self, link: Link, problem: str = "", status: int = 200) -> Response:
        with self._db.begin() as tx:
            is_open = any(attempts.is_open(attempt) for attempt in attempts.of_order(tx, link.order.id))
        t = partial(translate, language=language())
        page = render_template("pay.html", t=t, lang=language(), link=link, is_open=is_open, problem=problem)
        return Response(page, status, HEADERS, content_type="text/html; charset=utf-8")

    def blueprint(self) -> Blueprint:
        """The routes."""
        pages = Blueprint("pay_page", __name__, template_folder="templates")
        pages.get("/pay/<token>")(self.show)
        pages.post("/pay/<token>")(self.pay)
        return pages


def link_url(base_url: str, token: str) -> str:
    """The address of a link's page."""
    return f"{(base_url or request.url_root).rstrip('/')}/pay/{token}"
