"""``/console``: what an admin or an accountant looks at: alerts, work that waits, orders and their money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy import text

from bridge.channels.users import Role, find_user
from bridge.core.db import Database
from bridge.core.i18n import translate
from bridge.rest.problems import language

_QUERIES = {
    "alerts": """
        SELECT severity, code, subject, reason, times, last_at FROM alert
        WHERE resolved_at IS NULL ORDER BY last_at DESC LIMIT 50""",
    "work": """
        SELECT lane, status, count(*) AS rows, min(due_at) AS oldest, max(last_error) AS last_error
        FROM outbox WHERE status NOT IN ('done', 'skipped') GROUP BY lane, status ORDER BY lane, status""",
    "orders": """
        SELECT o.number, o.state, o.total_minor, o.currency, o.erp_number, o.created_at, o.exception,
               string_agg(p.state || COALESCE(' ' || p.number, ''), ', ') AS postings
        FROM customer_order o LEFT JOIN posting p USING (order_id)
        GROUP BY o.order_id ORDER BY o.created_at DESC LIMIT 50""",
    "syncs": """
        SELECT source, started_at, finished_at, counts, error FROM sync_run ORDER BY started_at DESC LIMIT 10""",
    "schedules": "SELECT name, every_s, next_run_at, finished_at, outcome, failures FROM schedule ORDER BY name",
}


class Console:
    """The web pages, behind a login."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def overview(self) -> Response | str:
        """Everything on one page."""
        if self._role() is None:
            return Response(
                translate("Sign in with the login that 'bridge user add' gave.", language()),
                401,
                {"WWW-Authenticate": 'Basic realm="ticket-bridge", charset="UTF-8"'},
                content_type="text/plain; charset=utf-8",
            )
        with self._db.begin() as tx:
            found: Mapping[str, Sequence[Any]] = {
                name: tx.execute(text(query)).all() for name, query in _QUERIES.items()
            }
        return render_template("overview.html", t=partial(translate, language=language()), lang=language(), **found)

    def _role(self) -> Role | None:
        given = request.authorization
        if given is None or given.type != "basic" or not given.username or given.password is None:
            return None
        with self._db.begin() as tx:
            return find_user(tx, given.username, given.password)

    def blueprint(self) -> Blueprint:
        """The routes."""
        pages = Blueprint("console", __name__, template_folder="templates")
        pages.get("/console", strict_slashes=False)(self.overview)
        return pages
