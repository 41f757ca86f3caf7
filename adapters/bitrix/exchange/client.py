"""The site as a ``Storefront``: each call is one visit from checkauth on. Nothing of it outlives the call but an import
that the site has not finished.

A sessid is sent only if the settings say so: once one came, the site demands it of every other 1C. Nothing is ever said
to be whole and ``mode=deactivate`` is never called: both hide or delete what we do not know.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog

from adapters.bitrix.exchange import errors, goods, news, orders
from adapters.bitrix.exchange.orders import Found
from adapters.bitrix.exchange.settings import BitrixSettings
from adapters.bitrix.exchange.visit import SALE_VERSION, Visit
from bridge.core.deadline import Deadline
from bridge.core.errors import Misconfigured, Throttled, Unknown
from bridge.core.http import Sender
from bridge.ports.storefront import GoodsPortion, OrderBatch, OrderNews, ShopOrder, UnreadableOrder

log = structlog.get_logger()
NOT_OVER_S = 30.0
DONE = "успешно"  # what the site adds to success when it has nothing to remark


class BitrixStorefront:
    """Implements ``bridge.ports.storefront.Storefront``. Safe to share between threads and to carry over a fork."""

    def __init__(self, settings: BitrixSettings, sender: Sender | None = None) -> None:
        self._settings = settings
        self._sender = sender or Sender()
        self._zone = ZoneInfo(settings.timezone)

    @property
    def name(self) -> str:
        """Our name of the site."""
        return self._settings.name

    def push(self, portion: GoodsPortion, deadline: Deadline) -> str:
        """Send the files of ``portion`` and have each imported, to its end or to the deadline.

        A failure anywhere is made good by pushing the portion again: ``init`` throws away what was sent before. The
        names of the files are new each time, so that nothing is ever imported for ours that another 1C has sent.
        """
        files = goods.files(portion, self._settings.catalog_ref, self._settings.catalog_name, self._now(), uuid4())
        visit = self._enter("catalog", deadline)
        visit.init()
        for name, content in files.items():
            visit.send(name, content)
        log.info(
            "storefront_goods_sent", storefront=self.name, products=len(portion.products), offers=len(portion.offers)
        )
        return self._bring_in(visit, list(files))

    def resume(self, word: str, deadline: Deadline) -> str:
        """Go on with the import in the session in which it was begun: only there does the site know how far it is."""
        known = json.loads(word)
        visit = Visit.again(self._settings, self._sender, known["visit"], deadline)
        try:
            return self._bring_in(visit, known["files"])
        except Misconfigured as error:
            message = "The site has forgotten the import that was under way, and it begins anew: %(why)s"
            raise Unknown("storefront_import_lost", message, upstream=errors.UPSTREAM, why=str(error)) from error

    def _bring_in(self, visit: Visit, names: Sequence[str]) -> str:
        for at, name in enumerate(names):
            if visit.bring_in(name) is None:
                return json.dumps({"visit": visit.memory, "files": names[at:]})
        log.info("storefront_goods_pushed", storefront=self.name, files=len(names))
        return ""

    def check(self, deadline: Deadline) -> str:
        """Log in as for goods. Not as for orders: that would spoil the ``success`` of whoever fetches them just now."""
        self._enter("catalog", deadline)
        return f"{self._settings.goods_url} lets us in"

    def fetch_orders(self, deadline: Deadline) -> OrderBatch:
        """Ask for orders. Without a version the site gives all there are, and no documents of payments among them."""
        visit = self._enter("sale", deadline)
        found = orders.read(visit.call("query", {}).body, self._zone, self._settings.currency)
        return _Batch(visit, found)

    def tell(self, news_: OrderNews, deadline: Deadline) -> str:
        """Send one order in one part: the site may import a file of orders at its first."""
        visit = self._enter("sale", deadline)
        visit.init(version=SALE_VERSION)
        name = f"orders-{news_.our_ref}.xml"
        visit.send(name, news.document(news_, self._now()))
        words = visit.bring_in(name)
        if words is None:
            message = "The site is still importing %(file)s; it is asked again."
            raise Throttled("storefront_import_under_way", message, retry_after_s=NOT_OVER_S, file=name)
        return "" if DONE in words.casefold() else errors.shown(words)

    def _enter(self, kind: str, deadline: Deadline) -> Visit:
        visit = Visit(self._settings, self._sender, kind, deadline)
        visit.enter()
        return visit

    def _now(self) -> datetime:
        return datetime.now(UTC).astimezone(self._zone)


class _Batch:
    """Orders of one query, and the visit in which ``success`` must be said."""

    def __init__(self, visit: Visit, found: Found) -> None:
        self._visit = visit
        self._found = found

    @property
    def orders(self) -> list[ShopOrder]:
        """Orders that could be read."""
        return self._found.orders

    @property
    def unreadable(self) -> list[UnreadableOrder]:
        """Documents that could not."""
        return self._found.unreadable

    def taken(self, deadline: Deadline) -> None:
        """Say ``success`` in the visit of the query; the site denies it if somebody has logged in there since."""
        try:
            self._visit.for_another(deadline).ask("success")
        except Unknown as error:
            if error.code != "storefront_refused":
                raise
            message = (
                "Another 1C fetches orders at the same address: one of the two loses them. The site said: %(words)s"
            )
            words = error.params.get("words", "")
            raise Misconfigured("storefront_cursor_shared", message, upstream=errors.UPSTREAM, words=words) from error
