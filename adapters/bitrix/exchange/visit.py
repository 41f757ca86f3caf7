"""One login at ``1c_exchange.php`` and what is asked within it. Followed: УТ 11.5 as the client, Bitrix 14.5 to 22.8.

The site answers in windows-1251 whatever its charset; checkauth is read by prefix, because lines 4 and 5 come and go
with the version. Both cookies are kept: the one in the body and those in the head.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import structlog

from adapters.bitrix.exchange import errors
from adapters.bitrix.exchange.settings import BitrixSettings
from bridge.core.deadline import Deadline
from bridge.core.errors import Unknown
from bridge.core.http import Request, Response, Sender

log = structlog.get_logger()

SALE_VERSION = (
    "2.09"  # with a version the site stores a file of orders and imports it when asked, not at its first part
)
ANSWER_BYTES_MAX = 50_000_000
REPEATS_MAX = 3
RESUME_S = 1.0
STEP_S_MIN = 0.1  # with less time left no step is asked for
_COOKIE = re.compile(r"(?:^|, ?)([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([^;,]*)")
_CHARSET = re.compile(r"charset=[\"']?([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer in words: the status word, and what follows it."""

    word: str
    lines: list[str]

    @property
    def words(self) -> str:
        """What people should read."""
        return "\n".join(self.lines).strip()

    def value(self, name: str) -> str:
        """The value of the first line ``name=…``, empty if there is none."""
        return next((line.partition("=")[2].strip() for line in self.lines if line.startswith(f"{name}=")), "")


class Visit:
    """Everything from one checkauth on. One thread at a time; a deadline for all of it."""

    def __init__(self, settings: BitrixSettings, sender: Sender, kind: str, deadline: Deadline) -> None:
        self._settings, self._sender, self._kind, self._deadline = settings, sender, kind, deadline
        self._url = settings.orders_url if kind == "sale" else settings.goods_url
        self._auth = (settings.login.encode(), settings.password.get_secret_value().encode())
        self._cookies: dict[str, str] = {}
        self._token = ""
        self._part_bytes = settings.part_bytes

    @classmethod
    def again(cls, settings: BitrixSettings, sender: Sender, known: Mapping[str, Any], deadline: Deadline) -> Visit:
        """A visit begun by somebody else, from what its ``memory`` was."""
        visit = cls(settings, sender, known["kind"], deadline)
        visit._cookies, visit._token = dict(known["cookies"]), known["token"]
        return visit

    @property
    def memory(self) -> dict[str, Any]:
        """What another process must know to go on with this visit: whoever has it is in the site as we are."""
        return {"kind": self._kind, "cookies": self._cookies, "token": self._token}

    def for_another(self, deadline: Deadline) -> Visit:
        """The same visit, continued under another deadline."""
        self._deadline = deadline
        return self

    def enter(self) -> None:
        """Log in."""
        said = self.ask("checkauth")
        if len(said.lines) >= 2 and said.lines[0] and "=" not in said.lines[0]:
            self._cookies[said.lines[0].strip()] = said.lines[1].strip()
        if self._settings.sends_sessid:
            self._token = said.value("sessid")

    def init(self, **arguments: str) -> None:
        """Begin an upload. It empties the folder of the site, so that nothing of an earlier attempt is left."""
        lines = _text(self.call("init", arguments)).split("\n")
        said = Said(lines[0].strip().casefold(), lines)
        if not said.value("zip") and not said.value("file_limit"):
            raise errors.of_refusal("init", "\n".join(lines[1:]) or lines[0])
        limit = said.value("file_limit")
        if limit.isdecimal() and int(limit) > 0:
            self._part_bytes = min(int(limit), self._settings.part_bytes)

    def send(self, name: str, content: bytes) -> None:
        """Send a file in parts of the size the site takes; it appends them by their name."""
        for at in range(0, len(content), self._part_bytes):
            self.ask("file", content[at : at + self._part_bytes], filename=name)

    def bring_in(self, name: str) -> str | None:
        """Have a file imported, step by step, until the site says that it is; return what it remarks.

        An answer that got lost is asked for again in the same visit, where the site goes on with the same file.
        ``None`` if the deadline comes first: the site goes on where it was if it is asked again in the same visit.
        """
        lost = 0
        while True:
            try:
                said = self.ask("import", filename=name)
            except Unknown as error:
                lost += 1
                if error.code in ("storefront_refused", "storefront_answer_unreadable") or lost > REPEATS_MAX:
                    raise
                pause_s = RESUME_S
            else:
                if said.word == "success":
                    return said.words
                lost, pause_s = 0, self._settings.pause_s
            if self._deadline.left_s <= pause_s + STEP_S_MIN:
                return None
            time.sleep(pause_s)

    def ask(self, mode: str, body: bytes | None = None, **arguments: str) -> Said:
        """Ask for a status word. Whatever is neither success nor progress is raised as what it proves."""
        text = _text(self.call(mode, arguments, body))
        first, *lines = text.split("\n")
        word = first.lstrip("\ufeff").strip().casefold()
        if word == "success" or (word == "progress" and mode == "import"):
            return Said(word, lines)
        if word in ("failure", "error"):
            raise errors.of_refusal(mode, "\n".join(lines))
        raise errors.unreadable(mode, text)

    def call(self, mode: str, arguments: Mapping[str, str], body: bytes | None = None) -> Response:
        """Send one request and return the answer, whose status is 200."""
        token = {"sessid": self._token} if self._token and mode != "checkauth" else {}
        query = urlencode({"type": self._kind, "mode": mode, **arguments, **token})
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        request = Request(
            upstream=errors.UPSTREAM,
            operation=f"exchange.{self._kind}.{mode}",
            method="POST" if body is not None else "GET",
            url=f"{self._url}?{query}",
            headers={"Accept-Encoding": "identity"} | ({"Cookie": cookie} if cookie else {}),
            body=body,
            auth=self._auth,
            timeout_s=self._settings.answer_s,
            answer_bytes_max=ANSWER_BYTES_MAX,
            ca_file=self._settings.ca_file,
        )
        response = self._sender.send(request, self._deadline)
        if error := errors.of_status(response):
            raise error
        self._cookies |= dict(_COOKIE.findall(response.headers.get("set-cookie", "")))
        return response


def _text(response: Response) -> str:
    """The body by its charset, else as UTF-8, which windows-1251 hardly ever is by chance, else as windows-1251."""
    named = _CHARSET.search(response.headers.get("content-type", ""))
    for charset in ([named[1]] if named else []) + ["utf-8"]:
        try:
            return response.body.decode(charset)
        except (UnicodeDecodeError, LookupError):
            log.debug("storefront_charset_wrong", charset=charset)
    return response.body.decode("windows-1251", "replace")
