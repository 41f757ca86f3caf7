"""Goods as stock configurations publish them: the catalogue, price lists, stores, and the two registers behind them.

Prices are the last record of a register, stock is the sum of another: neither is asked for as a set but through its
virtual table, ``InformationRegister_X/SliceLast()`` and ``AccumulationRegister_X/Balance()``. A balance of zero has no row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.onec import odata_reading
from sandbox.onec.odata_errors import no_segment
from sandbox.onec.odata_query import read_number
from sandbox.onec.odata_schema import Entity, Field
from sandbox.onec.odata_store import EMPTY_KEY, Row, Store, key_of

GOODS, VARIANTS = "Catalog_Номенклатура", "Catalog_ХарактеристикиНоменклатуры"
PRICES = "InformationRegister_ЦеныНоменклатуры"
VIRTUAL = re.compile(r"(?P<register>(?:Information|Accumulation)Register_\w+)/(?P<table>SliceLast|Balance)\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Names:
    """What one configuration calls them; no ``stock`` means that its stock is in the books, not in a register."""

    kinds: str
    kind_field: str
    stores: str = ""
    stock: str = ""
    store_field: str = ""
    quantity: str = ""


NAMES = {
    "ut11": Names(
        "Catalog_ВидыЦен",
        "ВидЦены_Key",
        "Catalog_Склады",
        "AccumulationRegister_ТоварыНаСкладах",
        "Склад_Key",
        "ВНаличии",
    ),
    "bp30": Names("Catalog_ТипыЦенНоменклатуры", "ТипЦен_Key"),
    "unf30": Names(
        "Catalog_ВидыЦен",
        "ВидЦен_Key",
        "Catalog_СтруктурныеЕдиницы",
        "AccumulationRegister_ЗапасыНаСкладах",
        "СтруктурнаяЕдиница_Key",
        "Количество",
    ),
}


def put(papers: Store, given: Mapping[str, Any]) -> str:
    """Write one thing as a person in 1C would: ``name``, ``sku``, ``group``, ``variant``, ``prices``, ``rests``, ``deleted``."""
    names = NAMES[papers.configuration.name]
    parent = _folder(papers, given.get("group", ""))
    key = key_of("goods", given.get("sku") or given["name"])
    fields = {
        "Description": given["name"],
        "Артикул": given.get("sku", ""),
        "Parent_Key": parent,
        "Описание": given.get("text", ""),
    }
    _object(papers, GOODS, key, {**fields, "Code": "НФ-000001", "DeletionMark": bool(given.get("deleted"))})
    variant = _variant(papers, key, given.get("variant", ""))
    place = {"Номенклатура_Key": key, "Характеристика_Key": variant}
    for kind, price in given.get("prices", {}).items():
        record = {**place, names.kind_field: _named(papers, names.kinds, kind), "Цена": Decimal(str(price))}
        _record(papers, PRICES, record)
    for store, quantity in given.get("rests", {}).items() if names.stock else ():
        at = {**place, names.store_field: _named(papers, names.stores, store)}
        moved = Decimal(str(quantity)) - _balance(papers, names, at)
        _record(papers, names.stock, {**at, names.quantity: moved})
    return key


def virtual(papers: Store, path: str, options: Mapping[str, str]) -> tuple[str, list[Row]] | None:
    """The rows of a virtual table; ``None`` if ``path`` names none."""
    found = VIRTUAL.fullmatch(path)
    if not found:
        return None
    register = found["register"]
    if register not in papers.sets or (found["table"] == "SliceLast") is not register.startswith("Information"):
        raise no_segment(path)
    rows = _last(papers) if found["table"] == "SliceLast" else _balances(papers)
    shape = _shape(papers.configuration.entities[register], NAMES[papers.configuration.name], found["table"])
    start, top = read_number(options, "$skip") or 0, read_number(options, "$top")
    rows = odata_reading.ordered(rows, shape, options)[start : None if top is None else start + top]
    return path, [odata_reading.on_wire(shape, row) for row in rows]


def _shape(entity: Entity, names: Names, table: str) -> Entity:
    if table == "SliceLast":
        return entity
    fields = {name: field for name, field in entity.fields.items() if name.endswith("_Key")}
    balance = f"{names.quantity}Balance"
    return Entity(entity.name, {**fields, balance: Field(balance, "double")}, {})


def _last(papers: Store) -> list[Row]:
    """Of the records of one thing and price list the latest; of the same moment the one written last."""
    names, found = NAMES[papers.configuration.name], {}
    for row in sorted(papers.rows(PRICES), key=lambda row: row["Period"]):
        found[row["Номенклатура_Key"], row.get("Характеристика_Key"), row[names.kind_field]] = row
    return list(found.values())


def _balances(papers: Store) -> list[Row]:
    names = NAMES[papers.configuration.name]
    found: dict[tuple[str, str, str], Decimal] = {}
    for row in papers.rows(names.stock):
        place = (row["Номенклатура_Key"], row["Характеристика_Key"], row[names.store_field])
        found[place] = found.get(place, Decimal(0)) + row[names.quantity]
    return [
        {
            "Номенклатура_Key": product,
            "Характеристика_Key": variant,
            names.store_field: store,
            f"{names.quantity}Balance": left,
        }
        for (product, variant, store), left in found.items()
        if left
    ]


def _balance(papers: Store, names: Names, at: Mapping[str, str]) -> Decimal:
    fits = (row for row in papers.rows(names.stock) if all(row[name] == value for name, value in at.items()))
    return sum((row[names.quantity] for row in fits), Decimal(0))


def _folder(papers: Store, name: str) -> str:
    if not name:
        return EMPTY_KEY
    key = key_of("group", name)
    if key not in papers.sets[GOODS]:
        _object(papers, GOODS, key, {"Description": name, "IsFolder": True, "Parent_Key": EMPTY_KEY})
    return key


def _variant(papers: Store, product: str, name: str) -> str:
    if not name or VARIANTS not in papers.sets:
        return EMPTY_KEY
    key = key_of("variant", f"{product}:{name}")
    _object(papers, VARIANTS, key, {"Description": name, "Owner": product, "Owner_Type": f"StandardODATA.{GOODS}"})
    return key


def _named(papers: Store, set_name: str, name: str) -> str:
    key = key_of(set_name, name)
    if key not in papers.sets[set_name]:
        _object(papers, set_name, key, {"Description": name})
    return key


def _object(papers: Store, set_name: str, key: str, fields: Mapping[str, Any]) -> None:
    version = papers.sets[set_name].get(key, {}).get("DataVersion", "")
    papers.keep(set_name, key, {"DataVersion": version, **fields})


def _record(papers: Store, set_name: str, fields: Mapping[str, Any]) -> None:
    count = len(papers.sets[set_name])
    papers.keep(set_name, f"record-{count}", {"Period": papers.now(), **fields})
