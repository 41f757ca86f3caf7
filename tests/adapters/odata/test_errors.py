"""What OData's complaints mean, in the four forms their bodies have."""

from __future__ import annotations

import json

import pytest

from adapters.onec.answer import Answer
from adapters.onec.odata import errors
from bridge.core.errors import BridgeError, Misconfigured, Refused, Throttled, Unknown

ATOM = '<m:error xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><m:code>{}</m:code><m:message>{}</m:message></m:error>'
PAGE = "<html><head><title>1C:Enterprise 8 application error</title></head><body>{}</body></html>"
HANDLER = "Ошибка при выполнении обработчика - 'ПриЗаписи' {ОбщийМодуль.Запрет.Модуль(77)}: Период закрыт для Ивановой"
LOCK = "Конфликт блокировок при выполнении транзакции: Превышено максимальное время ожидания предоставления блокировки"
DENIED = "Начало сеанса с информационной базой запрещено.\nВедутся технические работы"


def odata(code: str, text: str) -> str:
    return json.dumps({"odata.error": {"code": code, "message": {"lang": "ru", "value": text}}}, ensure_ascii=False)


def exception(text: str) -> str:
    return json.dumps(
        {"#exception": "{…}Exception", "exception": {"descr": "HTTP: Forbidden", "inner": {"descr": text}}}
    )


def error(status: int, body: str, steps: int = 1) -> BridgeError:
    return errors.of_answer(Answer(status, {}, body.encode()), steps)


FORMS: list[tuple[int, str, int, type[BridgeError], str]] = [
    (404, odata("9", "Экземпляр сущности не найден"), 1, Refused, "erp_object_absent"),
    (404, ATOM.format("9", "Экземпляр сущности не найден"), 0, Refused, "erp_object_absent"),
    (404, odata("6", "Сегмент пути Document_X не найден"), 0, Misconfigured, "erp_not_published"),
    (400, odata("14", "Ошибка при разборе опции запроса $filter"), 0, Misconfigured, "erp_query_invalid"),
    (400, odata("1", "Неверное значение"), 1, Refused, "erp_value_refused"),
    (501, odata("-1", "в опции $expand допустимы только ссылочные реквизиты"), 0, Misconfigured, "erp_not_supported"),
    (500, odata("-1", HANDLER), 1, Refused, "erp_handler_refused"),
    (500, ATOM.format("-1", HANDLER), 1, Refused, "erp_handler_refused"),
    (500, odata("-1", f"{HANDLER} {LOCK}"), 1, Throttled, "erp_lock_conflict"),
    (500, odata("-1", LOCK), 1, Throttled, "erp_lock_conflict"),
    (500, odata("-1", "Непредвиденный символ при чтении JSON"), 1, Unknown, "erp_failed"),
    (500, odata("-1", "Внутренняя ошибка"), 1, Unknown, "erp_failed"),
    (200, odata("-1", "Ошибка при вызове метода контекста (Записать)"), 1, Unknown, "erp_answer_unreadable"),
    (500, odata("777", "Чего ещё никто не видел"), 1, Unknown, "erp_failed"),
    (400, odata("777", "Чего ещё никто не видел"), 1, Unknown, "erp_failed"),
    (403, exception(DENIED), 1, Throttled, "erp_maintenance"),
    (500, PAGE.format("No space left on device"), 1, Unknown, "erp_failed"),
    (500, PAGE.format("Не обнаружено свободной лицензии!"), 1, Throttled, "erp_licence_missing"),
    (404, PAGE.format("404"), 1, Misconfigured, "erp_not_published"),
    (401, "", 1, Misconfigured, "erp_unauthorized"),
    (406, "", 1, Throttled, "erp_sessions_exhausted"),
    (503, "", 1, Unknown, "erp_busy"),
    (503, "", 0, Throttled, "erp_busy"),
]


@pytest.mark.parametrize(("status", "body", "steps", "kind", "code"), FORMS)
def test_each_form_means_one_thing(status: int, body: str, steps: int, kind: type[BridgeError], code: str) -> None:
    found = error(status, body, steps)

    assert (type(found), found.code) == (kind, code)


def test_an_error_names_the_place_in_the_code_and_nobody() -> None:
    told = str(error(500, odata("-1", HANDLER)))

    assert "ОбщийМодуль.Запрет.Модуль(77)" in told
    assert "Ивановой" not in told
