"""How far goods are in each shop, and the orders of shops as they came from there."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import UUID

from bridge.core.columns import document, moment, words
from bridge.core.db import metadata

# Goods written by imports up to ``done_run_id`` are in the shop. While a push is under way, ``to_run_id`` is where it
# will end, and everything of ``phase`` up to the row ``after_id`` is there already. A portion that the shop has and has
# not finished ends with ``resume_after_id``; ``resume_with`` is what the shop knows it by, and as good as a password.
storefront_goods = Table(
    "storefront_goods",
    metadata,
    Column("storefront", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("done_run_id", BigInteger, nullable=False, server_default="0"),
    Column("to_run_id", BigInteger, nullable=True),
    words("phase", default="product"),
    Column("after_id", BigInteger, nullable=False, server_default="0"),
    words("resume_with", default=""),
    Column("resume_after_id", BigInteger, nullable=False, server_default="0"),
    moment("changed_at", is_now=True),
    CheckConstraint("phase IN ('product', 'offer')", name="phase"),
)

# ``content`` is the order as it was last read, ``document`` what could not be read and ``why``. ``told_digest`` is of
# what the shop was last told.
storefront_order = Table(
    "storefront_order",
    metadata,
    Column("storefront", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("order_id", UUID(as_uuid=True), ForeignKey("customer_order.order_id"), nullable=True, unique=True),
    document("content", nullable=True),
    Column("digest", LargeBinary, nullable=False),
    Column("versions", Integer, nullable=False, server_default="1"),
    words("document", nullable=True),
    words("why", nullable=True),
    Column("told_digest", LargeBinary, nullable=True),
    words("remark", nullable=True),
    moment("told_at", nullable=True),
    moment("first_at", is_now=True),
    moment("changed_at", is_now=True),
)
