"""Keep goods that a file describes: in the caller's transaction, so all of a file is stored or nothing.

What the file does not mention stays as it was, nothing is ever deleted: a mark of deletion is a flag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from bridge.catalogue.goods_merge import STAMP, merge
from bridge.catalogue.goods_rows import OFFER_HASHES, TABLES, content_row, digests, offer_row, price_rows, rest_rows
from bridge.catalogue.goods_tables import offer, offer_price, offer_rest
from bridge.ports.goods import Item, Offer

BATCH = 2000
Fields = dict[str, object]


class GoodsStore:
    """Takes items one by one and writes them in batches, in their order; ``flush`` writes what is left.

    ``written`` counts the rows that changed. One store serves one file of one ``source`` in one transaction, whose
    caller holds the lock of that source.
    """

    def __init__(self, tx: Connection, source: str, run_id: int) -> None:
        self._tx = tx
        self._source = source
        self._run_id = run_id
        self._batches: dict[type[Item], dict[str, Any]] = {kind: {} for kind in (*TABLES, Offer)}
        self.written = 0

    def take(self, item: Item) -> None:
        """Note an item. The same id once more begins a new batch, so that the later one is merged into the earlier."""
        batch = self._batches[type(item)]
        if item.ref in batch or len(batch) >= BATCH:
            self._write(type(item))
        batch[item.ref] = item

    def flush(self) -> None:
        """Write everything noted."""
        for kind in self._batches:
            self._write(kind)

    def _write(self, kind: type[Item]) -> None:
        items = list(self._batches[kind].values())
        self._batches[kind].clear()
        if items and kind is Offer:
            self._write_offers(items)
        elif items:
            self._write_described(TABLES[kind], items)

    def _write_described(self, table: Table, items: Sequence[Item]) -> None:
        known = self._known(table, items, ["content_hash"])
        rows = {item.ref: content_row(item) for item in items}
        changed = [
            row for ref, row in rows.items() if ref not in known or known[ref].content_hash != row["content_hash"]
        ]
        self._merge(table, [{"source": self._source, **row} for row in changed])

    def _write_offers(self, offers: Sequence[Offer]) -> None:
        known = self._known(offer, offers, OFFER_HASHES)
        rows: list[Fields] = []
        repriced, restocked = [], []
        for item in offers:
            new = digests(item)
            is_new = _differ(new, known.get(item.ref))
            if is_new["prices_hash"]:
                repriced.append(item)
            if is_new["rests_hash"]:
                restocked.append(item)
            if any(is_new.values()) or item.ref not in known:
                rows.append({"source": self._source, **offer_row(item), **new})
        ids = {ref: row.offer_id for ref, row in known.items()}
        ids |= {row.ref: row.offer_id for row in self._merge(offer, rows)}
        self._merge(offer_price, [row for item in repriced for row in price_rows(ids[item.ref], item)])
        self._merge(offer_rest, [row for item in restocked for row in rest_rows(ids[item.ref], item)])

    def _known(self, table: Table, items: Sequence[Item], hashes: Sequence[str]) -> Mapping[str, Row[Any]]:
        refs = bindparam("refs", [item.ref for item in items], type_=ARRAY(Text))
        columns = [table.c.ref, table.primary_key.columns[0], *(table.c[name] for name in hashes)]
        query = select(*columns).where(table.c.source == self._source, table.c.ref == any_(refs))
        return {row.ref: row for row in self._tx.execute(query)}

    def _merge(self, table: Table, rows: Sequence[Fields]) -> Sequence[Row[Any]]:
        written = merge(self._tx, table, [{**row, STAMP: self._run_id} for row in rows])
        self.written += len(written)
        return written


def _differ(new: Mapping[str, int | None], old: Row[Any] | None) -> dict[str, bool]:
    """Which parts are to be written: those that are there and are not what was last applied."""
    return {name: digest is not None and (old is None or digest != getattr(old, name)) for name, digest in new.items()}
