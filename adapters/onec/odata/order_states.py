"""What 1C says of orders: its own number and date, whether they are posted or deleted, and the word of their state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.onec.odata import address
from adapters.onec.odata.client import Query
from adapters.onec.odata.documents import ids_in
from adapters.onec.odata.mapping import OrderForm
from adapters.onec.odata.values import Row
from adapters.onec.settings import OneCSettings
from bridge.ports.goods_source import ErpOrderNews
from bridge.ports.site_orders import InOrder

FIELDS = ("Ref_Key", "Number", "Date", "Posted", "DeletionMark")


class OrderStates:
    """Reads the set of orders of a mapping."""

    def __init__(self, form: OrderForm, settings: OneCSettings) -> None:
        self._form = form
        self._settings = settings

    @property
    def set(self) -> str:
        """The set of orders."""
        return self._form.set

    def query(self) -> Query:
        """Orders of the last days: 1C cannot be asked for what changed without an exchange plan."""
        local = datetime.now(UTC).astimezone(ZoneInfo(self._settings.timezone)) - timedelta(
            days=self._settings.orders_days
        )
        own = [name for name in (self._form.id_field, self._form.number_field, self._form.state_field) if name]
        where = f"Date ge {address.moment(local.replace(tzinfo=None, microsecond=0))}"
        return Query(where, select=(*FIELDS, *sorted(set(own))), order_by="Date,Ref_Key")

    def read(self, rows: Iterable[Row]) -> Iterator[ErpOrderNews]:
        """Every order that carries an id or a number; those of others come too, and are nobody's here."""
        for row in rows:
            form = self._form
            ids, number = ids_in(form, row), form.number(str(row.get(form.number_field or "") or ""))
            if ids or number:
                yield ErpOrderNews(ids, self._said(row, number))

    def _said(self, row: Row, number: str) -> InOrder:
        state = str(row.get(self._form.state_field or "") or "")
        return InOrder(
            number,
            erp_number=str(row.get("Number") or "").strip() or None,
            erp_date=str(row.get("Date") or "") or None,
            is_posted=_flag(row, "Posted"),
            is_deleted=_flag(row, "DeletionMark"),
            status_name=state or None,
        )


def _flag(row: Row, field: str) -> bool:
    """A boolean: the message of changes has it as text."""
    return str(row.get(field)).lower() == "true"
