"""The schedule: each export is a node of an exchange plan with a thread of its own.

One run is what 1C does in one: goods first, then new orders, then what became of orders that came before. Changes of
goods are off the list only when the site has taken all of them; a run that fails is tried again at the next.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

import requests

from sandbox.onec.exports import files, orders
from sandbox.onec.exports.forms import Form
from sandbox.onec.exports.goods import Portion, changed
from sandbox.onec.infobase import Infobase
from sandbox.onec.site_client import Books, ExchangeFailed, Wire

EVERY_S_MIN = 0.2


@dataclass(slots=True)
class Run:
    """What 1C would write into its log of one exchange."""

    at: str
    products: int = 0
    offers: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    oversold: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether everything was taken."""
        return not (self.failed or self.error)


class Export:
    """One site that the infobase exchanges with every ``every_s`` seconds, as the user ``login``."""

    def __init__(
        self, infobase: Infobase, form: Form, site: tuple[str, str, str], every_s: float, *, orders: bool
    ) -> None:
        self._infobase, self._form, self._site, self._every_s = infobase, form, site, max(every_s, EVERY_S_MIN)
        self._takes_orders = orders
        self._cursor = ""
        self._untold: list[str] = []
        self._books = Books(set())
        self._alone = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_running, daemon=True)
        self.runs: list[Run] = []

    def start(self) -> None:
        """Begin with a run at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the run that is under way."""
        self._over.set()

    def run(self) -> Run:
        """Exchange now, and return what came of it; never two at a time."""
        with self._alone:
            run = Run(self._infobase.clock.local().isoformat())
            wire = Wire(*self._site, timeout_s=60)
            try:
                self._exchange(self._form.client(wire), run)
            except (ExchangeFailed, requests.RequestException) as error:
                run.error = str(error)
            finally:
                wire.close()
            self.runs = [*self.runs[-99:], run]
            return run

    def show(self) -> dict[str, Any]:
        """Everything but the password."""
        url, login, _ = self._site
        last = self.runs[-1] if self.runs else None
        return {
            "url": url,
            "login": login,
            "dialect": self._form.name,
            "every_s": self._every_s,
            "runs": len(self.runs),
            "last": last and {**asdict(last), "ok": last.is_ok},
            "orders": {number: asdict(order) for number, order in self._books.orders.items()},
        }

    def _keep_running(self) -> None:
        while not self._over.is_set():
            self.run()
            self._over.wait(self._every_s)

    def _exchange(self, client: Any, run: Run) -> None:
        with self._infobase.open():
            portion = changed(self._infobase, self._cursor)
            self._books.goods = orders.known_goods(self._infobase)
        if not portion.is_empty:
            self._export(client, portion, run)
        if self._takes_orders:
            self._exchange_orders(client, run)

    def _export(self, client: Any, portion: Portion, run: Run) -> None:
        made = files.write(portion, self._form, self._infobase.clock.local())
        # Only the module ends an exchange by hiding what a whole one did not mention.
        more = {"is_full": portion.is_full} if self._form.is_split else {}
        report = client.export_catalogue(made, **more)
        run.products, run.offers, run.failed = len(portion.items), len(portion.places), report.failed
        if report.is_ok:
            self._cursor = portion.cursor

    def _exchange_orders(self, client: Any, run: Run) -> None:
        before, known = self._untold, set(self._books.orders)
        run.loaded = client.fetch_orders(self._books)
        fresh = [number for number in run.loaded if number not in known]
        with self._infobase.open():
            run.oversold = orders.reserve(self._infobase, self._books, fresh)
        if before:
            name, content = orders.returned(self._books, before, self._form, self._infobase.clock.local())
            report = client.return_orders(name, content)
            run.failed |= report.failed
            run.told = before if report.is_ok else []
        kept = [] if run.told else before
        self._untold = [*kept, *(number for number in run.loaded if number not in kept)]


class Exports:
    """Every site the infobase exchanges with."""

    def __init__(self, infobase: Infobase) -> None:
        self._infobase = infobase
        self.all: list[Export] = []

    def add(self, form: Form, site: tuple[str, str, str], every_s: float, *, orders: bool) -> Export:
        """Begin to exchange with one more site, whose address, login and password are given."""
        export = Export(self._infobase, form, site, every_s, orders=orders)
        self.all.append(export)
        export.start()
        return export

    def stop(self) -> None:
        """Exchange with nobody any more."""
        for export in self.all:
            export.stop()
        self.all = []
