"""What an armed fault does to a call: before a session is opened, inside it, and to the finished answer.

The texts are those of the platform, as live infobases send them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response

from sandbox._base.server import CUT_HEADER
from sandbox.onec.faults import ArmedFaults, Fault, FaultKind
from sandbox.onec.sessions import NO_LICENCE, Sessions
from sandbox.onec.soap import SOAP_11, SoapFault, content_type, in_module, write_fault

_TEXTS = {
    ("lock", "ru"): "Конфликт блокировок при выполнении транзакции: "
    "Превышено максимальное время ожидания предоставления блокировки",
    ("lock", "en"): "Lock conflict during transaction execution: "
    "The maximum waiting time for granting a lock has been exceeded",
    ("licence", "ru"): NO_LICENCE,
    ("licence", "en"): "License not found. Software protection key or acquired software license not found!",
    ("killed", "ru"): "Сеанс отсутствует или удален",
    ("killed", "en"): "The session is missing or has been deleted",
    ("error", "ru"): "Ошибка при вызове метода контекста (Записать)",
    ("error", "en"): "Error calling context method (Write)",
}
_APPLICATION_ERROR = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN">\n<html><head><title>1C:Enterprise 8 application error</title></head>'
    "<body><h2>1C:Enterprise 8 application error:</h2>Unrecoverable error<br><b>by reason: </b><br>"
    "Server cluster is not available</body></html>"
)
_PROXY_PAGE = "<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"
_DENIED = "Начало сеанса с информационной базой запрещено.\nВедутся технические работы"


class Interrupted(Exception):
    """The call ends here with ``response`` in place of its own answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a fault happens: what is armed, the sessions, and the session cookie of the call."""

    faults: ArmedFaults
    sessions: Sessions
    cookie: str


def html(body: str, status: int) -> Response:
    """A web page where a SOAP answer was expected."""
    return Response(body, status, content_type="text/html; charset=utf-8")


def cut(response: Response, after: int) -> Response:
    """``response`` of which only ``after`` bytes reach the client before the connection is closed."""
    response.headers[CUT_HEADER] = str(after)
    return response


def _text(name: str, fault: Fault) -> str:
    return _TEXTS[name, "en" if fault.lang == "en" else "ru"]


def _maintenance(_fault: Fault, _scene: Scene) -> None:
    inner = {
        "descr": "Ведутся технические работы",
        "creationStack": "core83.dll:0x0000000000085928 " * 20,
        "data": "77u/e0I=",
    }
    exception = {"reason": 403, "descr": "HTTP: Forbidden", "inner": {"descr": _DENIED, "inner": inner}}
    body = {"#exception": "{http://v8.1c.ru/8.2/virtual-resource-system}Exception", "exception": exception}
    text = json.dumps(body, ensure_ascii=False)
    raise Interrupted(Response(text, 403, content_type="application/json; charset=utf-8"))


def _licence(fault: Fault, _scene: Scene) -> None:
    raise SoapFault(_text("licence", fault))


def _drop(_fault: Fault, _scene: Scene) -> None:
    raise Interrupted(cut(Response(), 0))


def _sleep(fault: Fault, scene: Scene) -> None:
    scene.faults.wait(fault.seconds)


def _lock_conflict(fault: Fault, _scene: Scene) -> None:
    raise SoapFault(in_module(_text("lock", fault)))


def _session_killed(fault: Fault, scene: Scene) -> None:
    scene.sessions.kill(scene.cookie)
    raise SoapFault(_text("killed", fault))


def _unless_executed(fault: Fault, _scene: Scene) -> None:
    if not fault.executes:
        raise Interrupted(_replace(fault))


def _replace(fault: Fault) -> Response:
    match fault.kind:
        case FaultKind.HTML_500:
            return html(_APPLICATION_ERROR, 500)
        case FaultKind.GARBAGE_200:
            return html(_PROXY_PAGE, 200)
        case _:
            return Response(
                write_fault(SOAP_11, in_module(_text("error", fault))), 200, content_type=content_type(SOAP_11)
            )


def _cut_half(_fault: Fault, response: Response, _scene: Scene) -> Response:
    return cut(response, 200 + (response.content_length or 0) // 2)


def _never_answer(fault: Fault, response: Response, scene: Scene) -> Response:
    scene.faults.wait(fault.seconds)
    return cut(response, 0)


Before = Callable[[Fault, Scene], None]
After = Callable[[Fault, Response, Scene], Response]

BEFORE_SESSION: dict[FaultKind, Before] = {
    FaultKind.MAINTENANCE: _maintenance,
    FaultKind.LICENCE: _licence,
    FaultKind.DROP_BEFORE: _drop,
}
IN_SESSION: dict[FaultKind, Before] = {
    FaultKind.LATE: _sleep,
    FaultKind.COLD_START: _sleep,
    FaultKind.LOCK_CONFLICT: _lock_conflict,
    FaultKind.SESSION_KILLED: _session_killed,
    FaultKind.HTML_500: _unless_executed,
    FaultKind.GARBAGE_200: _unless_executed,
    FaultKind.ERROR_AS_200: _unless_executed,
}
AFTER_EXECUTION: dict[FaultKind, After] = {
    FaultKind.COMMIT_THEN_DROP: lambda _fault, response, _scene: cut(response, 0),
    FaultKind.CUT_ANSWER: _cut_half,
    FaultKind.SILENCE: _never_answer,
    FaultKind.HTML_500: lambda fault, _response, _scene: _replace(fault),
    FaultKind.GARBAGE_200: lambda fault, _response, _scene: _replace(fault),
    FaultKind.ERROR_AS_200: lambda fault, _response, _scene: _replace(fault),
}
