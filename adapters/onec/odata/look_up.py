"""Finding our documents and orders in 1C again: by our id in a field of theirs, else by a number that is ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from adapters.onec.errors import UPSTREAM
from adapters.onec.odata import address, documents
from adapters.onec.odata.client import OdataClient, Query
from adapters.onec.odata.documents import NOBODY
from adapters.onec.odata.mapping import DocumentMapping
from adapters.onec.odata.money_forms import MoneyForm
from adapters.onec.odata.values import Row
from bridge.core.deadline import Deadline
from bridge.core.errors import Unknown


@dataclass(frozen=True, slots=True)
class Found:
    """A document of ours; ``is_by_number`` if only its number says so."""

    form: MoneyForm
    row: Row
    is_by_number: bool = False


class LookUp:
    """Asks one infobase. Safe to share between threads."""

    def __init__(self, client: OdataClient, mapping: DocumentMapping) -> None:
        self._client = client
        self._mapping = mapping

    def documents(self, ids: set[UUID], deadline: Deadline) -> dict[UUID, list[Found]]:
        """The documents of postings, those marked for deletion too. A number is asked for only where no id was found:
        whoever finds by it makes sure of the order and the date.
        """
        found: dict[UUID, list[Found]] = {our_id: [] for our_id in ids}
        for form in self._mapping.forms:
            for our_id, row in self._by_id(form, ids, deadline) if form.carries_id else ():
                found[our_id].append(Found(form, row))
        for form in self._mapping.forms:
            absent = {our_id for our_id, rows in found.items() if not rows}
            for our_id, row in self._by_number(form, absent, deadline) if form.number else ():
                found[our_id].append(Found(form, row, is_by_number=True))
        return found

    def orders(self, ids: set[UUID], deadline: Deadline) -> dict[UUID, list[Row]]:
        """The orders that carry our ids."""
        place, found = self._mapping.order, {our_id: list[Row]() for our_id in ids}
        for row in self._rows(place.set, (documents.by_our_id(place, our_id) for our_id in sorted(ids)), deadline):
            for our_id in set(documents.ids_in(place, row)) & ids:
                found[our_id].append(row)
        return found

    def order_ids(self, keys: set[str], deadline: Deadline) -> Mapping[str, UUID]:
        """Our ids of the orders in 1C under ``keys``."""
        place, found = self._mapping.order, defaultdict(lambda: NOBODY)
        for row in self._rows(place.set, (f"Ref_Key eq {address.guid(key)}" for key in sorted(keys)), deadline):
            ids = documents.ids_in(place, row)
            found[str(row["Ref_Key"]).lower()] = ids[0] if len(ids) == 1 else NOBODY
        return found

    def _by_id(self, form: MoneyForm, ids: set[UUID], deadline: Deadline) -> Iterator[tuple[UUID, Row]]:
        wanted = (documents.by_our_id(form, our_id) for our_id in sorted(ids))
        for row in self._rows(form.set, wanted, deadline):
            for our_id in set(documents.ids_in(form, row)) & ids:
                yield our_id, row

    def _by_number(self, form: MoneyForm, ids: set[UUID], deadline: Deadline) -> Iterator[tuple[UUID, Row]]:
        wanted = (documents.by_our_number(form, our_id) for our_id in sorted(ids))
        for row in self._rows(form.set, wanted, deadline):
            for our_id in ids:
                if documents.has_our_number(form, row, our_id):
                    yield our_id, row

    def _rows(self, set_name: str, conditions: Iterable[str], deadline: Deadline) -> Iterator[Row]:
        for where in address.any_of(conditions):
            for row in self._client.rows(set_name, Query(where), deadline):
                if not isinstance(row.get("Ref_Key"), str):
                    message = "1C answered an object without a reference."
                    raise Unknown("erp_answer_unreadable", message, upstream=UPSTREAM)
                yield row
