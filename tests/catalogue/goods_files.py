"""Files of goods, written for these tests; long ones are made as they are read."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from pathlib import Path

RETAIL = "11111111-0000-4000-8000-000000000001"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация ВерсияСхемы="2.07">'
_TAIL = "</КоммерческаяИнформация>\n"


def write(path: Path, body: str) -> Path:
    """A file with ``body`` in its root element."""
    path.write_text(f"{_HEAD}{body}{_TAIL}", encoding="utf-8-sig")
    return path


def offers(*offers: str) -> str:
    """A package of offers."""
    return f"<ПакетПредложений><Ид>c#</Ид><Предложения>{''.join(offers)}</Предложения></ПакетПредложений>"


def offer(ref: str, *parts: str) -> str:
    """An offer of ``parts``."""
    return f"<Предложение><Ид>{ref}</Ид>{''.join(parts)}</Предложение>"


def product(ref: str, name: str, more: str = "", attributes: str = "") -> str:
    """A catalogue of one product."""
    said = f"<Товар{attributes}><Ид>{ref}</Ид><Наименование>{name}</Наименование>{more}</Товар>"
    return f"<Каталог><Ид>c</Ид><Товары>{said}</Товары></Каталог>"


def price(amount: str, type_ref: str = RETAIL) -> str:
    """The prices of an offer: one."""
    return (
        f"<Цены><Цена><ИдТипаЦены>{type_ref}</ИдТипаЦены><ЦенаЗаЕдиницу>{amount}</ЦенаЗаЕдиницу>"
        "<Валюта>RUB</Валюта></Цена></Цены>"
    )


def seats(count: int) -> Iterator[str]:
    """The lines of a file of ``count`` seats as 1C exports them, 500 a performance; always the same."""
    chance = random.Random(1)
    yield f'{_HEAD}\n<ПакетПредложений СодержитТолькоИзменения="false">\n<Ид>c#</Ид>\n<Предложения>\n'
    for index in range(count):
        yield _seat(index, str(uuid.UUID(int=chance.getrandbits(128))))
    yield f"</Предложения>\n</ПакетПредложений>\n{_TAIL}"


def _seat(index: int, ref: str) -> str:
    section, row, number = "Партер", index % 500 // 25 + 1, index % 25 + 1
    said = {"Сектор": section, "Ряд": row, "Место": number}
    characteristics = "".join(
        f"<ХарактеристикаТовара>\n<Наименование>{name}</Наименование>\n<Значение>{value}</Значение>\n"
        "</ХарактеристикаТовара>\n"
        for name, value in said.items()
    )
    return f"""<Предложение>
<Ид>{uuid.UUID(int=index // 500)}#{ref}</Ид>
<Наименование>Концерт ({section}, ряд {row}, место {number})</Наименование>
<БазоваяЕдиница Код="796 " НаименованиеПолное="Штука" МеждународноеСокращение="PCE"/>
<ХарактеристикиТовара>
{characteristics}</ХарактеристикиТовара>
<Цены>
<Цена>
<Представление>{1500 + row * 100} RUB за шт</Представление>
<ИдТипаЦены>{RETAIL}</ИдТипаЦены>
<ЦенаЗаЕдиницу>{1500 + row * 100}</ЦенаЗаЕдиницу>
<Валюта>RUB</Валюта>
<Единица>шт</Единица>
<Коэффициент>1</Коэффициент>
</Цена>
</Цены>
<Количество>{index % 2}</Количество>
</Предложение>
"""
