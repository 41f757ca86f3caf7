"""``/console``: what an admin or an accountant looks at, and what an admin decides there.

Whoever signs in gets a session. Basic authentication is taken too, but only to read: a browser would send it with a
form of any site.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as Redirect

from bridge.channels.users import find_user
from bridge.console.actions import Around, act
from bridge.console.overview import read_overview
from bridge.console.sessions import LIFE_S, Visitor, find_session, sign_in, sign_out
from bridge.core.db import Database
from bridge.core.errors import BridgeError, Refused, Throttled
from bridge.core.i18n import translate
from bridge.fairness.guesses import Guesses
from bridge.rest.problems import language

COOKIE = "bridge_console"
PATH = "/console"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Console:
    """The web pages, behind a login."""

    def __init__(self, db: Database, guesses: Guesses, around: Around) -> None:
        self._db = db
        self._guesses = guesses
        self._around = around

    def overview(self) -> Response:
        """Everything on one page."""
        visitor = self._visitor()
        return _login_page("", 401) if visitor is None else self._page(visitor)

    def sign_in(self) -> Response | Redirect:
        """Begin a session."""
        address = request.remote_addr or ""
        self._guesses.check(address)
        with self._db.begin() as tx:
            token = sign_in(tx, request.form.get("login", ""), request.form.get("password", ""))
        if token is None:
            self._guesses.note(address)
            return _login_page(translate("Login or password is wrong.", language()), 401)
        answer = redirect(PATH, 303)
        answer.set_cookie(
            COOKIE, token, max_age=LIFE_S, path=PATH, secure=request.is_secure, httponly=True, samesite="Strict"
        )
        return answer

    def sign_out(self) -> Redirect:
        """End the session."""
        self._signed_in()
        with self._db.begin() as tx:
            sign_out(tx, request.cookies.get(COOKIE, ""))
        answer = redirect(PATH, 303)
        answer.delete_cookie(COOKIE, path=PATH)
        return answer

    def act(self, action: str) -> Response | Redirect:
        """Do what an admin decided."""
        visitor = self._signed_in()
        try:
            with self._db.begin() as tx:
                act(tx, action, visitor, request.form, self._around)
        except Refused as refusal:
            said = translate(refusal.message, language(), refusal.params)
            return self._page(visitor, said, 403 if refusal.code == "action_forbidden" else 409)
        return redirect(PATH, 303)

    def _page(self, visitor: Visitor, problem: str = "", status: int = 200) -> Response:
        with self._db.begin() as tx:
            found = read_overview(tx, self._around.erp)
        return _render("overview.html", status, visitor=visitor, problem=problem, **found)

    def _signed_in(self) -> Visitor:
        """Whose form this is. Raises ``Refused`` for one that no page of the session sent."""
        visitor = self._visitor()
        if visitor is None or not visitor.sent(request.form.get("form_key", "")):
            raise Refused("form_foreign", "Sign in again: this form is not from a page of your session.")
        return visitor

    def _visitor(self) -> Visitor | None:
        if token := request.cookies.get(COOKIE):
            with self._db.begin() as tx:
                return find_session(tx, token)
        given = request.authorization
        if given is None or given.type != "basic" or not given.username or given.password is None:
            return None
        return self._reader(given.username, given.password)

    def _reader(self, login: str, password: str) -> Visitor | None:
        address = request.remote_addr or ""
        self._guesses.check(address)
        with self._db.begin() as tx:
            role = find_user(tx, login, password)
        if role is None:
            self._guesses.note(address)
            return None
        return Visitor(login, role)

    def blueprint(self) -> Blueprint:
        """The routes."""
        pages = Blueprint("console", __name__, template_folder="templates")
        pages.get(PATH, strict_slashes=False)(self.overview)
        pages.post(f"{PATH}/sign-in")(self.sign_in)
        pages.post(f"{PATH}/sign-out")(self.sign_out)
        pages.post(f"{PATH}/do/<action>")(self.act)
        pages.register_error_handler(BridgeError, _refuse)
        pages.after_request(_protect)
        return pages


def _refuse(error: BridgeError) -> Response:
    """What went wrong, on the page where one signs in."""
    status = 429 if isinstance(error, Throttled) else 403
    response = _login_page(translate(error.message, language(), error.params), status)
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(round(error.retry_after_s))
    return response


def _login_page(problem: str, status: int) -> Response:
    return _render("sign_in.html", status, problem=problem)


def _render(template: str, status: int, **values: Any) -> Response:
    page = render_template(template, t=partial(translate, language=language()), lang=language(), **values)
    response = make_response(page, status)
    if status == 401:
        # A browser shows the page; a program learns that it may send a login by itself.
        response.headers["WWW-Authenticate"] = 'Session realm="ticket-bridge"'
    return response


def _protect(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response
