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
    CursorResult,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    cast,
    column,
    false,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.dml import ReturningInsert

Fields = Mapping[str, object]


def merge(tx: Connection, table: Table, rows: Sequence[Fields], shared: Fields) -> CursorResult[Any]:
    """Insert ``rows`` or change those with the same key; a column that is ``None`` or missing keeps its value.

    ``shared`` are columns with one value for all rows. No key comes twice. The result counts the rows that were
    written, which one that would stay the same is not, and holds their keys where the database made the primary key.
    The caller holds a lock that keeps others from writing the same keys.
    """
    document = json.dumps(rows, ensure_ascii=False, default=str)
    statement = _statement(table, tuple(shared)).execution_options(preserve_rowcount=True)
    return tx.execute(statement, {"rows": document, **shared})


@cache
def _statement(table: Table, shared: tuple[str, ...]) -> Insert | ReturningInsert[Any]:
    keys = _keys(table)
    names = [column.name for column in table.columns if column.identity is None]
    given = (
        func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        .table_valued(*(column(name, table.c[name].type) for name in names if name not in shared))
        .render_derived(name="given", with_types=True)
    )
    new = {name: bindparam(name, type_=table.c[name].type) if name in shared else given.c[name] for name in names}
    # A look-up by key for each row, which no planner can take for anything else: see core/db.
    old = select(table).where(*(table.c[key] == new[key] for key in keys)).limit(1).lateral("old")
    merged = {name: value if name in shared else _merged(value, old.c[name]) for name, value in new.items()}
    free = [name for name in names if name not in keys]
    compared = [name for name in free if name not in shared]
    is_other = tuple_(*(merged[name] for name in compared)).is_distinct_from(
        tuple_(*(old.c[name] for name in compared))
    )
    rows = (
        select(*merged.values())
        .select_from(given.outerjoin(old, true()))
        .where(or_(old.c[keys[0]].is_(None), is_other))
    )
    insertion = insert(table).from_select(names, rows)
    changes = {name: insertion.excluded[name] for name in free}
    upsert = insertion.on_conflict_do_update(index_elements=keys, set_=changes)
    made = [column for column in table.primary_key if column.identity is not None]
    return upsert.returning(*(table.c[key] for key in keys), *made) if made else upsert


def _keys(table: Table) -> list[str]:
    unique = next((found for found in table.constraints if isinstance(found, UniqueConstraint)), table.primary_key)
    return [key.name for key in unique.columns]


def _merged(new: ColumnElement[Any], old: ColumnElement[Any]) -> ColumnElement[Any]:
    """The new value, or else the old one; what was never said to be so is not."""
    return func.coalesce(new, old, false()) if isinstance(old.type, Boolean) else func.coalesce(new, old)
