"""The refusals of OData in 1C: status, the code it puts into the body, and its words."""

from __future__ import annotations


class ODataError(Exception):
    """1C answers ``status`` with ``code`` and the text."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


def no_segment(name: str) -> ODataError:
    """The set, table part or function is not published."""
    return ODataError(404, "6", f"Сегмент пути «{name}» не найден")


def no_entity() -> ODataError:
    """There is no object with this key."""
    return ODataError(404, "9", "Экземпляр сущности не найден")


def bad_option(name: str) -> ODataError:
    """A query option cannot be read."""
    return ODataError(400, "14", f"Ошибка при разборе опции запроса {name}")


def bad_value(name: str) -> ODataError:
    """The text of a value does not fit the type of its field."""
    return ODataError(400, "1", f"Ошибка преобразования значения свойства {name}")


def handler_failed(handler: str, why: str) -> ODataError:
    """Code of the configuration raised an exception; the transaction is rolled back."""
    text = f"Ошибка при выполнении обработчика - '{handler}' {{ОбщийМодуль.ПроведениеДокументов.Модуль(118)}}: {why}"
    return ODataError(500, "-1", text)


def expands_part(name: str) -> ODataError:
    """A table part was asked for in `$expand`."""
    text = f"Ошибка при разборе опции запроса $expand: {name}: в опции $expand допустимы только ссылочные реквизиты"
    return ODataError(501, "-1", text)
