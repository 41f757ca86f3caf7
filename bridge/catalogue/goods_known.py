"""Files that came before: one that says the same again is not read again, unless something it spoke of has changed.

What an import spoke of is kept as ranges of row keys, written in its transaction; so it is also known, exactly, what a
series of files left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from bridge.catalogue.goods_tables import goods_price_type, goods_property, goods_store, offer, product, product_group

KINDS = tuple(table.name for table in (product_group, goods_price_type, goods_store, goods_property, product, offer))

_FIND = text(
    """
    SELECT import_run_id, kind, counts, skipped, warnings FROM import_run
    WHERE source = :source AND digest = :digest AND same_as_run_id IS NULL AND finished_at IS NOT NULL
    ORDER BY import_run_id DESC LIMIT 1
    """
)
# Rows know the import that last wrote them, whatever of them it was. Runs of a source follow each other.
_IS_STALE = text(
    " UNION ALL ".join(
        f"""
        SELECT FROM import_mention m CROSS JOIN unnest(m.ids) AS span
        JOIN {kind} ON {kind}_id >= lower(span) AND {kind}_id < upper(span) AND changed_run_id > :run
        WHERE m.import_run_id = :run AND m.kind = '{kind}'
        """
        for kind in KINDS
    )
    + " LIMIT 1"
)
_NOTE = text(
    """
    INSERT INTO import_mention (import_run_id, kind, is_described, ids)
    VALUES (:run, :kind, :is_described, CAST(:ids AS int8multirange))
    """
)
_FORGET = text(
    """
    WITH old AS (
        UPDATE import_run r SET digest = ''
        WHERE digest <> '' AND started_at < clock_timestamp() - make_interval(days => :days)
          AND NOT EXISTS (
            SELECT 1 FROM import_run again WHERE again.same_as_run_id = r.import_run_id
              AND again.started_at >= clock_timestamp() - make_interval(days => :days))
        RETURNING import_run_id)
    DELETE FROM import_mention m USING old WHERE m.import_run_id = old.import_run_id
    """
)


@dataclass(frozen=True, slots=True)
class KnownFile:
    """An import that took a file that said the same, with what it reported."""

    run_id: int
    kind: str
    counts: dict[str, Any]
    skipped: list[dict[str, Any]]
    warnings: list[str]


def find_known(tx: Connection, source: str, digest: str) -> KnownFile | None:
    """The import after which everything that a file of this digest speaks of is as the file says.

    The caller holds the lock of the source.
    """
    row = tx.execute(_FIND, {"source": source, "digest": digest}).first()
    if row is None or tx.execute(_IS_STALE, {"run": row.import_run_id}).first() is not None:
        return None
    return KnownFile(*tuple(row))


def note_mentions(tx: Connection, run_id: int, kind: str, ids: Collection[int], *, is_described: bool) -> None:
    """Keep that an import spoke of these rows of the table ``kind``."""
    if ids:
        spans = ",".join(f"[{first},{last}]" for first, last in _spans(sorted(ids)))
        values = {"run": run_id, "kind": kind, "is_described": is_described, "ids": f"{{{spans}}}"}
        tx.execute(_NOTE, values)


def forget_mentions(tx: Connection, keep_days: int) -> None:
    """Let go of what imports spoke of that nobody referred to for ``keep_days``; such files are read when they come."""
    tx.execute(_FORGET, {"days": keep_days})


def _spans(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of each row of neighbours."""
    first = last = None
    for one in ids:
        if first is None or last is None:
            first = one
        elif one > last + 1:
            yield first, last
            first = one
        last = one
    if first is not None and last is not None:
        yield first, last
