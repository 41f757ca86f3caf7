"""Payments that the simulated 1C refuses as the real one does, each next to its like that it takes."""

from __future__ import annotations

import pytest

from sandbox.onec.site_client import Books, ExchangeFailed
from sandbox.onec.site_client.wire import Said

HEADERS = {"Content-Type": "application/xml; charset=utf-8"}
GUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
BESIDE = "<Дата>2026-11-22</Дата><ХозОперация>{operation}</ХозОперация><Основание>x</Основание><Роль>Продавец</Роль>"
INSIDE = "<Дата>2026-11-22</Дата><ХозОперация>{operation}</ХозОперация>"
TAKEN, RETURNED = "Выплата безналичных денег", "Возврат безналичных денег"


def values(**said: str) -> str:
    return "".join(
        f"<ЗначениеРеквизита><Наименование>{name.replace('_', ' ')}</Наименование><Значение>{value}</Значение>"
        "</ЗначениеРеквизита>"
        for name, value in {"Номер_платежного_документа": "p", "Оплачено": "true", **said}.items()
    )


def order(inside: str = "", beside: str = "") -> str:
    return (
        "<Документ><Ид>x</Ид><Номер>1</Номер><ХозОперация>Заказ товара</ХозОперация><Валюта>RUB</Валюта><Сумма>1</Сумма>"
        "<Контрагенты><Контрагент><Наименование>n</Наименование></Контрагент></Контрагенты><Товары><Товар><Ид>a</Ид>"
        f"<БазоваяЕдиница>шт</БазоваяЕдиница><Сумма>1</Сумма></Товар></Товары>{inside}</Документ>{beside}"
    )


def beside(ref: str = "d", operation: str = TAKEN, head: str = BESIDE, **said: str) -> str:
    said = {"Признак_возврата": "true" if operation == RETURNED else "false", **said}
    body = (
        f"{head.format(operation=operation)}<Сумма>1</Сумма><ЗначенияРеквизитов>{values(**said)}</ЗначенияРеквизитов>"
    )
    return order(beside=f"<Документ><Ид>{ref}</Ид><Номер>p</Номер>{body}</Документ>")


def inside(ref: str = "d", head: str = INSIDE, **said: str) -> str:
    body = head.format(operation="Эквайринговая операция") + "<Сумма>1</Сумма>"
    body += f"<ЗначенияРеквизитов>{values(**said)}</ЗначенияРеквизитов>"
    return order(f"<ПодчиненныеДокументы><ПодчиненныйДокумент><Ид>{ref}</Ид>{body}</ПодчиненныйДокумент></ПодчиненныеДокументы>")  # fmt: skip


def load(body: str) -> Books:
    books = Books({"a"})
    text = f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация>{body}</КоммерческаяИнформация>'
    books.load(Said(text, 200, HEADERS), takes_siblings=True)
    return books


@pytest.mark.parametrize("body", [beside(), beside(operation=RETURNED), inside()])
def test_a_payment_as_it_should_be_is_kept(body: str) -> None:
    assert len(load(body).orders["1"].payments) == 1


REFUSED = {
    "an id that looks like one of its own": (beside(ref=GUID), "Документ не найден"),
    "the same inside an order": (inside(ref=GUID), "Документ не найден"),
    "an id that is too long": (beside(ref="d" * 41), "Документ не найден"),
    "a refund without its mark": (beside(operation=RETURNED, Признак_возврата="false"), "Признак возврата"),
    "a requisite nobody reads": (beside(Возврат="true"), "Реквизит"),
    "the order's id at the end": (
        beside(head=BESIDE.replace("<Основание>x</Основание>", "") + "<Основание>x</Основание>"),
        "Не удалось прочитать",
    ),
    "a time inside an order": (inside(head=INSIDE + "<Время>10:00:00</Время>"), "Не удалось прочитать"),
    "money that has not come": (inside(Оплачено="false"), "Подчиненный документ"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_1c_could_not_read_stops_the_load(why: str) -> None:
    body, words = REFUSED[why]
    with pytest.raises(ExchangeFailed, match=words):
        load(body)
