"""Payments of a time, by day, provider and account: what came, what went back, and how far it is in the books.

Fees are not known: providers tell them in their registries, which are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from bridge.core.db import plan_for_many
from bridge.payments.facts import LANE

_BY_DAY = text(
    """
    SELECT CAST(f.happened_at AT TIME ZONE :zone AS date) AS day, a.provider, a.account, f.currency,
        count(*) FILTER (WHERE f.kind = 'captured'),
        COALESCE(sum(f.amount_minor) FILTER (WHERE f.kind = 'captured'), 0)::bigint,
        count(*) FILTER (WHERE f.kind = 'refunded'),
        COALESCE(sum(f.amount_minor) FILTER (WHERE f.kind = 'refunded'), 0)::bigint,
        COALESCE(sum(signed) FILTER (WHERE p.state = 'posted'), 0)::bigint,
        COALESCE(sum(signed) FILTER (WHERE p.state = 'waiting' AND w.is_alive), 0)::bigint,
        COALESCE(sum(signed) FILTER (WHERE p.state = 'dismissed'), 0)::bigint,
        COALESCE(sum(signed) FILTER (WHERE p.state = 'refused' OR (p.state = 'waiting' AND NOT w.is_alive)), 0)::bigint,
        COALESCE(sum(signed) FILTER (WHERE p.state = 'posted' AND p.taken_by IS NOT NULL), 0)::bigint
    FROM payment_fact f JOIN payment_attempt a USING (attempt_id) JOIN posting p USING (payment_fact_id)
    CROSS JOIN LATERAL (SELECT CASE f.kind WHEN 'captured' THEN f.amount_minor ELSE -f.amount_minor END AS signed) s
    CROSS JOIN LATERAL (
        SELECT p.state = 'waiting' AND EXISTS (
            SELECT 1 FROM outbox o WHERE o.lane = :lane AND o.status IN ('ready', 'running')
              AND o.payload ->> 'posting_id' = p.posting_id::text) AS is_alive) w
    WHERE f.happened_at >= :since AND f.happened_at < :until
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
)


@dataclass(frozen=True, slots=True)
class DayOfPayments:
    """One day of an account, in minor units. What came less what went back is posted, waiting, dismissed by a person
    or an exception that waits for one; of what is posted, ``exchanged`` was taken by nodes with their orders.
    """

    day: date
    provider: str
    account: str
    currency: str
    captured: int
    captured_minor: int
    refunded: int
    refunded_minor: int
    posted_minor: int
    waiting_minor: int
    dismissed_minor: int
    exceptions_minor: int
    exchanged_minor: int


def payments_by_day(tx: Connection, since: datetime, until: datetime, zone: str) -> Sequence[DayOfPayments]:
    """The days of ``zone`` in which money moved, from ``since`` until before ``until``."""
    plan_for_many(tx)
    values = {"since": since, "until": until, "zone": zone, "lane": LANE}
    return [DayOfPayments(*row) for row in tx.execute(_BY_DAY, values)]
