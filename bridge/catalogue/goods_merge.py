"""Write many rows with one statement: they travel as one JSON document, and what they leave out keeps its value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Connection,
    Row,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    cast,
    column,
    false,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

STAMP = "changed_run_id"


def merge(tx: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> Sequence[Row[Any]]:
    """Insert ``rows`` or change those with the same key; a column that is ``None`` keeps its value.

    All rows have the same columns, and no key comes twice. Return the key and the primary key of each row that was
    written: one that would stay the same is not. The caller holds a lock that keeps others from the same keys.
    """
    if not rows:
        return ()
    document = json.dumps(rows, ensure_ascii=False, default=str)
    return tx.execute(_statement(table, tuple(rows[0])), {"rows": document}).all()


@cache
def _statement(table: Table, names: tuple[str, ...]) -> ReturningInsert[Any]:
    keys = _keys(table)
    given = (
        func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        .table_valued(*(column(name, table.c[name].type) for name in names))
        .render_derived(name="given", with_types=True)
    )
    merged = {name: _merged(given.c[name], table.c[name]) for name in names}
    free = [name for name in names if name not in keys]
    compared = [name for name in free if name != STAMP]
    is_other = tuple_(*(merged[name] for name in compared)).is_distinct_from(
        tuple_(*(table.c[name] for name in compared))
    )
    rows = (
        select(*merged.values())
        .select_from(given.outerjoin(table, and_(*(given.c[key] == table.c[key] for key in keys))))
        .where(or_(table.c[keys[0]].is_(None), is_other))
    )
    insertion = insert(table).from_select(names, rows)
    upsert = insertion.on_conflict_do_update(
        index_elements=keys, set_={name: insertion.excluded[name] for name in free}
    )
    return upsert.returning(*(table.c[key] for key in keys), *table.primary_key)


def _keys(table: Table) -> list[str]:
    unique = next((found for found in table.constraints if isinstance(found, UniqueConstraint)), table.primary_key)
    return [key.name for key in unique.columns]


def _merged(new: ColumnElement[Any], old: ColumnElement[Any]) -> ColumnElement[Any]:
    """The new value, or else the old one; what was never said to be so is not."""
    return func.coalesce(new, old, false()) if isinstance(old.type, Boolean) else func.coalesce(new, old)
