"""The simulated infobase as a web application."""

from __future__ import annotations

from flask import Flask

from sandbox._base.server import SandboxServer
from sandbox.onec.control import control_blueprint
from sandbox.onec.exports import Exports, exports_blueprint
from sandbox.onec.infobase import Infobase
from sandbox.onec.odata import PATH as ODATA_PATH
from sandbox.onec.odata import ODataService, odata_blueprint
from sandbox.onec.pages import pages_blueprint
from sandbox.onec.service import PATH, WebService, service_blueprint
from sandbox.onec.settings import Settings


def create_app(settings: Settings) -> Flask:
    """A fresh infobase with its web service, OData, back doors and pages; raises ``ValueError`` for a season that is none."""
    service = WebService(Infobase(settings))
    app = Flask(__name__)
    app.config["SERVICE"] = service
    app.register_blueprint(service_blueprint(service))
    app.register_blueprint(odata_blueprint(ODataService(service)))
    app.register_blueprint(control_blueprint(service))
    app.register_blueprint(pages_blueprint(service.infobase))
    app.register_blueprint(exports_blueprint(Exports(service.infobase)))
    return app


class OneCSandbox(SandboxServer):
    """A simulated infobase on a port of 127.0.0.1 (0: a free one), served from a thread while the context lasts."""

    def __init__(self, settings: Settings | None = None, port: int = 0) -> None:
        self.settings = settings or Settings()
        app = create_app(self.settings)
        self.service: WebService = app.config["SERVICE"]
        super().__init__(app, port)
        self.service_url = self.url + PATH
        self.odata_url = self.url + ODATA_PATH
