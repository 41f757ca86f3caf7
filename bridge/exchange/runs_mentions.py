"""What the files of a node spoke of, noted while they are read; only for nodes that later ask us to hide the rest.

To other nodes a file, however full it calls itself, is one file: what it leaves out stays as it is.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, text

from bridge.exchange.nodes import Dialect, get_node
from bridge.ports.goods import GoodsReading, Item, Offer, Product, Tally

RETIRING = frozenset({Dialect.MODULE31})
BATCH = 5000

_NOTE = text(
    """
    INSERT INTO exchange_mention (node, kind, ref, mentioned_at)
    SELECT DISTINCT :node, said ->> 0, said ->> 1, clock_timestamp()
    FROM json_array_elements(CAST(:rows AS json)) AS said
    ON CONFLICT (node, kind, ref) DO UPDATE SET mentioned_at = excluded.mentioned_at
    """
)


def noting(reading: GoodsReading, tx: Connection, node: str) -> Noted:
    """``reading`` that notes what it yields, if the node is one that hides."""
    return Noted(reading, tx, node, is_kept=get_node(tx, node).dialect in RETIRING)


class Noted:
    """A reading of goods; ``keep`` stores, in the same transaction, what it spoke of. A name alone is a mention: files
    of prices and stock say nothing of which goods there are. Notes wait on disk: a file may be longer than memory.
    """

    def __init__(self, reading: GoodsReading, tx: Connection, node: str, *, is_kept: bool) -> None:
        self._reading = reading
        self._tx = tx
        self._node = node
        self._is_kept = is_kept
        self._notes = tempfile.SpooledTemporaryFile(1024**2, "w+", encoding="utf-8")  # noqa: SIM115  closed by exit

    @property
    def tally(self) -> Tally:
        """What was read so far."""
        return self._reading.tally

    @property
    def sha256(self) -> bytes:
        """The digest of the file, once it is read."""
        return self._reading.sha256

    def __iter__(self) -> Iterator[Item]:
        """Yield what the file says."""
        for item in self._reading:
            kind = _mention(item)
            if kind and self._is_kept:
                self._notes.write(json.dumps([kind, item.ref]) + "\n")
            yield item

    def keep(self) -> None:
        """Store the notes."""
        self._notes.seek(0)
        while rows := ",".join(islice(self._notes, BATCH)):
            self._tx.execute(_NOTE, {"node": self._node, "rows": f"[{rows}]"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._notes.close()


def _mention(item: Item) -> str:
    if isinstance(item, Product):
        return "product"
    return "offer" if isinstance(item, Offer) and item.content is not None else ""
