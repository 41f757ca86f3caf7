"""Keep goods that a file describes: in the caller's transaction, so all of a file is stored or nothing.

What the file does not mention stays as it was, nothing is ever deleted: a mark of deletion is a flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from bridge.catalogue.goods_known import note_mentions
from bridge.catalogue.goods_merge import Fields, merge
from bridge.catalogue.goods_rows import OFFER_HASHES, TABLES, content_row, digests, offer_row, price_rows, rest_rows
from bridge.catalogue.goods_tables import offer, offer_price, offer_rest, product
from bridge.ports.goods import Item, Offer

BATCH = 2000


class GoodsStore:
    """Takes items one by one and writes them in batches, in their order; ``flush`` writes what is left.

    While ``writer``, an executor of one thread, waits for the database, the next items are read: until ``flush`` has
    returned nobody else may use ``tx``. What goes wrong in a batch is raised by the next one.
    ``written`` counts the rows that changed, ``added`` the products nobody spoke of before. One store serves one file
    of one ``source`` in one transaction, whose caller holds the lock of that source.
    """

    def __init__(self, tx: Connection, source: str, run_id: int, writer: Executor) -> None:
        self._tx = tx
        self._source = source
        self._run_id = run_id
        self._stamp = {"changed_run_id": run_id}
        self._writer = writer
        self._under_way: Future[None] | None = None
        self._batches: dict[type[Item], dict[str, Any]] = {kind: {} for kind in (*TABLES, Offer)}
        self.written = 0
        self.added = 0

    def take(self, item: Item) -> None:
        """Note an item. The same id once more begins a new batch, so that the later one is merged into the earlier."""
        batch = self._batches[type(item)]
        if item.ref in batch or len(batch) >= BATCH:
            self._send(type(item))
        self._batches[type(item)][item.ref] = item

    def flush(self) -> None:
        """Write everything noted."""
        for kind in self._batches:
            self._send(kind)
        self._wait()

    def _send(self, kind: type[Item]) -> None:
        items = self._batches[kind]
        self._batches[kind] = {}
        self._wait()
        if items:
            self._under_way = self._writer.submit(self._write, kind, list(items.values()))

    def _wait(self) -> None:
        if self._under_way is not None:
            self._under_way.result()

    def _write(self, kind: type[Item], items: Sequence[Any]) -> None:
        if kind is Offer:
            self._write_offers(items)
        else:
            self._write_described(TABLES[kind], items)

    def _write_described(self, table: Table, items: Sequence[Item]) -> None:
        known = self._known(table, items, ["content_hash"])
        rows = {item.ref: content_row(item) for item in items}
        changed = [
            row for ref, row in rows.items() if ref not in known or known[ref].content_hash != row["content_hash"]
        ]
        ids = self._ids(table, known, changed)
        if table is product:
            self.added += len(ids) - len(known)
        note_mentions(self._tx, self._run_id, table.name, ids.values(), is_described=True)

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
                rows.append({**offer_row(item), **new})
        ids = self._ids(offer, known, rows)
        self._merge(offer_price, [row for item in repriced for row in price_rows(ids[item.ref], item)])
        self._merge(offer_rest, [row for item in restocked for row in rest_rows(ids[item.ref], item)])
        self._note_offers(offers, ids)

    def _note_offers(self, offers: Sequence[Offer], ids: Mapping[str, int]) -> None:
        for is_described in (False, True):
            found = [ids[item.ref] for item in offers if (item.content is not None) is is_described]
            note_mentions(self._tx, self._run_id, offer.name, found, is_described=is_described)

    def _ids(self, table: Table, known: Mapping[str, Row[Any]], rows: Sequence[Fields]) -> dict[str, int]:
        """Write ``rows``; return the keys of everything known and of what is new."""
        key = table.primary_key.columns[0].name
        ids = {ref: getattr(row, key) for ref, row in known.items()}
        return ids | {row.ref: getattr(row, key) for row in self._merge(table, rows, {"source": self._source})}

    def _known(self, table: Table, items: Sequence[Item], hashes: Sequence[str]) -> Mapping[str, Row[Any]]:
        refs = bindparam("refs", [item.ref for item in items], type_=ARRAY(Text))
        given = func.unnest(refs).table_valued("ref").render_derived(name="given")
        columns = [table.c.ref, table.primary_key.columns[0], *(table.c[name] for name in hashes)]
        old = select(*columns).where(table.c.source == self._source, table.c.ref == given.c.ref).limit(1).lateral("old")
        query = select(old).select_from(given.join(old, true()))
        return {row.ref: row for row in self._tx.execute(query)}

    def _merge(self, table: Table, rows: Sequence[Fields], shared: Fields | None = None) -> Iterable[Row[Any]]:
        if not rows:
            return ()
        result = merge(self._tx, table, rows, {**(shared or {}), **self._stamp})
        self.written += result.rowcount
        return result if result.returns_rows else ()


def _differ(new: Mapping[str, int | None], old: Row[Any] | None) -> dict[str, bool]:
    """Which parts are to be written: those that are there and are not what was last applied."""
    return {name: digest is not None and (old is None or digest != getattr(old, name)) for name, digest in new.items()}
