"""What each complaint of 1C means for a call that reads, for one command and for a batch."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from adapters.onec.soap import OneCErp
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, Misconfigured, Throttled, Unknown
from bridge.ports.erp import Release
from tests.adapters.onec.publication import Publication, answer, envelope, fault, http, seat_result

POSITION = "{WebСервис.TicketBridge.Модуль(25)}: "
VRS = "{http://v8.1c.ru/8.2/virtual-resource-system}Exception"


def denied(text: str) -> bytes:
    """The JSON of the web server extension, with the dumps it carries along."""
    inner = {
        "descr": text,
        "inner": {"descr": "Приходите завтра", "creationStack": "core83.dll:0x0 " * 99, "data": "77u/" * 99},
    }
    body = {"#exception": VRS, "exception": {"reason": 403, "descr": "HTTP: Forbidden\nОшибка", "inner": inner}}
    return http(403, json.dumps(body), "application/json; charset=utf-8")


def atom(text: str) -> bytes:
    body = f'<m:error xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><m:code>-1</m:code><m:message>{text}</m:message></m:error>'
    return http(500, body, "application/xml")


def page(text: str, status: int = 500) -> bytes:
    return http(
        status,
        f"<html><head><title>1C:Enterprise 8 application error</title></head><body><h2>1C:Enterprise 8 application error:</h2>{text}</body></html>",
    )


def soap12(text: str) -> bytes:
    reason = f"<soap:Reason><soap:Text>{text}</soap:Text></soap:Reason>"
    body = f'<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Body><soap:Fault><soap:Code/>{reason}</soap:Fault></soap:Body></soap:Envelope>'
    return http(500, body, "application/soap+xml; charset=utf-8")


LOCK = "Конфликт блокировок при выполнении транзакции: Превышено максимальное время ожидания предоставления блокировки"
DEADLOCK = "Конфликт блокировок при выполнении транзакции: Обнаружена взаимоблокировка"

# Nothing ran: the same error for every call.
NOT_STARTED = [
    ("licence, SOAP", fault("Не обнаружено свободной лицензии!"), Throttled, "erp_licence_missing", 10),
    (
        "licence, page",
        page("Не найдена лицензия. Не обнаружен ключ защиты программы"),
        Throttled,
        "erp_licence_missing",
        10,
    ),
    (
        "licence, Windows page",
        http(500, "Не обнаружено свободной лицензии!".encode("cp1251"), "text/html; charset=windows-1251"),
        Throttled,
        "erp_licence_missing",
        10,
    ),
    ("licence, English", page("No free license found."), Throttled, "erp_licence_missing", 10),
    ("licence, by status", http(402, "?"), Throttled, "erp_licence_missing", 10),
    (
        "licence in a 200",
        http(200, "Не обнаружено свободной лицензии!", "text/plain; charset=utf-8"),
        Throttled,
        "erp_licence_missing",
        10,
    ),
    (
        "sessions denied",
        denied("Начало сеанса с информационной базой запрещено.\nВедутся технические работы"),
        Throttled,
        "erp_maintenance",
        60,
    ),
    ("sessions blocked", fault("Установлена блокировка начала сеансов"), Throttled, "erp_maintenance", 60),
    (
        "sessions denied, English",
        denied("Session start with the infobase is denied."),
        Throttled,
        "erp_maintenance",
        60,
    ),
    (
        "exclusive",
        fault("Ошибка разделенного доступа к базе данных База данных заблокирована: компьютер: А"),
        Throttled,
        "erp_exclusive",
        30,
    ),
    ("no further session", http(406), Throttled, "erp_sessions_exhausted", 5),
    (
        "wrong password",
        http(401, "<html>Unauthorized</html>", WWW_Authenticate="Basic"),
        Misconfigured,
        "erp_unauthorized",
        None,
    ),
    ("wrong user", page("Идентификация пользователя не выполнена"), Misconfigured, "erp_unauthorized", None),
    ("forbidden", http(403, "<html>Forbidden</html>"), Misconfigured, "erp_forbidden", None),
    ("not published", http(404, "<html>Не найдено</html>"), Misconfigured, "erp_not_published", None),
    ("elsewhere", http(301, "", Location="http://xn--90adear.example/база"), Misconfigured, "erp_redirected", None),
    ("too large", http(413), Misconfigured, "erp_request_too_large", None),
]

# The failing transaction was rolled back: nothing happened to a single command, who knows what to a batch.
ROLLED_BACK = [
    ("lock", fault(POSITION + LOCK), Throttled, "erp_lock_conflict", 1),
    ("deadlock", fault(DEADLOCK), Throttled, "erp_lock_conflict", 1),
    ("lock, SOAP 1.2", soap12(LOCK), Throttled, "erp_lock_conflict", 1),
    ("lock, Atom", atom(LOCK), Throttled, "erp_lock_conflict", 1),
    ("lock, English", fault("Lock conflict in transaction: deadlock detected"), Throttled, "erp_lock_conflict", 1),
    ("lock, fault with 200", fault(LOCK, 200), Throttled, "erp_lock_conflict", 1),
    ("rights", fault(POSITION + "Нарушение прав доступа!"), Misconfigured, "erp_forbidden", None),
]

# Anything may have happened.
UNPROVEN = [
    (
        "own error",
        fault(f"Неизвестная ошибка. {POSITION}Не указан тип\nпо причине:\n{POSITION}Деление на 0"),
        Unknown,
        "erp_failed",
        None,
    ),
    (
        "own error as XML",
        fault("<error><errordescription>Заказ не найден</errordescription></error>"),
        Unknown,
        "erp_failed",
        None,
    ),
    ("own error in a 200", http(200, POSITION + "Ошибка", "text/plain; charset=utf-8"), Unknown, "erp_failed", None),
    (
        "platform error",
        page("Unrecoverable error<br><b>by reason: </b><br>The device is full &apos;/tmp/v8_x.tmp&apos;"),
        Unknown,
        "erp_failed",
        None,
    ),
    (
        "odata error",
        http(500, '{"odata.error":{"code":"-1","message":{"lang":"ru","value":"Сбой"}}}', "application/json"),
        Unknown,
        "erp_failed",
        None,
    ),
    ("bad gateway", http(502, "<html>Bad Gateway</html>"), Unknown, "erp_failed", None),
    ("killed session", fault("Сеанс работы завершен администратором"), Unknown, "erp_session_lost", None),
    ("lost session", fault("Сеанс отсутствует или удален"), Unknown, "erp_session_lost", None),
    ("empty 200", http(200), Unknown, "erp_answer_empty", None),
    ("page with 200", page("Добро пожаловать", 200), Unknown, "erp_answer_unreadable", None),
    ("broken JSON", http(500, '{"odata.error": {', "application/json"), Unknown, "erp_failed", None),
]


def named(rows: list[tuple[str, bytes, type[BridgeError], str, float | None]]) -> list[object]:
    return [pytest.param(*row[1:], id=row[0]) for row in rows]


def apply(erp: OneCErp, count: int) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        erp.apply([Release(uuid4(), "P1") for _ in range(count)], Deadline.after(5))
    return caught.value


def look(erp: OneCErp) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        erp.find_holds([uuid4()], Deadline.after(5))
    return caught.value


def seen(error: BridgeError) -> tuple[type[BridgeError], str, float | None]:
    return type(error), error.code, getattr(error, "retry_after_s", None)


@pytest.mark.parametrize(("reply", "kind", "code", "wait_s"), named(NOT_STARTED))
def test_a_call_that_never_started_changed_nothing(
    publication: Publication, erp: OneCErp, reply: bytes, kind: type[BridgeError], code: str, wait_s: float | None
) -> None:
    publication.answers(reply)

    assert seen(look(erp)) == seen(apply(erp, 1)) == seen(apply(erp, 2)) == (kind, code, wait_s)


@pytest.mark.parametrize(("reply", "kind", "code", "wait_s"), named(ROLLED_BACK))
def test_a_rolled_back_transaction_proves_something_only_if_it_was_the_only_one(
    publication: Publication, erp: OneCErp, reply: bytes, kind: type[BridgeError], code: str, wait_s: float | None
) -> None:
    publication.answers(reply)

    assert seen(look(erp)) == seen(apply(erp, 1)) == (kind, code, wait_s)
    assert seen(apply(erp, 2)) == (Unknown, code, None)


@pytest.mark.parametrize(("reply", "kind", "code", "wait_s"), named(UNPROVEN))
def test_any_other_failure_leaves_the_outcome_unknown(
    publication: Publication, erp: OneCErp, reply: bytes, kind: type[BridgeError], code: str, wait_s: float | None
) -> None:
    publication.answers(reply)

    assert seen(look(erp)) == seen(apply(erp, 1)) == seen(apply(erp, 2)) == (kind, code, wait_s)


def test_a_busy_web_server_is_waited_for_when_reading_and_looked_up_when_writing(
    publication: Publication, erp: OneCErp
) -> None:
    publication.answers(http(503, "<html>Service Unavailable</html>", Retry_After="17"))

    assert seen(look(erp)) == (Throttled, "erp_busy", 17.0)
    assert seen(apply(erp, 1)) == (Unknown, "erp_busy", None)


def test_an_error_out_of_running_code_that_echoes_the_words_of_a_refused_start_proves_nothing(
    publication: Publication, erp: OneCErp
) -> None:
    publication.answers(fault(POSITION + "Покупатель «Не обнаружено свободной лицензии!» не записан"))

    assert seen(apply(erp, 1)) == (Unknown, "erp_licence_missing", None)


def test_the_place_in_1c_s_code_is_told_and_nothing_else_of_the_text(publication: Publication, erp: OneCErp) -> None:
    publication.answers(fault(POSITION + "Покупатель Иванов, тел. +79001234567, не записан"))

    assert str(apply(erp, 1)) == (
        "erp_failed: onec: 1C failed with an error (status 500, raised at WebСервис.TicketBridge.Модуль(25))."
    )


def test_the_words_of_a_good_answer_are_no_complaint(publication: Publication, erp: OneCErp) -> None:
    message = seat_result("refused", "seats_taken").replace("<m:Message/>", f"<m:Message>{LOCK}</m:Message>")
    publication.answers(answer("ApplySeatCommands", message))

    (result,) = erp.apply([Release(uuid4(), "P1")], Deadline.after(5))

    assert (result.code, result.message) == ("seats_taken", LOCK)


def test_the_words_in_a_good_answer_cut_short_are_no_complaint(publication: Publication, erp: OneCErp) -> None:
    body = envelope("<m:ApplySeatCommandsResponse>Не обнаружено свободной лицензии!")[:-10]
    publication.answers(http(200, body, "text/xml; charset=utf-8"))

    assert seen(apply(erp, 1)) == (Unknown, "erp_answer_unreadable", None)


def test_a_body_with_a_document_type_is_not_read(publication: Publication, erp: OneCErp) -> None:
    good = answer("ApplySeatCommands", seat_result()).partition(b"\r\n\r\n")[2].decode()
    publication.answers(http(200, f'<!DOCTYPE x [<!ENTITY y "z">]>{good}', "text/xml"))

    assert seen(apply(erp, 1)) == (Unknown, "erp_answer_unreadable", None)


def test_a_byte_order_mark_before_the_envelope_is_tolerated(publication: Publication, erp: OneCErp) -> None:
    good = answer("ApplySeatCommands", seat_result()).partition(b"\r\n\r\n")[2]
    publication.answers(http(200, b"\xef\xbb\xbf" + good, "text/xml"))

    assert len(erp.apply([Release(uuid4(), "P1")], Deadline.after(5))) == 1
