"""Run migrations: under an advisory lock, with short timeouts, one transaction each."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.dialects.postgresql.base import ischema_names

import bridge.alerts.tables
import bridge.catalogue.goods_tables
import bridge.catalogue.tables
import bridge.channels.tables
import bridge.console.tables
import bridge.core.tables
import bridge.exchange.order_export_tables
import bridge.exchange.runs_tables
import bridge.exchange.storefront_tables
import bridge.exchange.tables
import bridge.fairness.tables
import bridge.orders.tables
import bridge.payments.statements_tables
import bridge.payments.tables
import bridge.seats.tables  # noqa: F401  importing them is what fills the metadata
from bridge.core.columns import Xid8
from bridge.core.db import metadata

ADVISORY_LOCK = 0x7469636B6574  # "ticket"


ischema_names["xid8"] = Xid8  # else reflecting the seat table warns of a type SQLAlchemy has no name for


def run(connection: Connection) -> None:
    connection.execute(text("SET lock_timeout = '4s'"))
    connection.execute(text("SET statement_timeout = '60s'"))
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
    connection.commit()
    try:
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()


def run_online() -> None:
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        run(connection)


run_online()
