"""What three stock configurations publish over OData, as one table: `$metadata`, the reader and the writer come from it.

A field is written ``Name:type``, with ``(N)`` for the longest string and ``>Set`` for the set a reference leads to. A
composite reference is two strings, ``X`` and ``X_Type``. Only what a payment needs is here; a real set has ten times more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

NAMESPACE = "StandardODATA"
EDM = {
    "guid": "Edm.Guid",
    "string": "Edm.String",
    "double": "Edm.Double",
    "bool": "Edm.Boolean",
    "date": "Edm.DateTime",
    "int64": "Edm.Int64",
}
_FIELD = re.compile(r"(\w+):([a-z]+[0-9]*)(?:\((\d+)\))?(?:>(\w+))?")


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute; ``length`` 0 is a string without limit, ``target`` the set a reference leads to."""

    name: str
    type: str
    length: int = 0
    target: str = ""

    @classmethod
    def parse(cls, text: str) -> Field:
        """Read a field as this module writes it."""
        found = _FIELD.fullmatch(text)
        if not found:
            raise ValueError(text)
        name, kind, length, target = found.groups()
        return cls(name, kind, int(length or 0), target or "")


Fields = Mapping[str, Field]


def _fields(*texts: str) -> Fields:
    read = (Field.parse(each) for text in texts for each in text.split())
    return {field.name: field for field in read}


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity type: its attributes, and its table parts with theirs."""

    name: str
    fields: Fields
    parts: Mapping[str, Fields]

    @property
    def is_document(self) -> bool:
        """Whether it can be posted."""
        return self.name.startswith("Document_")


@dataclass(frozen=True, slots=True)
class MoneyForm:
    """How the books read a money document: its kind by the operation, the order and the sum of each row."""

    operation: str
    kinds: Mapping[str, str]
    part: str
    row_order: str
    row_sum: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """One stock configuration."""

    name: str
    title: str
    order_set: str
    buyer_field: str
    entities: Mapping[str, Entity]
    money: Mapping[str, MoneyForm]


_KEY = "Ref_Key:guid DataVersion:string DeletionMark:bool"
_CATALOG = f"{_KEY} Code:string(11) Description:string(100)"
_DOCUMENT = f"{_KEY} Number:string(11) Date:date Posted:bool Комментарий:string"
_OWNER = "Организация_Key:guid>Catalog_Организации СуммаДокумента:double"
_BUYER = "Контрагент_Key:guid>Catalog_Контрагенты"
_ROW = "Ref_Key:guid LineNumber:int64"
_PLAN = "ExchangePlan_Сайт"


def _entity(name: str, *fields: str, **parts: str) -> Entity:
    return Entity(name, _fields(*fields), {part: _fields(_ROW, text) for part, text in parts.items()})


_COMMON = (
    _entity("Catalog_Контрагенты", _CATALOG, "НаименованиеПолное:string ИНН:string(12)"),
    _entity("Catalog_Организации", _CATALOG),
    _entity("Catalog_Валюты", _CATALOG),
    _entity(_PLAN, _KEY, "Code:string(9) Description:string(100) SentNo:int64 ReceivedNo:int64"),
)
_PAID_ORDER = "Заказ:string Заказ_Type:string"
_GOODS = (
    _entity("Catalog_Номенклатура", _CATALOG, "IsFolder:bool Parent_Key:guid Артикул:string(25) Описание:string"),
)
_VARIANTS = (
    _entity("Catalog_ХарактеристикиНоменклатуры", _KEY, "Description:string(100) Owner:string Owner_Type:string"),
)
_PRICE = "Period:date Номенклатура_Key:guid>Catalog_Номенклатура Цена:double"
_PLACE = (
    "Period:date Номенклатура_Key:guid>Catalog_Номенклатура Характеристика_Key:guid>Catalog_ХарактеристикиНоменклатуры"
)


def _price_list(kinds: str, kind_field: str, more: str = "") -> tuple[Entity, ...]:
    return (
        _entity(kinds, _CATALOG),
        _entity("InformationRegister_ЦеныНоменклатуры", _PRICE, f"{kind_field}:guid>{kinds} {more}"),
    )


def _stock(stores: str, store_field: str, register: str, quantity: str) -> tuple[Entity, ...]:
    return _entity(stores, _CATALOG), _entity(register, _PLACE, f"{store_field}:guid>{stores} {quantity}:double")


_UT_GOODS = (
    *_GOODS,
    *_VARIANTS,
    *_price_list("Catalog_ВидыЦен", "ВидЦены_Key", "Характеристика_Key:guid"),
    *_stock("Catalog_Склады", "Склад_Key", "AccumulationRegister_ТоварыНаСкладах", "ВНаличии"),
)
_BP_GOODS = (*_GOODS, *_price_list("Catalog_ТипыЦенНоменклатуры", "ТипЦен_Key"))
_UNF_GOODS = (
    *_GOODS,
    *_VARIANTS,
    *_price_list("Catalog_ВидыЦен", "ВидЦен_Key", "Характеристика_Key:guid"),
    *_stock(
        "Catalog_СтруктурныеЕдиницы", "СтруктурнаяЕдиница_Key", "AccumulationRegister_ЗапасыНаСкладах", "Количество"
    ),
)


def _configuration(
    name: str, title: str, order_set: str, buyer_field: str, entities: tuple[Entity, ...], money: dict[str, MoneyForm]
) -> Configuration:
    return Configuration(
        name, title, order_set, buyer_field, {each.name: each for each in (*_COMMON, *entities)}, money
    )


def _money(operation: str, part: tuple[str, str], **kinds: str) -> MoneyForm:
    """A document whose rows name the order and the sum in ``part``; ``kinds`` is payment and refund to its operation."""
    return MoneyForm(operation, {word: kind for kind, word in kinds.items() if word}, "РасшифровкаПлатежа", *part)


_UT_ROWS = f"{_PAID_ORDER} ОснованиеПлатежа:string ОснованиеПлатежа_Type:string Сумма:double СуммаВзаиморасчетов:double"
_UT_MONEY = (
    _DOCUMENT,
    _OWNER,
    _BUYER,
    "Валюта_Key:guid>Catalog_Валюты ХозяйственнаяОперация:string(100) НазначениеПлатежа:string(210)",
)
_UT_IN, _UT_OUT = "ПоступлениеОплатыОтКлиента", "ВозвратОплатыКлиенту"
_UT_BANK = "БанковскийСчет_Key:guid>Catalog_БанковскиеСчетаОрганизаций ПроведеноБанком:bool ДатаПроведенияБанком:date"
# Where the money of a way goes, and the fields that this way alone has.
_UT_WAYS = {
    "Document_ОперацияПоПлатежнойКарте": (
        "ЭквайринговыйТерминал_Key:guid>Catalog_ЭквайринговыеТерминалы",
        _UT_IN,
        _UT_OUT,
    ),
    "Document_ПоступлениеБезналичныхДенежныхСредств": (_UT_BANK, _UT_IN, ""),
    "Document_СписаниеБезналичныхДенежныхСредств": (_UT_BANK, "", _UT_OUT),
    "Document_ПриходныйКассовыйОрдер": ("Касса_Key:guid>Catalog_Кассы ПринятоОт:string", _UT_IN, ""),
    "Document_РасходныйКассовыйОрдер": ("Касса_Key:guid>Catalog_Кассы Выдать:string", "", _UT_OUT),
}
_UT11 = _configuration(
    "ut11",
    "Управление торговлей, редакция 11",
    "Document_ЗаказКлиента",
    "Контрагент_Key",
    (
        *_UT_GOODS,
        _entity(
            "Document_ЗаказКлиента",
            _DOCUMENT,
            _OWNER,
            _BUYER,
            "Валюта_Key:guid>Catalog_Валюты Статус:string(50) НомерПоДаннымКлиента:string(128) "
            "МаксимальныйКодСтроки:int64",
            Товары="Номенклатура:string(100) Количество:double Цена:double Сумма:double",
        ),
        *(
            _entity(f"Catalog_{name}", _CATALOG)
            for name in ("ЭквайринговыеТерминалы", "БанковскиеСчетаОрганизаций", "Кассы")
        ),
        *(_entity(name, *_UT_MONEY, own, РасшифровкаПлатежа=_UT_ROWS) for name, (own, _, _) in _UT_WAYS.items()),
    ),
    {
        name: _money("ХозяйственнаяОперация", ("Заказ", "Сумма"), payment=comes, refund=goes)
        for name, (_, comes, goes) in _UT_WAYS.items()
    },
)
_BP_ROWS = (
    "ДоговорКонтрагента_Key:guid СпособПогашенияЗадолженности:string(100) "
    "СуммаПлатежа:double СуммаВзаиморасчетов:double КурсВзаиморасчетов:double СтавкаНДС:string(100) "
    "СуммаНДС:double СчетНаОплату_Key:guid>Document_СчетНаОплатуПокупателю"
)
_BP_MONEY = (
    _DOCUMENT,
    _OWNER,
    "Контрагент:string Контрагент_Type:string ВидОперации:string(100) ВалютаДокумента_Key:guid>Catalog_Валюты",
)
_BP_IN, _BP_OUT = "ОплатаПокупателя", "ВозвратПокупателю"
_BP_BANK = "СчетОрганизации_Key:guid>Catalog_БанковскиеСчета НазначениеПлатежа:string"
_BP_WAYS = {
    "Document_ОплатаПлатежнойКартой": ("ВидОплаты_Key:guid>Catalog_ВидыОплатОрганизаций", _BP_IN, _BP_OUT),
    "Document_ПоступлениеНаРасчетныйСчет": (_BP_BANK, _BP_IN, ""),
    "Document_СписаниеСРасчетногоСчета": (_BP_BANK, "", _BP_OUT),
    "Document_ПриходныйКассовыйОрдер": ("ПринятоОт:string", _BP_IN, ""),
    "Document_РасходныйКассовыйОрдер": ("Выдать:string", "", _BP_OUT),
}
_BP30 = _configuration(
    "bp30",
    "Бухгалтерия предприятия, редакция 3.0",
    "Document_СчетНаОплатуПокупателю",
    "Контрагент_Key",
    (
        *_BP_GOODS,
        *(_entity(f"Catalog_{name}", _CATALOG) for name in ("ВидыОплатОрганизаций", "БанковскиеСчета")),
        _entity(
            "Document_СчетНаОплатуПокупателю",
            _DOCUMENT,
            _OWNER,
            _BUYER,
            "ДоговорКонтрагента_Key:guid ВалютаДокумента_Key:guid>Catalog_Валюты",
            Товары="Содержание:string Количество:double Цена:double Сумма:double",
        ),
        *(_entity(name, *_BP_MONEY, own, РасшифровкаПлатежа=_BP_ROWS) for name, (own, _, _) in _BP_WAYS.items()),
    ),
    {
        name: _money("ВидОперации", ("СчетНаОплату_Key", "СуммаПлатежа"), payment=comes, refund=goes)
        for name, (_, comes, goes) in _BP_WAYS.items()
    },
)
_UNF_MONEY = (
    _DOCUMENT,
    _OWNER,
    _BUYER,
    "ВидОперации:string(100) НазначениеПлатежа:string(210) ВалютаДенежныхСредств_Key:guid>Catalog_Валюты",
)
_UNF_CASH = "Касса_Key:guid>Catalog_Кассы"
_UNF_WAYS = {
    "Document_ПоступлениеНаСчет": ("", "ОтПокупателя", ""),
    "Document_РасходСоСчета": ("", "", "Покупателю"),
    "Document_ПоступлениеВКассу": (_UNF_CASH, "ОтПокупателя", ""),
    "Document_РасходИзКассы": (_UNF_CASH, "", "Покупателю"),
    "Document_ОперацияПоПлатежнымКартам": (
        "ЭквайринговыйТерминал_Key:guid>Catalog_ЭквайринговыеТерминалы",
        "ОтПокупателя",
        "Покупателю",
    ),
}
_UNF_ROWS = f"{_PAID_ORDER} Договор_Key:guid СуммаПлатежа:double СуммаРасчетов:double"
_UNF30 = _configuration(
    "unf30",
    "Управление нашей фирмой, редакция 3.0",
    "Document_ЗаказПокупателя",
    "Контрагент_Key",
    (
        *_UNF_GOODS,
        _entity(
            "Document_ЗаказПокупателя",
            _DOCUMENT,
            _OWNER,
            _BUYER,
            "Договор_Key:guid ВалютаДокумента_Key:guid>Catalog_Валюты",
            Запасы="Номенклатура:string Номенклатура_Type:string Количество:double Цена:double Сумма:double",
        ),
        *(_entity(f"Catalog_{name}", _CATALOG) for name in ("ЭквайринговыеТерминалы", "Кассы")),
        *(_entity(name, *_UNF_MONEY, own, РасшифровкаПлатежа=_UNF_ROWS) for name, (own, _, _) in _UNF_WAYS.items()),
    ),
    {
        name: _money("ВидОперации", ("Заказ", "СуммаПлатежа"), payment=comes, refund=goes)
        for name, (_, comes, goes) in _UNF_WAYS.items()
    },
)
CONFIGURATIONS = {each.name: each for each in (_UT11, _BP30, _UNF30)}


def find_configuration(name: str) -> Configuration:
    """The configuration called ``name``; raise ``ValueError`` if there is none."""
    if name not in CONFIGURATIONS:
        raise ValueError(f"no such configuration: {name}")
    return CONFIGURATIONS[name]
