"""Reading sets: filter, order, page, select and expand, with what 1C quietly leaves out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.onec.odata_errors import bad_option, expands_part, no_segment
from sandbox.onec.odata_query import compile_filter, read_number
from sandbox.onec.odata_schema import Entity, Fields
from sandbox.onec.odata_store import Row, Store

_turns = itertools.count(1)


def part_sets(entity: Entity) -> dict[str, str]:
    """The table parts of an entity as sets of their own: name of the set to name of the part."""
    return {f"{entity.name}_{part}": part for part in entity.parts}


def page(papers: Store, entity: Entity, set_name: str, options: Mapping[str, str]) -> tuple[list[Row], int | None]:
    """The rows a request asks for, and the count of all that fit if it was asked for."""
    part = part_sets(entity).get(set_name)
    shape = Entity(set_name, entity.parts[part], {}) if part else entity
    rows = _rows_of_part(papers, entity, part) if part else papers.rows(set_name)
    if options.get("$filter"):
        fits = compile_filter(options["$filter"], shape)
        rows = [row for row in rows if fits(row)]
    count = len(rows) if options.get("$inlinecount") == "allpages" else None
    start = read_number(options, "$skip") or 0
    top = read_number(options, "$top")
    rows = ordered(rows, shape, options)[start : None if top is None else start + top]
    return [_chosen(papers, shape, row, options) for row in rows], count


def shown(papers: Store, set_name: str, row: Row, options: Mapping[str, str]) -> Row:
    """One object as it is answered."""
    return _chosen(papers, papers.configuration.entities[set_name], row, options)


def on_wire(entity: Entity, row: Row) -> Row:
    """A row with whole numbers as strings, because a JSON number cannot hold 64 bits everywhere."""
    parts = {
        part: [_texts(fields, {**each, "Ref_Key": row["Ref_Key"]}) for each in row[part]]
        for part, fields in entity.parts.items()
    }
    return {**_texts(entity.fields, row), **parts}


def _texts(fields: Fields, row: Mapping[str, Any]) -> Row:
    return {
        name: str(row.get(name, 0)) if field.type == "int64" else row.get(name, "") for name, field in fields.items()
    }


def _rows_of_part(papers: Store, entity: Entity, part: str) -> list[Row]:
    owners = papers.rows(entity.name)
    return [{**each, "Ref_Key": owner["Ref_Key"]} for owner in owners for each in owner[part]]


def ordered(rows: list[Row], entity: Entity, options: Mapping[str, str]) -> list[Row]:
    """Rows in the order asked for; in none, and in another one each time, if none was."""
    if "$orderby" not in options:
        # The database gives rows as it finds them: from one page to the next the order is another one.
        turn = next(_turns) % max(1, len(rows))
        return rows[turn:] + rows[:turn]
    for key in reversed(options["$orderby"].split(",")):
        name, _, direction = key.strip().partition(" ")
        if name not in entity.fields or direction.strip() not in ("", "asc", "desc"):
            raise bad_option("$orderby")
        rows = sorted(rows, key=lambda row: _place(name, row[name]), reverse=direction.strip() == "desc")
    return rows


def _place(name: str, value: Any) -> Any:
    # A reference is ordered by its bytes in the database, which is not how its text reads.
    return value[::-1] if name == "Ref_Key" else value


def _chosen(papers: Store, entity: Entity, row: Row, options: Mapping[str, str]) -> Row:
    wanted = [name.strip() for name in options.get("$select", "").split(",") if name.strip() not in ("", "*")]
    full = on_wire(entity, row)
    for name in wanted:
        if name.partition("/")[0] not in {*full, *_references(entity)}:
            raise no_segment(name)
    chosen = {name: value for name, value in full.items() if name in wanted} if wanted else full
    return {**chosen, **dict(_expanded(papers, entity, row, options, wanted))}


def _references(entity: Entity) -> dict[str, str]:
    """The references that can be followed: name without `_Key`, and the set they lead to."""
    return {name.removesuffix("_Key"): field.target for name, field in entity.fields.items() if field.target}


def _expanded(
    papers: Store, entity: Entity, row: Row, options: Mapping[str, str], wanted: list[str]
) -> Iterable[tuple[str, Any]]:
    for name in filter(None, options.get("$expand", "").split(",")):
        if name in entity.parts:
            raise expands_part(name)
        target = _references(entity).get(name)
        if target is None:
            raise no_segment(name)
        if wanted and not any(each.startswith(f"{name}/") for each in wanted):
            continue  # asked for, but not listed in $select: silently not expanded
        found = papers.sets[target].get(row[f"{name}_Key"])
        if found:
            yield name, on_wire(papers.configuration.entities[target], found)
