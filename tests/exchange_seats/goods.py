"""A season as a stock 1C exports it: performances are products, seats are offers ``product#seat``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2" ВерсияСхемы="2.07">'
)
STARTS = "5a0f2a46-0001-11f0-8000-00155d010101"
HALL = "5a0f2a46-0002-11f0-8000-00155d010101"
BIG = "5a0f2a46-0003-11f0-8000-00155d010101"
AGE = "5a0f2a46-0004-11f0-8000-00155d010101"
RETAIL = "7e0f2a46-0001-11f0-8000-00155d010101"
CHILD = "7e0f2a46-0002-11f0-8000-00155d010101"


@dataclass(frozen=True)
class Seat:
    """A seat as an offer; ``None`` is not said."""

    ref: str
    section: str | None = "Партер"
    row: str = "1"
    number: str = "1"
    price: str | None = "1500"
    rest: str | None = "1"
    child: str | None = None
    mark: str = ""


@dataclass(frozen=True)
class Product:
    """A performance as a product."""

    ref: str
    name: str
    starts: str | None
    seats: Sequence[Seat]
    more: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""

    def with_seat(self, ref: str, **changes: str | None) -> Product:
        """The same with one seat changed."""
        return replace(self, seats=[replace(one, **changes) if one.ref == ref else one for one in self.seats])  # type: ignore[arg-type]


def hall(rows: int = 4, places: int = 5) -> list[Seat]:
    """Rows of a parterre; the first one costs more."""
    return [
        Seat(f"{row}-{number}", row=str(row), number=str(number), price="1500" if row == 1 else "900.50")
        for row in range(1, rows + 1)
        for number in range(1, places + 1)
    ]


def season() -> list[Product]:
    """Two performances of one event with 20 seats each."""
    more = {HALL: BIG, AGE: "12+"}
    return [
        Product("lake-15", "Лебединое озеро", "15.11.2031 19:00:00", hall(), more),
        Product("lake-16", "Лебединое озеро", "2031-11-16T12:00:00", hall(), more),
    ]


def files(*products: Product, is_whole: bool = False) -> dict[str, bytes]:
    """A portion of УТ: goods and offers."""
    only_changes = "false" if is_whole else "true"
    goods = "".join(_product(one) for one in products)
    offers = "".join(_offer(one, seat) for one in products for seat in one.seats)
    catalogue = (
        f'<Каталог СодержитТолькоИзменения="{only_changes}"><Ид>c</Ид><ИдКлассификатора>k</ИдКлассификатора>'
        f"<Товары>{goods}</Товары></Каталог>"
    )
    package = (
        f'<ПакетПредложений СодержитТолькоИзменения="{only_changes}"><Ид>c#</Ид><ТипыЦен>'
        f"{_price_type(RETAIL, 'Полный')}{_price_type(CHILD, 'Детский')}</ТипыЦен>"
        f"<Предложения>{offers}</Предложения></ПакетПредложений>"
    )
    return {"import0_1.xml": _file(CLASSIFIER + catalogue), "offers0_1.xml": _file(package)}


def rests(*said: tuple[str, str]) -> dict[str, bytes]:
    """Stock alone: (offer, quantity)."""
    body = "".join(
        f"<Предложение><Ид>{ref}</Ид><Остатки><Остаток><Количество>{quantity}</Количество></Остаток></Остатки></Предложение>"
        for ref, quantity in said
    )
    package = f'<ПакетПредложений СодержитТолькоИзменения="true"><Ид>c#</Ид><Предложения>{body}</Предложения></ПакетПредложений>'
    return {"rests0_1.xml": _file(package)}


def orders(number: str, **requisites: str) -> bytes:
    """What 1C says of an order."""
    said = "".join(_pair(name, value) for name, value in requisites.items())
    return _file(
        f"<Документ><Ид>1c-order</Ид><Номер>{number}</Номер><Дата>2026-01-10</Дата><ХозОперация>Заказ товара</ХозОперация>"
        f"<Роль>Продавец</Роль><Валюта>RUB</Валюта><ЗначенияРеквизитов>{said}</ЗначенияРеквизитов></Документ>"
    )


def known(*products: Product) -> set[str]:
    """The ids of all offers, by which 1C finds its goods."""
    return {f"{one.ref}#{seat.ref}" for one in products for seat in one.seats}


CLASSIFIER = (
    "<Классификатор><Ид>k</Ид><Наименование>Классификатор</Наименование><Свойства>"
    f"<Свойство><Ид>{STARTS}</Ид><Наименование>Дата и время начала</Наименование><ТипЗначений>Время</ТипЗначений></Свойство>"
    f"<Свойство><Ид>{HALL}</Ид><Наименование>Зал</Наименование><ТипЗначений>Справочник</ТипЗначений><ВариантыЗначений>"
    f"<Справочник><ИдЗначения>{BIG}</ИдЗначения><Значение>Большой зал</Значение></Справочник></ВариантыЗначений></Свойство>"
    f"<Свойство><Ид>{AGE}</Ид><Наименование>Возрастное ограничение</Наименование></Свойство>"
    "</Свойства></Классификатор>"
)


def _file(body: str) -> bytes:
    return b"\xef\xbb\xbf" + f"{HEAD}{body}</КоммерческаяИнформация>\n".encode()


def _product(one: Product) -> str:
    said = {**({STARTS: one.starts} if one.starts is not None else {}), **one.more}
    properties = "".join(
        f"<ЗначенияСвойства><Ид>{ref}</Ид><Значение>{value}</Значение></ЗначенияСвойства>"
        for ref, value in said.items()
    )
    return (
        f"<Товар{one.mark}><Ид>{one.ref}</Ид><Наименование>{one.name}</Наименование>"
        f"<Описание>Балет</Описание><ЗначенияСвойств>{properties}</ЗначенияСвойств></Товар>"
    )


def _offer(product: Product, seat: Seat) -> str:
    names = {"Сектор": seat.section, "Ряд": seat.row, "Место": seat.number}
    said = "".join(
        f"<ХарактеристикаТовара><Наименование>{name}</Наименование><Значение>{value}</Значение></ХарактеристикаТовара>"
        for name, value in names.items()
        if value is not None
    )
    prices = "".join(
        _price(kind, price) for kind, price in ((RETAIL, seat.price), (CHILD, seat.child)) if price is not None
    )
    rest = "" if seat.rest is None else f"<Количество>{seat.rest}</Количество>"
    return (
        f"<Предложение{seat.mark}><Ид>{product.ref}#{seat.ref}</Ид><Наименование>{product.name} ({seat.section}, ряд {seat.row}, "
        f"место {seat.number})</Наименование><ХарактеристикиТовара>{said}</ХарактеристикиТовара>"
        f"<Цены>{prices}</Цены>{rest}</Предложение>"
    )


def _price(kind: str, price: str) -> str:
    return f"<Цена><ИдТипаЦены>{kind}</ИдТипаЦены><ЦенаЗаЕдиницу>{price}</ЦенаЗаЕдиницу><Валюта>руб</Валюта></Цена>"


def _price_type(ref: str, name: str) -> str:
    return f"<ТипЦены><Ид>{ref}</Ид><Наименование>{name}</Наименование><Валюта>руб</Валюта></ТипЦены>"


def _pair(name: str, value: str) -> str:
    return f"<ЗначениеРеквизита><Наименование>{name}</Наименование><Значение>{value}</Значение></ЗначениеРеквизита>"
