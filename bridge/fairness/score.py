"""How much of what a client held it also sold, computed now and then from the holds themselves."""

from __future__ import annotations

from sqlalchemy import Connection, text

from bridge.core.db import plan_for_many
from bridge.fairness.model import Grade, grade

# A hold that lives, was refused by the ERP or is uncertain says nothing about whoever asked for it.
_COUNT = text(
    """
    SELECT c.client_id, count(h.hold_id) AS ended, count(h.hold_id) FILTER (WHERE h.state = 'sold') AS sold,
           COALESCE(min(s.grade), 'good') AS before
    FROM client c LEFT JOIN client_score s USING (client_id)
    LEFT JOIN hold h ON h.client_id = c.client_id AND h.state IN ('sold', 'released', 'expired')
        AND h.created_at > clock_timestamp() - make_interval(days => :days)
    WHERE c.revoked_at IS NULL GROUP BY c.client_id
    """
)
_KEEP = text(
    """
    INSERT INTO client_score (client_id, ended, sold, grade) VALUES (:client, :ended, :sold, :grade)
    ON CONFLICT (client_id) DO UPDATE SET ended = excluded.ended, sold = excluded.sold, grade = excluded.grade,
        computed_at = clock_timestamp(),
        since = CASE WHEN client_score.grade = excluded.grade THEN client_score.since ELSE clock_timestamp() END
    """
)


def compute_scores(tx: Connection, days: int, holds_min: int) -> str:
    """Grade every client by the holds of the last ``days`` that ended; return a line on what came of it."""
    plan_for_many(tx)
    rows = tx.execute(_COUNT, {"days": days}).all()
    graded = [(row, grade(row.sold, row.ended, Grade(row.before), holds_min)) for row in rows]
    for row, given in graded:
        tx.execute(_KEEP, {"client": row.client_id, "ended": row.ended, "sold": row.sold, "grade": given.value})
    below = sum(given is not Grade.GOOD for _, given in graded)
    return f"{len(graded)} clients, {below} below good"
