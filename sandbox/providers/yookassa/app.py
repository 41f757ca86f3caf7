"""The simulator as a Flask app."""

from __future__ import annotations

from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import NotFound

from sandbox.providers.yookassa import api
from sandbox.providers.yookassa.checkout import checkout
from sandbox.providers.yookassa.config import Config
from sandbox.providers.yookassa.control import control
from sandbox.providers.yookassa.errors import ApiError
from sandbox.providers.yookassa.parts import Parts, install, parts

BODY_BYTES_MAX = 1_000_000


class _Json(DefaultJSONProvider):
    """Keeps the order of keys and the letters as they are, as the real service does."""

    ensure_ascii = False
    sort_keys = False


def create_app(config: Config) -> Flask:
    """Build the app for one shop. Webhooks are queued but not sent until its ``Parts.webhooks`` are started."""
    app = Flask(__name__)
    app.json = _Json(app)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    install(app, Parts.of(config))
    for blueprint in (api.v3, control, checkout):
        app.register_blueprint(blueprint)
    app.register_error_handler(ApiError, api.refuse)
    app.register_error_handler(NotFound, _not_found)
    app.before_request(_learn_address)
    app.after_request(api.note_status)
    return app


def _not_found(error: NotFound) -> Response:
    """Answer a wrong address in the API's own form."""
    if request.path.startswith("/v3/"):
        return api.refuse(ApiError("not_found", "Resource doesn't exist"))
    return Response(error.get_body(), 404, mimetype="text/html")


def _learn_address() -> None:
    """Give payment pages the address the shop called, unless one was configured."""
    ledger = parts().ledger
    if not ledger.base_url:
        ledger.base_url = request.host_url.rstrip("/")
