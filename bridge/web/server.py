"""gunicorn with threads, set up here and not by hand: a graceful stop that loses no request. A new version is another
server: see ``bridge.web.keeper``.
"""

from __future__ import annotations

import resource
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication

from bridge.bootstrap import Bridge, build
from bridge.web.app import create_app
from bridge.web.keeper import Kept
from bridge.web.places import Places
from bridge.web.worker import share_out
from config.settings import Settings

log = structlog.get_logger()

REQUESTS_BEFORE_RENEWAL = 1_000_000  # a process is renewed now and then, whatever leaks: not while many only look
# Open files that are no connections of callers: to the database, to Valkey, libraries, a request's own.
FILES_KEPT = 300


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn is not typed
    """The web part: each process builds its own ``Bridge`` after the fork. The code is imported before it, so that a
    process renewed in a year is of the same version as its neighbours, whatever lies in the folder by then.
    """

    def __init__(self, settings: Settings, kept: Kept) -> None:
        self._settings = settings
        self._kept = kept
        self._bridge: Bridge | None = None
        self._places = Places(settings.web.processes)
        super().__init__()

    def load_config(self) -> None:
        """Hand our settings to gunicorn."""
        web = self._settings.web
        for name, value in {
            "bind": f"fd://{self._kept.listener}",
            "worker_class": "bridge.web.worker.Staying",
            "workers": web.processes,
            "threads": web.threads,
            "worker_connections": _connections(web.connections_max),
            "graceful_timeout": web.stop_s,
            "timeout": 60,
            "keepalive": 5,
            "max_requests": REQUESTS_BEFORE_RENEWAL,
            "max_requests_jitter": REQUESTS_BEFORE_RENEWAL // 5,
            "control_socket_disable": True,
            "pre_fork": self._give_place,
            "post_fork": self._settle,
            "pre_request": share_out,
            "post_worker_init": self._worker_ready,
            "worker_exit": self._worker_exit,
            "loglevel": "warning",
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application of one process."""
        self._bridge = build(self._settings, connections_max=self._settings.web.database_connections)
        app = create_app(self._bridge)
        self._bridge.wake_erp()
        return app

    def _give_place(self, server: Any, worker: Any) -> None:
        worker.places, worker.place = self._places, self._places.free(other.place for other in server.WORKERS.values())

    def _settle(self, _server: Any, worker: Any) -> None:
        self._places.settle(worker.place)

    def _worker_ready(self, _worker: Any) -> None:
        self._kept.tell_ready(self._settings.web.processes)

    def _worker_exit(self, _server: Any, _worker: Any) -> None:
        if self._bridge is not None:
            self._bridge.close()


def _connections(wanted: int) -> int:
    """How many connections a process may have open, which needs files: it takes as many as it is allowed at all, and a
    process that runs out of them all the same would end.
    """
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    possible = wanted if files == resource.RLIM_INFINITY else min(wanted, max(files - FILES_KEPT, files // 2))
    if possible < wanted:
        log.warning("connections_limited", wanted=wanted, possible=possible, open_files=files)
    return possible


def serve(settings: Settings, kept: Kept) -> None:
    """Serve until told to stop."""
    Server(settings, kept).run()
