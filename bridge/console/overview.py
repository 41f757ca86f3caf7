"""What the console's page shows, each part one query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

_QUERIES = {
    "alerts": """
        SELECT alert_id, severity, code, subject, reason, times, last_at FROM alert
        WHERE resolved_at IS NULL ORDER BY last_at DESC LIMIT 50""",
    "work": """
        SELECT lane, status, count(*) AS rows, min(due_at) AS oldest, max(last_error) AS last_error
        FROM outbox WHERE status NOT IN ('done', 'skipped') GROUP BY lane, status ORDER BY lane, status""",
    "dead": """
        SELECT outbox_id, lane, kind, key, attempts, last_error, done_at FROM outbox
        WHERE status = 'dead' ORDER BY outbox_id LIMIT 50""",
    "orders": """
        SELECT o.number, o.state, o.total_minor, o.currency, o.erp_number, o.created_at, o.exception,
               string_agg(p.state || COALESCE(' ' || p.number, ' (exchange ' || p.taken_by || ')', ''), ', ')
                   AS postings
        FROM customer_order o LEFT JOIN posting p USING (order_id)
        GROUP BY o.order_id ORDER BY o.created_at DESC LIMIT 50""",
    "syncs": """
        SELECT source, started_at, finished_at, counts, error FROM sync_run ORDER BY started_at DESC LIMIT 10""",
    "schedules": "SELECT name, every_s, next_run_at, finished_at, outcome, failures FROM schedule ORDER BY name",
    "rooms": """
        SELECT r.room_id, r.state, r.opens_at, r.last_turn - r.admitted_turn AS waiting, r.admitted_turn, r.pace_per_s,
               r.reason, r.opened_by, e.name, p.starts_at
        FROM waiting_room r LEFT JOIN performance p USING (performance_id)
        JOIN event e ON e.event_id = COALESCE(r.event_id, p.event_id)
        WHERE r.state <> 'closed' ORDER BY r.created_at""",
    "performances": """
        SELECT p.performance_id, e.name, p.starts_at FROM performance p JOIN event e USING (event_id)
        WHERE p.state = 'on_sale' AND p.sales_end_at > clock_timestamp() ORDER BY p.starts_at LIMIT 300""",
    "scores": """
        SELECT c.name, c.channel, s.sold, s.ended, s.grade, s.since, COALESCE(f.is_scored, false) AS is_scored
        FROM client_score s JOIN client c USING (client_id) LEFT JOIN fair_use f USING (channel)
        WHERE s.ended > 0 ORDER BY s.grade = 'good', c.name LIMIT 100""",
    "actions": """
        SELECT at, login, role, action, subject, reason FROM console_action ORDER BY action_id DESC LIMIT 30""",
}
_ERP = text("SELECT state, reason, since FROM upstream WHERE name = :name")


def read_overview(tx: Connection, erp: str) -> Mapping[str, Any]:
    """Everything the page shows; ``erp_state`` is ``None`` where the ERP was always well."""
    found: dict[str, Sequence[Any]] = {name: tx.execute(text(query)).all() for name, query in _QUERIES.items()}
    return {**found, "erp": erp, "erp_state": tx.execute(_ERP, {"name": erp}).first()}
