"""How 1C talks to a site: HTTPConnection with a user and a password, a cookie it was told in a body, no redirects.

Read out of УТ 11.5 (ПолучитьДанныеССервера, ОтправитьФайлНаСервер) and УНФ 3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import requests


class ExchangeFailed(Exception):
    """What 1C would write into its log of the exchange."""


@dataclass(slots=True)
class Said:
    """An answer as 1C sees it: a string cut at line feeds."""

    text: str
    status: int
    headers: Mapping[str, str]

    @property
    def lines(self) -> list[str]:
        """The lines as СтрПолучитьСтроку counts them: a line feed at the end begins one more."""
        return self.text.split("\n")

    @property
    def word(self) -> str:
        """The first line, trimmed and in lower case."""
        return self.lines[0].strip().lower()

    @property
    def explanation(self) -> str:
        """What follows it."""
        return "\n".join(self.lines[1:])


@dataclass(slots=True)
class Wire:
    """One connection of a node to a site at ``url``. ``sends_basic`` false is a client that logs in once. ``echo`` is
    what every address repeats behind its type.
    """

    url: str
    login: str
    password: str
    timeout_s: float = 180.0
    sends_basic: bool = True
    posts_everything: bool = False
    cookie: str = ""
    echo: str = ""
    trace: list[tuple[str, str]] = field(default_factory=list)
    _session: requests.Session = field(default_factory=requests.Session)

    def ask(self, kind: str, mode: str, **arguments: str) -> Said:
        """A request without a file."""
        return self._send("POST" if self.posts_everything else "GET", kind, mode, arguments, b"")

    def send(self, kind: str, name: str, body: bytes, **arguments: str) -> Said:
        """``mode=file``: the bytes as they are, without a content type."""
        return self._send("POST", kind, "file", {"filename": name, **arguments}, body)

    def _send(self, method: str, kind: str, mode: str, arguments: Mapping[str, str], body: bytes) -> Said:
        headers = {"Accept-Encoding": "identity"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        is_login = mode == "checkauth"
        self._session.cookies.clear()  # 1C does not look at Set-Cookie
        answer = self._session.request(
            method,
            self.url,
            params={"type": kind, **dict(parse_qsl(self.echo)), "mode": mode, **arguments},
            data=body or None,
            headers=headers,
            auth=(self.login, self.password) if self.sends_basic or is_login else None,
            timeout=self.timeout_s,
            allow_redirects=False,
        )
        # Without a charset in the code 1C goes by the content type; a site that declares none is read as UTF-8.
        said = Said(answer.content.decode(answer.encoding or "utf-8"), answer.status_code, answer.headers)
        self.trace.append((f"{kind}/{mode}", said.text))
        return said

    def close(self) -> None:
        """Hang up."""
        self._session.close()
