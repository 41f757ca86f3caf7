"""The shop as a Flask app: pages, languages, and a humane page for every way things can go wrong."""

from __future__ import annotations

import uuid

from flask import Flask, Response, render_template, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import NotFound

from sandbox.shop import language
from sandbox.shop.booking import booking
from sandbox.shop.broker import Broker, BrokerDownError, BrokerRefusedError
from sandbox.shop.config import Config
from sandbox.shop.ordering import ordering
from sandbox.shop.showing import showing
from sandbox.shop.waiting import waiting

POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action *"
)


class _Json(DefaultJSONProvider):
    """Keeps order: the browser relies on the order of price types."""

    ensure_ascii = False
    sort_keys = False


def create_app(config: Config) -> Flask:
    """Build the shop for one broker."""
    app = Flask(__name__)
    app.json = _Json(app)
    app.secret_key = config.cookie_secret
    app.config.update(
        SESSION_COOKIE_NAME="shop",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=100_000,
        SHOP=config,
    )
    app.extensions["broker"] = Broker(config)
    for blueprint in (showing, booking, ordering, waiting):
        app.register_blueprint(blueprint)
    app.add_url_rule("/_health", "health", lambda: {"ok": True})
    _teach_templates(app)
    app.before_request(language.choose)
    app.after_request(_protect)
    app.register_error_handler(BrokerDownError, _down)
    app.register_error_handler(BrokerRefusedError, _refused)
    app.register_error_handler(NotFound, _missing)
    return app


def _teach_templates(app: Flask) -> None:
    app.jinja_env.globals.update(
        t=language.t,
        plurals=language.plurals,
        language=language.language,
        form_key=lambda: uuid.uuid4().hex,
    )
    for words in (language.money, language.moment, language.day, language.month, language.weekday, language.clock):
        app.jinja_env.filters[words.__name__] = words


def _protect(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint != "static":
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _down(_error: BrokerDownError) -> tuple[str, int, dict[str, str]]:
    """Offer to repeat exactly what was asked; the same form has the same key, so nothing happens twice."""
    return render_template("down.html", form=request.form.items(multi=True)), 503, {"Retry-After": "10"}


def _refused(error: BrokerRefusedError) -> tuple[str, int]:
    if error.status == 404:
        return render_template("plain.html", kind="missing"), 404
    return render_template("plain.html", kind="refusal", code=error.code), 409


def _missing(_error: NotFound) -> tuple[str, int]:
    return render_template("plain.html", kind="missing"), 404
