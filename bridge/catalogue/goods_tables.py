"""Goods as the accounting system describes them: products, their offers, prices and stock, and the files they came in.

``source`` names the infobase: ids are unique in one only. References between rows are the source's own ids without
foreign keys, because files come in any order and an offer may precede its product by weeks.
The hash columns are of what was last applied: the same again needs no write. A run with a ``digest`` can be known
again; one with ``same_as_run_id`` was, and read nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE

from bridge.core.columns import document, moment, words
from bridge.core.db import metadata

import_run = Table(
    "import_run",
    metadata,
    Column("import_run_id", BigInteger, Identity(), primary_key=True),
    words("source"),
    words("file"),
    words("digest", default=""),
    Column("same_as_run_id", BigInteger, nullable=True),
    words("kind", default=""),
    document("counts", nullable=True),
    document("skipped", nullable=True),
    document("warnings", nullable=True),
    moment("started_at", is_now=True),
    moment("finished_at", nullable=True),
    Index("ix_import_run_digest", "source", "digest"),
)

# Which rows of the table ``kind`` an import spoke of, changed by it or not, as ranges of their keys; a few rows an
# import, because keys of what came together lie together. ``is_described``: not only of its prices or stock.
import_mention = Table(
    "import_mention",
    metadata,
    Column("import_mention_id", BigInteger, Identity(), primary_key=True),
    Column("import_run_id", BigInteger, ForeignKey("import_run.import_run_id"), nullable=False),
    words("kind"),
    Column("is_described", Boolean, nullable=False),
    Column("ids", INT8MULTIRANGE, nullable=False),
    Index("ix_import_mention_run", "import_run_id", "kind"),
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

goods_property = _described(
    "goods_property",
    words("name", nullable=True),
    document("choices", nullable=True),
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
# Only the unique index begins with the source. Of a source nobody has counted yet the planner believes that any index
# that begins with it finds a row or none, and then reads all of the source for every single look-up.
Index("ix_offer_product_ref", offer.c.product_ref, offer.c.source)
Index("ix_offer_seat", offer.c.changed_run_id, offer.c.source, postgresql_where=offer.c.number.is_not(None))

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
