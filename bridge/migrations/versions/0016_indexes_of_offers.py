"""indexes of offers that cannot be taken for the unique one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OLD = {"ix_offer_product_ref": ["source", "product_ref"], "ix_offer_seat": ["source", "changed_run_id"]}
NEW = {name: columns[::-1] for name, columns in OLD.items()}
ONLY = {"ix_offer_seat": sa.text("number IS NOT NULL")}


def upgrade() -> None:
    _make_anew(NEW)


def downgrade() -> None:
    _make_anew(OLD)


def _make_anew(indexes: Mapping[str, Sequence[str]]) -> None:
    with op.get_context().autocommit_block():
        for name, columns in indexes.items():
            op.drop_index(name, "offer", postgresql_concurrently=True, if_exists=True)
            op.create_index(name, "offer", columns, postgresql_concurrently=True, postgresql_where=ONLY.get(name))
