"""Small files in the dialects of CommerceML, written for these tests."""

from __future__ import annotations

import io

from adapters.onec.commerceml import CommerceMLReading, read
from bridge.ports.goods import Item

RETAIL = "11111111-0000-4000-8000-000000000001"


def document(body: str, *, namespace: str = "urn:1C.ru:commerceml_2", version: str = "2.07") -> str:
    """A whole file around ``body``, without a declaration."""
    attribute = f' xmlns="{namespace}"' if namespace else ""
    return f'<КоммерческаяИнформация{attribute} ВерсияСхемы="{version}">{body}</КоммерческаяИнформация>'


def encoded(text: str, encoding: str = "utf-8", *, declared: str | None = None, mark: bytes = b"") -> bytes:
    """The bytes of a file that says it is ``declared``, or rightly ``encoding``."""
    return mark + f'<?xml version="1.0" encoding="{declared or encoding}"?>\n{text}'.encode(encoding)


def goods(*products: str, only_changes: str = "false") -> str:
    """A catalogue of ``products``."""
    return f'<Каталог СодержитТолькоИзменения="{only_changes}"><Ид>c</Ид><Товары>{"".join(products)}</Товары></Каталог>'


def offers(*offers: str, head: str = "", section: str = "ПакетПредложений") -> str:
    """A package of ``offers`` after ``head``."""
    return f"<{section}><Ид>c#</Ид>{head}<Предложения>{''.join(offers)}</Предложения></{section}>"


def offer(ref: str, body: str = "", attributes: str = "") -> str:
    """An offer."""
    return f"<Предложение{attributes}><Ид>{ref}</Ид>{body}</Предложение>"


def price(amount: str, *, money: str = "<Валюта>RUB</Валюта>", type_ref: str = RETAIL, more: str = "") -> str:
    """The prices of an offer: one."""
    said = f"<ИдТипаЦены>{type_ref}</ИдТипаЦены><ЦенаЗаЕдиницу>{amount}</ЦенаЗаЕдиницу>{money}{more}"
    return f"<Цены><Цена><Представление>x</Представление>{said}</Цена></Цены>"


def read_bytes(content: bytes) -> tuple[list[Item], CommerceMLReading]:
    """Everything a file yields, and the reading with its tally."""
    reading = read(io.BytesIO(content), "goods.xml")
    return list(reading), reading


def read_body(body: str) -> tuple[list[Item], CommerceMLReading]:
    """The same for the children of a root element."""
    return read_bytes(encoded(document(body)))
