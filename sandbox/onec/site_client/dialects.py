"""The catalogue exchange as three configurations do it; each fails where the real one fails, with its words.

УТ 11.5 (ВыгрузитьНаСайт), УНФ 3.0 (ОбменССайтом), the trace of the CommerceML 3.1 module.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.onec.site_client.orders import Books
from sandbox.onec.site_client.wire import ExchangeFailed, Said, Wire

Files = Mapping[str, bytes]
ARCHIVE = "v8_3B8F_3e.zip"


@dataclass(slots=True)
class Report:
    """What 1C would log: answers to ``import`` by file, and what went wrong."""

    imported: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    progress: int = 0

    @property
    def is_ok(self) -> bool:
        """Whether 1C would take the changes off its list."""
        return not self.failed


@dataclass(slots=True)
class _Client:
    wire: Wire
    progress_pause_s: float = 0.0
    repeats_max: int = 1000
    file_limit: int = 0
    is_zip: bool = False
    always_zips: bool = False
    inits_before_query: bool = False
    repeats_session_id: bool = False
    version: str = ""
    takes_siblings: bool = False
    imports_orders: bool = False

    def check_auth(self, kind: str) -> list[str]:
        """Log in; the cookie is lines 2 and 3, untrimmed. Line 4 goes into the addresses of who looks for it."""
        self.wire.echo = ""
        said = self.wire.ask(kind, "checkauth")
        if said.word != "success" or len(said.lines) < 3:
            raise ExchangeFailed(f"Проверьте имя пользователя и пароль: {said.explanation}")
        self.wire.cookie = f"{said.lines[1]}={said.lines[2]}"
        self.wire.echo = said.lines[3] if self.repeats_session_id and len(said.lines) > 3 else ""
        return said.lines

    def init(self, kind: str) -> None:
        """Ask for the parameters."""
        said = self.wire.ask(kind, "init", **({"version": self.version} if self.version else {}))
        self._check_init(said)
        given = dict(line.split("=", 1) for line in said.lines if "=" in line)
        self.is_zip = self.always_zips or given.get("zip", "").strip().lower() == "yes"
        limit = given.get("file_limit", "").strip()
        self.file_limit = int(limit) if limit.isdecimal() else -1

    def _check_init(self, said: Said) -> None:
        raise NotImplementedError

    def send(self, kind: str, name: str, body: bytes) -> None:
        """Send a file, cut where the limit falls, every part under the same name."""
        step = self.file_limit if self.file_limit > 0 else max(len(body), 1)
        for at in range(0, len(body), step):
            said = self.wire.send(kind, name, body[at : at + step])
            if said.word != "success":
                message = "Не получен статус завершения операции. Файл не отправлен"
                raise ExchangeFailed(f"{message}: {name}: {said.text}")

    def bring_in(self, kind: str, name: str, report: Report) -> None:
        """Ask for an import until it is over."""
        for _ in range(self.repeats_max):
            said = self.wire.ask(kind, "import", filename=name)
            if said.word != "progress":
                break
            report.progress += 1
            time.sleep(self.progress_pause_s)
        if said.word == "success":
            report.imported[name] = said.explanation
        elif said.word == "failure":
            report.failed[name] = said.explanation
        else:
            report.failed[name] = f"неизвестный статус: {said.text[:100]}"

    def fetch_orders(self, books: Books, *, is_confirmed: bool = True) -> list[str]:
        """Load new orders; only if all of them were read, say so."""
        self.check_auth("sale")
        if self.inits_before_query:
            self.init("sale")
        numbers = books.load(self.wire.ask("sale", "query"), takes_siblings=self.takes_siblings)
        if is_confirmed:
            self.confirm_orders()
        return numbers

    def return_orders(self, name: str, body: bytes) -> Report:
        """Send the state of orders; УНФ and the module never ask for the import."""
        report = Report()
        self.check_auth("sale")
        self.init("sale")
        self.send("sale", name, body)
        if self.imports_orders:
            self.bring_in("sale", name, report)
        return report

    def confirm_orders(self) -> None:
        """Say that the orders of the last answer are taken."""
        said = self.wire.ask("sale", "success")
        if not said.text or said.word == "failure":
            raise ExchangeFailed(f"success: {said.text}")


@dataclass(slots=True)
class UtClient(_Client):
    """УТ 11: counts the lines of ``init``, repeats at once, goes on with the next file after a failure. 11.5 repeats the
    session id only if it was told to, 11.4 never.
    """

    asks_for_import: bool = True
    imports_orders: bool = True

    def _check_init(self, said: Said) -> None:
        if len(said.lines) != 2:
            raise ExchangeFailed("Параметры обмена не получены")

    def export_catalogue(self, files: Files) -> Report:
        """One portion: log in, initialise, send everything, import each XML in the order of the folder."""
        report = Report()
        self.check_auth("catalog")
        self.init("catalog")
        if self.is_zip:
            self.send("catalog", ARCHIVE, packed(files))
        else:
            for name, body in files.items():
                self.send("catalog", name, body)
        if self.asks_for_import:
            for name in files:
                if name.endswith(".xml"):
                    self.bring_in("catalog", name, report)
        return report


@dataclass(slots=True)
class UnfClient(_Client):
    """УНФ 3.0: sorts by name, "import" first; stops at the first failure; takes a status other than 200 for silence."""

    inits_before_query: bool = True
    repeats_session_id: bool = True

    def _check_init(self, said: Said) -> None:
        if said.status != 200 or not said.text:
            raise ExchangeFailed("Нет ответа сервера")
        if len(said.lines) < 2:
            raise ExchangeFailed("Не удалось прочитать ответ сервера (параметры)")

    def export_catalogue(self, files: Files) -> Report:
        """Each file its own exchange."""
        report = Report()
        for name in sorted(files, key=lambda name: ("import" not in name, name)):
            self.check_auth("catalog")
            self.init("catalog")
            inner = {name: files[name]}
            self.send("catalog", *((ARCHIVE, packed(inner)) if self.is_zip else (name, files[name])))
            if name.endswith(".xml"):
                self.bring_in("catalog", name, report)
            if report.failed:
                break
        return report


@dataclass(slots=True)
class ModuleClient(_Client):
    """The 1C-Bitrix module, CommerceML 3.1: POSTs everything, logs in before each file, completes and deactivates."""

    inits_before_query: bool = True
    repeats_session_id: bool = True
    takes_siblings: bool = True

    def _check_init(self, said: Said) -> None:
        if len(said.lines) < 2:
            raise ExchangeFailed("Параметры обмена не получены")

    def export_catalogue(self, files: Files, *, is_full: bool = True) -> Report:
        """Every file a login of its own; the time of the first one says what was not mentioned since."""
        self.wire.posts_everything = True
        report = Report()
        timestamp = ""
        for name, body in files.items():
            told = dict(line.split("=", 1) for line in self.check_auth("catalog") if "=" in line)
            timestamp = timestamp or told.get("timestamp", "")
            self.init("catalog")
            self.send("catalog", name, body)
            self.bring_in("catalog", name, report)
        self.check_auth("catalog")
        self._finish("complete", report)
        if is_full:
            self.check_auth("catalog")
            self._finish("deactivate", report, timestamp=timestamp)
        return report

    def _finish(self, mode: str, report: Report, **arguments: str) -> None:
        for _ in range(self.repeats_max):
            said = self.wire.ask("catalog", mode, **arguments)
            if said.word != "progress":
                break
        (report.imported if said.word == "success" else report.failed)[mode] = said.explanation


def packed(files: Files) -> bytes:
    """The folder as one archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return buffer.getvalue()
