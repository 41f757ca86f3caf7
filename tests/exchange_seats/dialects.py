"""The season as other configurations export it: УНФ 3.0, the 1C-Bitrix module (CommerceML 3.1), and changes of УТ 11.5."""

from __future__ import annotations

from tests.exchange_seats.goods import AGE, BIG, CHILD, HALL, RETAIL, STARTS, Product, Seat

STORE = "9c0f2a46-0001-11f0-8000-00155d010101"
SPACES = {"unf": ("urn:1C.ru:commerceml_210", "2.08"), "module31": ("urn:1C.ru:commerceml_3", "3.1")}
SPACES["ut11"] = ("urn:1C.ru:commerceml_2", "2.07")
Files = dict[str, bytes]


def unf(*products: Product) -> Files:
    """УНФ: a classifier in either file, each a whole exchange; stock as a total and by store in attributes."""
    goods = "".join(_product(one) for one in products)
    offers = "".join(_offer(one, seat, _prices(seat) + _stock_2(seat)) for one in products for seat in one.seats)
    catalogue = f"{_classifier(_properties())}{_catalogue(goods)}"
    package = _classifier(_properties()) + _package(_price_types() + f"<Предложения>{offers}</Предложения>")
    return {"import0.xml": _file("unf", catalogue), "offers0.xml": _file("unf", package)}


def module(*products: Product) -> Files:
    """The module: price lists, properties, goods, offers, prices and stock, each a file of its own."""
    offers = "".join(_offer(one, seat, "") for one in products for seat in one.seats)
    prices = "".join(_change(one, seat, _prices(seat)) for one in products for seat in one.seats)
    bodies = {
        "priceLists_1_1.xml": _classifier(_price_types()),
        "propertiesGoods_1_1.xml": _classifier(_properties()),
        "goods_1_1.xml": _catalogue("".join(_product(one) for one in products)),
        "offers_1_1.xml": _package(f"<Предложения>{offers}</Предложения>"),
        "prices_1_1.xml": _package(f"<Предложения>{prices}</Предложения>"),
    }
    return {name: _file("module31", body) for name, body in bodies.items()} | module_stock(*products)


def module_stock(*products: Product) -> Files:
    """Stock alone, by store."""
    said = "".join(_change(one, seat, _stock_3(seat)) for one in products for seat in one.seats)
    return {"rests_1_1.xml": _file("module31", _package(f"<Предложения>{said}</Предложения>"))}


def unf_stock(*products: Product) -> Files:
    """УНФ sends what changed as offers of their own."""
    said = "".join(_change(one, seat, _stock_2(seat)) for one in products for seat in one.seats)
    return {"offers0.xml": _file("unf", _package(f"<Предложения>{said}</Предложения>"))}


def ut_changes(*products: Product, with_prices: bool = False) -> Files:
    """Prices and stock that changed, as УТ 11.5 says it: the characteristic apart, stores in the plural."""
    said = "".join(
        f"<Предложение><Ид>{one.ref}</Ид><ИдХарактеристики>{seat.ref}</ИдХарактеристики>"
        f'<Склады ИдСклада="{STORE}" КоличествоНаСкладе="{seat.rest}"/>{_prices(seat) if with_prices else ""}'
        f"<Количество>{seat.rest}</Количество></Предложение>"
        for one in products
        for seat in one.seats
    )
    body = f"<ИзмененияПакетаПредложений><Ид>c#</Ид><Предложения>{said}</Предложения></ИзмененияПакетаПредложений>"
    return {"offers0_1.xml": _file("ut11", body)}


def _file(dialect: str, body: str) -> bytes:
    space, version = SPACES[dialect]
    root = (
        f'<КоммерческаяИнформация xmlns="{space}" xmlns:xs="http://www.w3.org/2001/XMLSchema" ВерсияСхемы="{version}">'
    )
    return b"\xef\xbb\xbf" + f'<?xml version="1.0" encoding="UTF-8"?>\r\n{root}{body}</КоммерческаяИнформация>'.encode()


def _classifier(body: str) -> str:
    return f"<Классификатор><Ид>k</Ид><Наименование>Классификатор</Наименование>{body}</Классификатор>"


def _catalogue(goods: str) -> str:
    return (
        '<Каталог СодержитТолькоИзменения="true"><Ид>c</Ид><ИдКлассификатора>k</ИдКлассификатора>'
        f"<Наименование>Афиша</Наименование><Товары>{goods}</Товары></Каталог>"
    )


def _package(body: str) -> str:
    return f'<ПакетПредложений СодержитТолькоИзменения="true"><Ид>#</Ид><Наименование/>{body}</ПакетПредложений>'


def _properties() -> str:
    return (
        f"<Свойства><Свойство><Ид>{STARTS}</Ид><НомерВерсии>AAA=</НомерВерсии><Наименование>Дата и время начала</Наименование>"
        f"</Свойство><Свойство><Ид>{HALL}</Ид><Наименование>Зал</Наименование><ТипЗначений>Справочник</ТипЗначений>"
        f"<ВариантыЗначений><Справочник><ИдЗначения>{BIG}</ИдЗначения><Значение>Большой зал</Значение></Справочник>"
        f"</ВариантыЗначений></Свойство><Свойство><Ид>{AGE}</Ид><Наименование>Возрастное ограничение</Наименование></Свойство>"
        "</Свойства>"
    )


def _price_types() -> str:
    named = {RETAIL: "Полный", CHILD: "Детский"}
    said = "".join(
        f"<ТипЦены><Ид>{ref}</Ид><Наименование>{name}</Наименование><Валюта>руб</Валюта></ТипЦены>"
        for ref, name in named.items()
    )
    return f"<ТипыЦен>{said}</ТипыЦен>"


def _product(one: Product) -> str:
    said = "".join(
        f"<ЗначенияСвойства><Ид>{ref}</Ид><Значение>{value}</Значение></ЗначенияСвойства>"
        for ref, value in {STARTS: one.starts or "", **one.more}.items()
    )
    return (
        f"<Товар><Ид>{one.ref}</Ид><НомерВерсии>AAAGwQAAAAA=</НомерВерсии><ПометкаУдаления>false</ПометкаУдаления>"
        f"<Наименование>{one.name}</Наименование><БазоваяЕдиница>796 </БазоваяЕдиница><Описание>Балет</Описание>"
        f"<ЗначенияСвойств>{said}</ЗначенияСвойств></Товар>"
    )


def _offer(product: Product, seat: Seat, more: str) -> str:
    said = "".join(
        f"<ХарактеристикаТовара><Ид>h</Ид><Наименование>{name}</Наименование><Значение>{value}</Значение></ХарактеристикаТовара>"
        for name, value in (("Сектор", seat.section), ("Ряд", seat.row), ("Место", seat.number))
    )
    return (
        f"<Предложение><Ид>{product.ref}#{seat.ref}</Ид><ПометкаУдаления>false</ПометкаУдаления><Наименование>Место"
        f"</Наименование><ХарактеристикиТовара>{said}</ХарактеристикиТовара>{more}</Предложение>"
    )


def _change(product: Product, seat: Seat, said: str) -> str:
    return f"<Предложение><Ид>{product.ref}#{seat.ref}</Ид>{said}</Предложение>"


def _prices(seat: Seat) -> str:
    return (
        f"<Цены><Цена><Представление>{seat.price} руб. за шт</Представление><ИдТипаЦены>{RETAIL}</ИдТипаЦены>"
        f"<ЦенаЗаЕдиницу>{seat.price}</ЦенаЗаЕдиницу><Валюта>руб</Валюта></Цена></Цены>"
    )


def _stock_2(seat: Seat) -> str:
    return f'<Количество>{seat.rest}</Количество><Склад ИдСклада="{STORE}" КоличествоНаСкладе="{seat.rest}"/>'


def _stock_3(seat: Seat) -> str:
    return f"<Остатки><Остаток><Склад><Ид>{STORE}</Ид><Количество>{seat.rest}</Количество></Склад></Остаток></Остатки>"
