"""What posting a money document over OData does to the books."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.onec.infobase import Infobase
from sandbox.onec.odata_errors import handler_failed
from sandbox.onec.odata_schema import MoneyForm
from sandbox.onec.records import MoneyDocument, Verdict

_TOKEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HANDLER = "ОбработкаПроведения"


def post(infobase: Infobase, set_name: str, row: dict[str, Any]) -> None:
    """Post ``row``, again if it was posted; raises ``ODataError`` if the configuration's code refuses it."""
    form = infobase.papers.configuration.money.get(set_name)
    if row["DeletionMark"]:
        raise handler_failed(_HANDLER, "Помеченный на удаление документ не может быть проведен")
    if form:
        unpost(infobase, set_name, row)
        verdict = infobase.orders.post(_document(infobase, form, row))
        if verdict.outcome != "done":
            raise handler_failed(_HANDLER, _words(verdict))
    row["Posted"] = True


def unpost(infobase: Infobase, set_name: str, row: dict[str, Any]) -> None:
    """Take ``row`` out of the books."""
    if row.get("Posted") and set_name in infobase.papers.configuration.money:
        infobase.orders.unpost(row["Number"])
    row["Posted"] = False


def _words(verdict: Verdict) -> str:
    return f"{verdict.message} ({verdict.code})"


def _document(infobase: Infobase, form: MoneyForm, row: Mapping[str, Any]) -> MoneyDocument:
    rows = row[form.part]
    if not rows or sum(each[form.row_sum] for each in rows) != row["СуммаДокумента"]:
        raise handler_failed(_HANDLER, "Сумма документа не совпадает с суммой по строкам")
    orders = {infobase.papers.order_ids.get(each[form.row_order], "") for each in rows}
    kind = form.kinds.get(row[form.operation])
    if len(orders) != 1 or kind is None:
        raise handler_failed(_HANDLER, f"Вид операции или заказ не заполнены верно: {row[form.operation]}")
    order_id = orders.pop()
    order = infobase.orders.orders.get(order_id)
    token = _TOKEN.search(row["Комментарий"])
    # For the pages and the audit: the words after the id, as far as there are any.
    words = [*row["Комментарий"][token.end() if token else 0 :].split(), "", "", ""]
    return MoneyDocument(
        id=token[0] if token else row["Ref_Key"],
        order_id=order_id,
        kind=kind,
        number=row["Number"],
        booked_at=infobase.clock.local(),
        amount=row["СуммаДокумента"],
        currency=order.currency if order else "RUB",
        happened_at=datetime.fromisoformat(row["Date"]),
        provider=words[0],
        provider_ref=words[1],
        method=words[2],
    )
