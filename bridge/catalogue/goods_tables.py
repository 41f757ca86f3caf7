"""Goods as the accounting system describes them: products, their offers, prices and stock, and the files they came in.

``source`` names the infobase: ids are unique in one only. References between rows are the source's own ids without
foreign keys, because files come in any order and an offer may precede its product by weeks.
The hash columns are of what was last applied: the same again needs no write.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Numeric, Table, Text, UniqueConstraint

from bridge.core.columns import document, moment, words
from bridge.core.db import metadata

import_run = Table(
    "import_run",
    metadata,
    Column("import_run_id", BigInteger, Identity(), primary_key=True),
    words("source"),
    words("file"),
    words("sha256", default=""),
    words("kind", default=""),
    document("counts", nullable=True),
    document("skipped", nullable=True),
    document("warnings", nullable=True),
    moment("started_at", is_now=True),
    moment("finished_at", nullable=True),
)


def _described(name: str, *columns: Column[Any]) -> Table:
    """A table of what the source calls ``ref``; ``changed_run_id`` is the import that last wrote the row."""
    return Table(
        name,
        metadata,
        Column(f"{name}_id", BigInteger, Identity(), primary_key=True),
        words("source"),
        words("ref"),
        *columns,
        Column("changed_run_id", BigInteger, nullable=False),
        UniqueConstraint("source", "ref"),
    )


def _is_deleted() -> Column[Any]:
    return Column("is_deleted", Boolean, nullable=False, server_default="false")


def _hash(name: str = "content_hash") -> Column[Any]:
    return Column(name, BigInteger, nullable=True)


product_group = _described(
    "product_group",
    words("parent_ref"),
    words("name", nullable=True),
    _is_deleted(),
    _hash(),
)

goods_price_type = _described(
    "goods_price_type",
    words("name", nullable=True),
    words("currency", nullable=True),
    _hash(),
)

goods_store = _described(
    "goods_store",
    words("name", nullable=True),
    _hash(),
)

product = _described(
    "product",
    words("name", nullable=True),
    words("sku", nullable=True),
    words("code", nullable=True),
    words("barcode", nullable=True),
    words("description", nullable=True),
    words("unit", nullable=True),
    document("group_refs", nullable=True),
    document("pictures", nullable=True),
    document("requisites", nullable=True),
    document("properties", nullable=True),
    document("taxes", nullable=True),
    _is_deleted(),
    _hash(),
)

offer = _described(
    "offer",
    words("product_ref"),
    words("characteristic_ref"),
    words("name", nullable=True),
    words("sku", nullable=True),
    words("barcode", nullable=True),
    words("unit", nullable=True),
    document("characteristics", nullable=True),
    words("section", nullable=True),
    words("row", nullable=True),
    words("number", nullable=True),
    _is_deleted(),
    _hash(),
    _hash("prices_hash"),
    _hash("rests_hash"),
)
Index("ix_offer_product_ref", offer.c.source, offer.c.product_ref)

offer_price = Table(
    "offer_price",
    metadata,
    Column("offer_id", BigInteger, primary_key=True),
    Column("price_type_ref", Text, primary_key=True),
    Column("min_quantity", Numeric, primary_key=True),
    Column("price_minor", BigInteger, nullable=False),
    words("currency"),
    Column("changed_run_id", BigInteger, nullable=False),
)

offer_rest = Table(
    "offer_rest",
    metadata,
    Column("offer_id", BigInteger, primary_key=True),
    Column("store_ref", Text, primary_key=True),
    Column("quantity", Numeric, nullable=False),
    Column("changed_run_id", BigInteger, nullable=False),
)
