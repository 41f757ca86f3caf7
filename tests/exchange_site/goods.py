"""Files of goods as nodes send them."""

from __future__ import annotations

BOM = b"\xef\xbb\xbf"
NAMESPACES = {"ut": ' xmlns="urn:1C.ru:commerceml_2"', "unf": ' xmlns="urn:1C.ru:commerceml_210"', "none": ""}


def document(body: str, namespace: str = "ut", version: str = "2.07") -> bytes:
    """A whole file, with the mark 1C puts in front."""
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация{NAMESPACES[namespace]} ВерсияСхемы="{version}">'
    return BOM + f"{head}{body}</КоммерческаяИнформация>\n".encode()


def catalogue(*refs: str, namespace: str = "ut", is_full: bool = False) -> bytes:
    """A catalogue of products."""
    flag = "false" if is_full else "true"
    goods = "".join(f"<Товар><Ид>{ref}</Ид><Наименование>Концерт {ref}</Наименование></Товар>" for ref in refs)
    body = f'<Каталог СодержитТолькоИзменения="{flag}"><Ид>c</Ид><Товары>{goods}</Товары></Каталог>'
    return document(body, namespace)


def offers(*refs: str, price: str = "100", namespace: str = "ut") -> bytes:
    """A package of offers with a price each."""
    said = "".join(
        f"<Предложение><Ид>{ref}</Ид><Наименование>Место {ref}</Наименование><Цены><Цена><ИдТипаЦены>r</ИдТипаЦены>"
        f"<ЦенаЗаЕдиницу>{price}</ЦенаЗаЕдиницу><Валюта>руб</Валюта></Цена></Цены><Количество>1</Количество></Предложение>"
        for ref in refs
    )
    return document(f"<ПакетПредложений><Ид>c#</Ид><Предложения>{said}</Предложения></ПакетПредложений>", namespace)


def prices(*refs: str) -> bytes:
    """A file of prices alone."""
    said = "".join(
        f"<Предложение><Ид>{ref}</Ид><Цены><Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу>"
        "<Валюта>RUB</Валюта></Цена></Цены></Предложение>"
        for ref in refs
    )
    return document(f"<ПакетПредложений><Ид>#</Ид><Предложения>{said}</Предложения></ПакетПредложений>")
