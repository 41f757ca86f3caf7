"""The simulated site as a web application."""

from __future__ import annotations

from flask import Flask, Response, request

from sandbox._base.server import SandboxServer
from sandbox.bitrix.config import Config
from sandbox.bitrix.control import control_blueprint
from sandbox.bitrix.pages import pages_blueprint
from sandbox.bitrix.site import Site

PATH = "/bitrix/admin/1c_exchange.php"


def create_app(site: Site) -> Flask:
    """The site with its exchange, its pages and its back doors."""
    app = Flask(__name__)
    app.register_blueprint(control_blueprint(site))
    app.register_blueprint(pages_blueprint(site))

    @app.route("/<path:script>.php", methods=["GET", "POST"])
    def exchange(script: str) -> Response:
        del script  # a copy of the page under another name works as well, which is how sites have several
        with site.lock:
            return site.exchange.answer(request)

    return app


class BitrixSandbox(SandboxServer):
    """A simulated site on a port of 127.0.0.1 (0: a free one), served from a thread while the context lasts."""

    def __init__(self, config: Config | None = None, port: int = 0) -> None:
        self.site = Site(config or Config())
        super().__init__(create_app(self.site), port)
        self.exchange_url = self.url + PATH
