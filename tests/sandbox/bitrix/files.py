"""Files as 1C sends them, in a few words."""

from __future__ import annotations


def document(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация ВерсияСхемы="2.09">{inner}</КоммерческаяИнформация>'


def goods(*refs: str, only_changes: bool = True, more: str = "") -> str:
    items = "".join(f"<Товар><Ид>{ref}</Ид><Наименование>Товар {ref}</Наименование>{more}</Товар>" for ref in refs)
    flag = str(only_changes).lower()
    return document(f'<Каталог СодержитТолькоИзменения="{flag}"><Ид>cat</Ид><Товары>{items}</Товары></Каталог>')


def offers(inner: str, ref: str = "cat#") -> str:
    kinds = "<ТипыЦен><ТипЦены><Ид>retail</Ид><Наименование>Розничная</Наименование></ТипЦены></ТипыЦен>"
    body = f"<Ид>{ref}</Ид>{kinds}<Предложения>{inner}</Предложения>"
    return document(f'<ПакетПредложений СодержитТолькоИзменения="true">{body}</ПакетПредложений>')


def order(number: int, *refs: str, **said: str) -> str:
    lines = "".join(
        f"<Товар><Ид>{ref}</Ид><ЦенаЗаЕдиницу>100.50</ЦенаЗаЕдиницу><Количество>2</Количество></Товар>" for ref in refs
    )
    values = "".join(
        f"<ЗначениеРеквизита><Наименование>{name}</Наименование><Значение>{value}</Значение></ЗначениеРеквизита>"
        for name, value in said.items()
    )
    head = f"<Ид>guid</Ид><Номер>{number}</Номер><ХозОперация>Заказ товара</ХозОперация><Номер1С>УТ-7</Номер1С>"
    return document(
        f"<Документ>{head}<Товары>{lines}</Товары><ЗначенияРеквизитов>{values}</ЗначенияРеквизитов></Документ>"
    )
