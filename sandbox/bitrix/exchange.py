"""``1c_exchange.php``: a status word in the first line, windows-1251 whatever it says, HTTP 200 whatever happens.

Followed: sale/admin/1c_exchange.php, catalog.import.1c, sale.export.1c of the modules 14.5 to 22.8.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass

from flask import Request, Response

from sandbox.bitrix import catalog, orders
from sandbox.bitrix.catalog import ImportFailed
from sandbox.bitrix.config import VERSIONS, Config
from sandbox.bitrix.faults import Faults
from sandbox.bitrix.records import Shop
from sandbox.bitrix.sessions import Doorway, Session

COOKIE = "PHPSESSID"
HTML = "text/html; charset=windows-1251"
XML = "application/xml; charset=windows-1251"
SCRIPT = re.compile(r"\.(php\d?|phtml|pl|cgi|asp)$", re.IGNORECASE)
SOURCE = "failure\nОшибка проверки источника запроса. Обновите модуль обмена."


def said(text: str, content_type: str = HTML) -> Response:
    """An answer as the site writes all of them."""
    return Response(text.encode("windows-1251", "xmlcharrefreplace"), 200, content_type=content_type)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request within a session."""

    path: str
    mode: str
    filename: str
    sessid: str
    arguments: dict[str, str]
    body: bytes
    session: Session


class Exchange:
    """The page as a whole; one lock of the caller keeps its requests apart."""

    def __init__(self, shop: Shop, config: Config, faults: Faults) -> None:
        self.shop, self.config, self.faults = shop, config, faults
        self.door = Doorway()
        self.calls: list[dict[str, object]] = []

    def answer(self, given: Request) -> Response:
        """Answer one request, with the fault that is armed for it, if any."""
        kind, mode = given.args.get("type", ""), given.args.get("mode", "")
        fault = self.faults.take(kind, mode)
        if fault and not fault.is_done_first:
            return fault.spoil(said(""))
        answer = self._answer(given, kind, mode)
        note = {
            "path": given.path,
            "type": kind,
            "mode": mode,
            "arguments": sorted(given.args),
            "bytes": len(given.data),
        }
        self.calls.append({**note, "said": answer.get_data().decode("windows-1251").split("\n")[0].strip()})
        return fault.spoil(answer) if fault else answer

    def _answer(self, given: Request, kind: str, mode: str) -> Response:
        if kind not in _MODES:
            return said("failure\nUnknown command type.")
        session = self.door.sessions.get(given.cookies.get(COOKIE, ""))
        login = given.authorization
        is_known = bool(login and (login.username, login.password) == (self.config.login, self.config.password))
        if not is_known and (session is None or (login is not None and login.type == "basic")):
            return said("failure\nОшибка авторизации. Неверное имя пользователя или пароль.")
        if mode == "checkauth":
            return self._check_auth(kind, given.path)
        if session is None:
            return said("failure\nОшибка авторизации: сессия не найдена.")
        asked = Asked(given.path, mode, _plain(given.args.get("filename", "")), given.args.get("sessid", ""), given.args.to_dict(), given.data, session)  # fmt: skip
        if not self._is_source_trusted(kind, asked):
            return said(SOURCE)
        answer = _MODES[kind].get(mode)
        return answer(self, asked) if answer else said("failure\nНеизвестная команда.")

    def _is_source_trusted(self, kind: str, asked: Asked) -> bool:
        """Both latches: once somebody has sent a sessid, everybody must."""
        is_right = asked.sessid == asked.session.sessid
        if kind == "catalog":
            if is_right:
                self.shop.skips_source_check = False
            return is_right or self.shop.skips_source_check
        if asked.sessid:
            self.shop.is_sale_secure = True
        return is_right or not self.shop.is_sale_secure

    def _check_auth(self, kind: str, path: str) -> Response:
        session = self.door.enter()
        if kind == "sale":
            self.door.cursor(path).session = session.id
        stamp = f"timestamp={self.shop.clock.now()}\n" if kind == "catalog" else ""
        answer = said(f"success\n{COOKIE}\n{session.id}\nsessid={session.sessid}\n{stamp}")
        answer.set_cookie(COOKIE, session.id, path="/", httponly=True)
        return answer

    def catalog_init(self, asked: Asked) -> Response:
        """Begin: whatever anybody has uploaded is gone."""
        self.door.files.clear()
        asked.session.imports.clear()
        return said(f"zip=no\nfile_limit={self.config.file_limit}")

    def catalog_file(self, asked: Asked) -> Response:
        """Append to a file."""
        if not asked.filename or SCRIPT.search(asked.filename) or len(asked.body) > self.config.file_limit:
            return said("failure\nОшибка записи файла.")
        self.door.files[asked.filename] = self.door.files.get(asked.filename, b"") + asked.body
        return said("success\n")

    def catalog_import(self, asked: Asked) -> Response:
        """Do one step."""
        if asked.filename not in self.door.files:
            return said(f"failure\nОшибка открытия файла {asked.filename}.")
        steps = asked.session.imports
        if asked.filename not in steps:
            steps[asked.filename] = catalog.steps(self.shop, self.config, self.door.files[asked.filename])
        try:
            return said(f"progress\n{next(steps[asked.filename])}")
        except StopIteration:
            del steps[asked.filename]
            return said("success\nИмпорт успешно завершен.")
        except ImportFailed as failed:
            del steps[asked.filename]
            return said(f"failure\n{failed}")

    def catalog_complete(self, _asked: Asked) -> Response:
        """All files have come."""
        if self.config.version != "22.8":
            return said("failure\nНеизвестная команда.")
        self.shop.completed += 1
        return said("success\n")

    def catalog_deactivate(self, asked: Asked) -> Response:
        """Hide what nothing has mentioned since the moment given."""
        stamp = asked.arguments.get("timestamp", "")
        if not stamp.isdecimal():
            return said("failure\nНе указано время.")
        return said(f"success\nДеактивировано: {catalog.deactivate(self.shop, int(stamp))}")

    def sale_init(self, asked: Asked) -> Response:
        """Begin; the newer answer is given only to those who name a version."""
        asked.session.version = asked.arguments.get("version", "")
        asked.session.sale_files.clear()
        more = (
            f"sessid={asked.session.sessid}\nversion={VERSIONS[self.config.version]}\n" if asked.session.version else ""
        )
        return said(f"zip=no\nfile_limit={self.config.file_limit}\n{more}")

    def sale_query(self, asked: Asked) -> Response:
        """Hand out orders, and remember when."""
        cursor = self.door.cursor(asked.path)
        cursor.exported_at = self.shop.clock.now()
        found = orders.to_export(self.shop, cursor.committed_at)
        version = VERSIONS[self.config.version] if asked.session.version else "2.05"
        return said(orders.render(self.shop, found, version), XML)

    def sale_success(self, asked: Asked) -> Response:
        """The orders have arrived; only whoever logged in last may say so."""
        cursor = self.door.cursor(asked.path)
        if cursor.session != asked.session.id:
            return said("error\n")
        cursor.committed_at = cursor.exported_at
        return said("success\n")

    def sale_file(self, asked: Asked) -> Response:
        """Without a version every part is imported at once, as if it were all; errors stand after ``success``."""
        if not asked.filename or SCRIPT.search(asked.filename):
            return said("error\nОшибка записи файла.")
        files = asked.session.sale_files
        if asked.session.version:
            files[asked.filename] = files.get(asked.filename, b"") + asked.body
            return said("success\n")
        return said(f"success\n{self._taken(asked.body)}")

    def sale_import(self, asked: Asked) -> Response:
        """Import a stored file."""
        content = asked.session.sale_files.pop(asked.filename, None)
        if content is None:
            return said(f"failure\nОшибка открытия файла {asked.filename}.")
        wrong = self._taken(content)
        return said(f"failure\n{wrong}" if wrong.startswith("Ошибка XML") else f"success\n{wrong}")

    def sale_info(self, _asked: Asked) -> Response:
        """Statuses, payment systems, deliveries."""
        return said(orders.directories(), XML)

    def _taken(self, content: bytes) -> str:
        try:
            return "\n".join(orders.take(self.shop, self.config, content))
        except ET.ParseError as error:
            return f"Ошибка XML: {error}"


_MODES: dict[str, dict[str, Callable[[Exchange, Asked], Response]]] = {
    "catalog": {
        "init": Exchange.catalog_init,
        "file": Exchange.catalog_file,
        "import": Exchange.catalog_import,
        "complete": Exchange.catalog_complete,
        "deactivate": Exchange.catalog_deactivate,
    },
    "sale": {
        "init": Exchange.sale_init,
        "query": Exchange.sale_query,
        "success": Exchange.sale_success,
        "file": Exchange.sale_file,
        "import": Exchange.sale_import,
        "info": Exchange.sale_info,
    },
}


def _plain(filename: str) -> str:
    for prefix in ("/tmp/", "/upload/1c/webdata"):  # noqa: S108  stripped, as the real one does
        filename = filename.removeprefix(prefix)
    return "" if ".." in filename else filename.lstrip("/")
