"""Faults to arm: what goes wrong with one of the next requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from flask import Response

from sandbox._base.server import CUT_HEADER

PAGE = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"


def _cut(answer: Response) -> Response:
    answer.headers[CUT_HEADER] = "0"
    return answer


def _half(answer: Response) -> Response:
    answer.headers[CUT_HEADER] = "220"
    return answer


def _html(_answer: Response) -> Response:
    return Response(PAGE, 200, content_type="text/html; charset=utf-8")


def _failure(_answer: Response) -> Response:
    return Response(
        "failure\nОшибка базы данных.".encode("windows-1251"), 200, content_type="text/html; charset=windows-1251"
    )


_SPOILED: dict[str, Callable[[Response], Response]] = {
    "drop": _cut,  # the connection ends without an answer
    "cut": _half,
    "html": _html,
    "502": lambda _answer: Response(PAGE, 502, content_type="text/html"),
    "401": lambda _answer: Response("", 401),
    "redirect": lambda _answer: Response("", 302, headers={"Location": "/bitrix/admin/"}),
    "failure": _failure,
    "empty": lambda _answer: Response("", 200),
    "notice": lambda answer: Response(
        b"PHP Notice: Undefined index in /bitrix/x.inc\n" + answer.get_data(), 200, content_type=answer.content_type
    ),
}


@dataclass(slots=True)
class Fault:
    """``kind`` and ``mode`` name the requests (empty: any); ``is_done_first`` lets the site act before it fails."""

    do: str
    kind: str = ""
    mode: str = ""
    times: int = 1
    skip: int = 0
    is_done_first: bool = False

    def spoil(self, answer: Response) -> Response:
        """The answer as it arrives."""
        return _SPOILED[self.do](answer)


class Faults:
    """What is armed."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Arm a fault. Raises ``ValueError`` for one nobody knows."""
        if fault.do not in _SPOILED:
            raise ValueError(f"no such fault: {fault.do}; there are {', '.join(sorted(_SPOILED))}")
        self._armed.append(fault)

    def take(self, kind: str, mode: str) -> Fault | None:
        """The fault for a request, if one is armed for it."""
        for fault in self._armed:
            if fault.times > 0 and fault.kind in ("", kind) and fault.mode in ("", mode):
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()

    def show(self) -> list[dict[str, object]]:
        """What is armed still."""
        return [asdict(fault) for fault in self._armed if fault.times > 0]
