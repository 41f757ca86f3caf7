"""Which orders a node has, in which version: known only once the node says that it took them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from bridge.core.columns import document, moment, words
from bridge.core.db import metadata

exchange_order = Table(
    "exchange_order",
    metadata,
    Column("node", Text, ForeignKey("exchange_node.node"), primary_key=True),
    Column("order_id", UUID(as_uuid=True), ForeignKey("customer_order.order_id"), primary_key=True),
    moment("version", nullable=True),
    Column("digest", LargeBinary, nullable=True),
    words("reason", nullable=True),
    moment("changed_at", is_now=True),
    document("said", nullable=True),
    moment("said_at", nullable=True),
    Index("ix_exchange_order_aside", "node", postgresql_where=text("reason IS NOT NULL")),
)

# Up to when a node has every change of its orders, and up to when it will, once it takes the last answer.
exchange_look = Table(
    "exchange_look",
    metadata,
    Column("node", Text, ForeignKey("exchange_node.node"), primary_key=True),
    moment("read_to", nullable=True),
    words("scope", nullable=True),
    Column("offered_run", BigInteger, nullable=True),
    moment("offered_to", nullable=True),
    words("offered_scope", nullable=True),
)

# What the ERP itself says of orders, where it is asked; a node that exchanges with us says it in ``exchange_order``.
erp_order = Table(
    "erp_order",
    metadata,
    Column("source", Text, primary_key=True),
    Column("order_id", UUID(as_uuid=True), ForeignKey("customer_order.order_id"), primary_key=True),
    document("said"),
    moment("said_at", is_now=True),
)

# What stood in the last answer of a run: only that is taken when the node says that it took it. The postings of its
# money are either ``told`` by it or cannot be (``untold``).
exchange_answer = Table(
    "exchange_answer",
    metadata,
    Column("exchange_run_id", BigInteger, ForeignKey("exchange_run.exchange_run_id"), primary_key=True),
    Column("order_id", UUID(as_uuid=True), ForeignKey("customer_order.order_id"), primary_key=True),
    moment("version"),
    Column("digest", LargeBinary, nullable=False),
    Column("told", ARRAY(UUID(as_uuid=True)), nullable=False, server_default="{}"),
    Column("untold", ARRAY(UUID(as_uuid=True)), nullable=False, server_default="{}"),
)
