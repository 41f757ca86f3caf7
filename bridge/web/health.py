"""``/healthz``, ``/readyz`` and ``/metrics``: whether the process lives, whether it can serve, how it is doing."""

from __future__ import annotations

import os

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bridge.core.db import Database

REQUEST_SECONDS = Histogram(
    "bridge_request_seconds",
    "Time to answer a request",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

_WORK = text(
    """
    SELECT lane, status, count(*) AS rows,
           COALESCE(EXTRACT(EPOCH FROM clock_timestamp() - min(due_at)), 0)::float8 AS oldest_s
    FROM outbox WHERE status IN ('ready', 'running', 'dead') GROUP BY lane, status
    """
)
_UPSTREAMS = text("SELECT name, state FROM upstream ORDER BY name")
_COUNTS = {
    "bridge_alerts_open": "SELECT count(*) FROM alert WHERE resolved_at IS NULL",
    "bridge_holds_uncertain": "SELECT count(*) FROM hold WHERE state = 'uncertain'",
    "bridge_paid_without_posting": "SELECT count(*) FROM posting WHERE state <> 'posted'",
    "bridge_waiting_people": """
        SELECT COALESCE(sum(last_turn - admitted_turn), 0) FROM waiting_room WHERE state <> 'closed'""",
    "bridge_schedules_failing": "SELECT count(*) FROM schedule WHERE failures > 0",
}


class Health:
    """What watchers ask."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def live(self) -> Response:
        """The process answers."""
        return jsonify(status="ok")

    def ready(self) -> tuple[Response, int]:
        """The process can serve: its database answers. An upstream that is away is told, but does not make it unready:
        what needs no upstream is still served.
        """
        try:
            with self._db.begin() as tx:
                tx.execute(text("SELECT 1 FROM outbox LIMIT 1"))
                states = {row.name: row.state for row in tx.execute(_UPSTREAMS)}
        except SQLAlchemyError as error:
            return jsonify(status="unavailable", database=type(error).__name__), 503
        return jsonify(status="ok", database="ok", upstreams=states), 200

    def metrics(self) -> Response:
        """Prometheus text: request times of all server processes, and counts from the database."""
        requests = CollectorRegistry()
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            MultiProcessCollector(requests)  # type: ignore[no-untyped-call]
        else:
            requests.register(REQUEST_SECONDS)
        body = generate_latest(requests) + generate_latest(self._counts())
        return Response(body, content_type=CONTENT_TYPE_LATEST)

    def _counts(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        rows = Gauge("bridge_work_rows", "Work that is not done", ["lane", "status"], registry=registry)
        oldest = Gauge(
            "bridge_work_oldest_seconds", "Age of the oldest due work", ["lane", "status"], registry=registry
        )
        with self._db.begin() as tx:
            for row in tx.execute(_WORK):
                rows.labels(row.lane, row.status).set(row.rows)
                oldest.labels(row.lane, row.status).set(max(0.0, row.oldest_s))
            well = Gauge("bridge_upstream_well", "1 if the upstream is called, 0 if not", ["name"], registry=registry)
            for row in tx.execute(_UPSTREAMS):
                well.labels(row.name).set(row.state == "closed")
            for name, statement in _COUNTS.items():
                gauge = Gauge(name, name.replace("_", " "), registry=registry)
                gauge.set(tx.execute(text(statement)).scalar_one())
        return registry

    def blueprint(self) -> Blueprint:
        """The routes."""
        pages = Blueprint("health", __name__)
        pages.get("/healthz")(self.live)
        pages.get("/readyz")(self.ready)
        pages.get("/metrics")(self.metrics)
        return pages
