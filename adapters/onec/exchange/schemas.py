"""In which version of CommerceML a node reads an answer, and the order of elements within each kind of document.

1C checks that order, and every type, where an answer names a namespace: only the module's 3.1 needs one. Schema: XDTO
packages of УНФ 3.0, CommerceML 3.1 of the 1C-Bitrix module.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.ports.site_orders import format_version

MODULE = "module31"
BOXED_FROM = 3

ORDER = (
    *("Ид", "Номер", "Дата", "Время", "ХозОперация", "Роль", "Валюта", "Курс", "Сумма"),
    *("Контрагенты", "Комментарий", "Товары", "ЗначенияРеквизитов", "ПодчиненныеДокументы"),
)
BESIDE = (
    *("Ид", "Номер", "Дата", "Время", "ХозОперация", "Основание", "Роль", "Валюта", "Курс", "Сумма"),
    "ЗначенияРеквизитов",
)
INSIDE = ("Ид", "Номер", "Дата", "ХозОперация", "Сумма", "Валюта", "Курс", "Комментарий", "ЗначенияРеквизитов")


@dataclass(frozen=True, slots=True)
class Schema:
    """How an answer is written; ``is_boxed`` puts each order and what belongs to it into a container, and says a unit
    of measure by its code alone.
    """

    version: str
    namespace: str = ""
    is_boxed: bool = False


PLAIN = Schema("2.08")
BOXED = Schema("3.1", "urn:1C.ru:commerceml_3", is_boxed=True)


def schema_of(dialect: str, said: str) -> Schema:
    """What a node of ``dialect`` reads that ``said`` this version at ``init``. Of the module 3.1 is expected."""
    if dialect != MODULE:
        return PLAIN
    version = format_version(said)
    return BOXED if version is None or version >= BOXED_FROM else Schema(f"{version:.2f}")
