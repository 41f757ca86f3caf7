"""Goods of a stock configuration: its catalogue, characteristics, price lists and stores, and two virtual tables.

The first reading takes everything, page by page in the order of references; later ones what the exchange plan says has
changed, or everything again if there is none. Prices are the last records of a register, stock is a balance, which has
no row for what is sold out: so stock is read whole, always.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import structlog

from adapters.onec.errors import UPSTREAM
from adapters.onec.odata import mapping
from adapters.onec.odata.changes import ChangeFeed, Message
from adapters.onec.odata.client import PAGE_ROWS, OdataClient, Query
from adapters.onec.odata.mapping import GoodsForm, PricesForm, RestsForm
from adapters.onec.odata.order_states import OrderStates
from adapters.onec.odata.values import Row
from adapters.onec.settings import OneCSettings
from bridge.core.deadline import Deadline
from bridge.core.errors import Misconfigured, Unknown
from bridge.core.money import Money
from bridge.ports.goods import Group, Item, Offer, OfferContent, Price, PriceType, Product, Rest, Store
from bridge.ports.goods_source import ErpOrderNews, GoodsStep

log = structlog.get_logger()
NOTHING = "00000000-0000-0000-0000-000000000000"
OBJECT = ("Ref_Key", "DeletionMark")
CHANGES = "changes"
Place = tuple[str, str]
Found = Item | ErpOrderNews


class OdataGoods:
    """Implements ``bridge.ports.goods_source.GoodsSource``. Safe to share between threads and to carry over a fork."""

    def __init__(
        self, settings: OneCSettings, client: OdataClient | None = None, *, page_rows: int = PAGE_ROWS
    ) -> None:
        found = mapping.load(settings.mapping)
        if found.goods is None and settings.goods == "odata":
            message = "The mapping %(name)s has no [goods]."
            raise Misconfigured("erp_mapping_wrong", message, upstream=UPSTREAM, name=settings.mapping)
        self._form = found.goods or GoodsForm(set="-", fields={})
        self._orders = OrderStates(found.order, settings)
        self._client = client or OdataClient(settings)
        self._settings = settings
        self._page_rows = page_rows
        self._feed = None
        if settings.goods_plan and settings.goods_node:
            self._feed = ChangeFeed(self._client, settings.goods_plan, settings.goods_node)
        self._parts = self._made_parts()

    @property
    def source(self) -> str:
        """The infobase whose ids the items carry."""
        return self._settings.goods_source

    def read(self, cursor: str, deadline: Deadline) -> GoodsStep:
        """The step behind ``cursor``: a page of a set, all of the stock, or what changed."""
        at: dict[str, Any] = json.loads(cursor) if cursor else {"part": next(iter(self._parts)), "skip": 0}
        if at["part"] == CHANGES and self._feed is not None:
            return self._changed(self._feed, at.get("confirm"), deadline)
        name = at["part"] if at["part"] in self._parts else next(iter(self._parts))
        if name in _WHOLE:
            whole = self._parts[name](self._whole(name, deadline))
            return self._behind(name, list(whole), None)
        rows = self._client.page(self._set(name), self._query(name), deadline, top=self._page_rows, skip=at["skip"])
        is_last = len(rows) < self._page_rows
        return self._behind(name, list(self._parts[name](rows)), None if is_last else at["skip"] + self._page_rows)

    def _behind(self, name: str, found: list[Found], skip: int | None) -> GoodsStep:
        """The step, and where the next one is: the next page, the next part, what changes from now on, or the start."""
        is_stock = name == "rests"
        if skip is not None:
            return _step(f"{name} {skip}", found, _cursor(name, skip), has_more=True)
        names = list(self._parts)
        following = names[names.index(name) + 1 :]
        if following:
            return _step(name, found, _cursor(following[0], 0), has_more=True, is_stock=is_stock)
        end = json.dumps({"part": CHANGES}) if self._feed else ""
        return _step(name, found, end, has_more=False, is_stock=is_stock)

    def _changed(self, feed: ChangeFeed, confirm: int | None, deadline: Deadline) -> GoodsStep:
        """Confirm what is stored by now, and read the next message."""
        if confirm is not None:
            feed.confirm(Message(confirm, ()), deadline)
        message = feed.read(deadline)
        rows: dict[str, list[Row]] = defaultdict(list)
        for one in message.changes:
            rows[one.set].append(dict(one.fields))
        found: list[Found] = []
        is_stock = False
        for name, part in self._parts.items():
            changed = rows.get(self._set(name).partition("/")[0])
            if changed:
                found += part(self._whole(name, deadline) if name in _WHOLE else changed)
                is_stock |= name == "rests"
        is_more = bool(message.changes)
        cursor = {"part": CHANGES, "confirm": message.number} if is_more else {"part": CHANGES}
        return _step(CHANGES, found, json.dumps(cursor), has_more=is_more, is_stock=is_stock)

    def _made_parts(self) -> Mapping[str, Callable[[Iterable[Row]], Iterable[Found]]]:
        form = self._form
        orders: dict[str, Callable[[Iterable[Row]], Iterable[Found]]] = {"orders": self._orders.read}
        if self._settings.orders == "none":
            orders = {}
        if self._settings.goods == "none":
            return orders
        found: dict[str, Callable[[Iterable[Row]], Iterable[Found]]] = {"goods": self._goods}
        if form.variants:
            found["variants"] = self._variants
        if form.prices:
            found |= {"kinds": self._kinds, "prices": self._prices}
        if form.rests:
            found |= {"stores": _stores, "rests": self._rests}
        return found | orders

    def _set(self, name: str) -> str:
        form = self._form
        prices, rests = form.prices, form.rests
        return {
            "goods": form.set,
            "variants": form.variants.set if form.variants else "",
            "kinds": prices.kinds if prices else "",
            "prices": f"{prices.table}/SliceLast()" if prices else "",
            "stores": rests.stores if rests else "",
            "rests": f"{rests.table}/Balance()" if rests else "",
            "orders": self._orders.set,
        }[name]

    def _query(self, name: str) -> Query:
        form = self._form
        if name == "goods":
            return Query(select=(*OBJECT, "IsFolder", "Parent_Key", *sorted(set(form.fields.values()))))
        if name == "orders":
            return self._orders.query()
        part = {"prices": form.prices, "rests": form.rests}.get(name)
        if part is not None:
            own = [part.kind] if isinstance(part, PricesForm) else [part.store] if isinstance(part, RestsForm) else []
            return Query(order_by=",".join([part.product, *([part.variant] if part.variant else []), *own]))
        return Query()

    def _whole(self, name: str, deadline: Deadline) -> Iterator[Row]:
        return self._client.rows(self._set(name), self._query(name), deadline, page_rows=self._page_rows)

    def _goods(self, rows: Iterable[Row]) -> Iterator[Item]:
        for row in rows:
            ref, parent, is_deleted = _ref(row), _key(row, "Parent_Key"), _flag(row, "DeletionMark")
            said = {name: str(row.get(field) or "") for name, field in self._form.fields.items()}
            if _flag(row, "IsFolder"):
                yield Group(ref, parent, said.get("name"), is_deleted)
            else:
                yield Product(ref, **said, group_refs=[parent] if parent else [], is_deleted=is_deleted)  # type: ignore[arg-type]

    def _variants(self, rows: Iterable[Row]) -> Iterator[Item]:
        """A characteristic may belong to a kind of goods instead of one thing; then its prices alone make offers."""
        form = self._form.variants
        for row in rows if form else ():
            owner_type = str(row.get(f"{form.owner}_Type") or "") if form else ""
            owner = _key(row, form.owner) if form else ""
            if owner and owner_type.rpartition(".")[2] in ("", self._form.set):
                said = {"Характеристика": str(row.get("Description") or "")}
                content = OfferContent(characteristics=said, is_deleted=_flag(row, "DeletionMark"))
                yield Offer(f"{owner}#{_ref(row)}", owner, _ref(row), content=content)

    def _kinds(self, rows: Iterable[Row]) -> Iterator[Item]:
        for row in rows:
            yield PriceType(_ref(row), str(row.get("Description") or ""), self._settings.currency)

    def _prices(self, rows: Iterable[Row]) -> Iterator[Item]:
        form = self._form.prices
        found: dict[Place, list[Price]] = defaultdict(list)
        for row in rows if form else ():
            if form and (price := self._money(row.get(form.price))) is not None:
                found[_place(row, form.product, form.variant)].append(Price(_key(row, form.kind), price))
        return (_offer(place, prices=prices) for place, prices in found.items() if place[0])

    def _rests(self, rows: Iterable[Row]) -> Iterator[Item]:
        form = self._form.rests
        found: dict[Place, list[Rest]] = defaultdict(list)
        for row in rows if form else ():
            if form:
                rest = Rest(_key(row, form.store), Decimal(str(row.get(form.quantity) or 0)))
                found[_place(row, form.product, form.variant)].append(rest)
        return (_offer(place, rests=rests) for place, rests in found.items() if place[0])

    def _money(self, said: Any) -> Money | None:
        try:
            return Money.parse(Decimal(str(said)), self._settings.currency)
        except (ValueError, ArithmeticError):
            log.warning("erp_price_skipped", price=str(said))
            return None


# Read whole in one step: prices too, because those of one thing must not be cut by a page.
_WHOLE = ("prices", "rests")


def _step(name: str, found: Sequence[Found], cursor: str, *, has_more: bool, is_stock: bool = False) -> GoodsStep:
    items = [one for one in found if not isinstance(one, ErpOrderNews)]
    orders = [one for one in found if isinstance(one, ErpOrderNews)]
    return GoodsStep(name, items, cursor, has_more, is_whole_stock=is_stock, orders=orders)


def _stores(rows: Iterable[Row]) -> Iterator[Item]:
    for row in rows:
        yield Store(_ref(row), str(row.get("Description") or ""))


def _offer(place: Place, prices: Sequence[Price] | None = None, rests: Sequence[Rest] | None = None) -> Offer:
    product, variant = place
    return Offer(f"{product}#{variant}" if variant else product, product, variant, prices=prices, rests=rests)


def _place(row: Row, product: str, variant: str | None) -> Place:
    return _key(row, product), _key(row, variant) if variant else ""


def _cursor(part: str, skip: int) -> str:
    return json.dumps({"part": part, "skip": skip})


def _ref(row: Row) -> str:
    ref = _key(row, "Ref_Key")
    if not ref:
        raise Unknown("erp_answer_unreadable", "1C answered an object without a reference.", upstream=UPSTREAM)
    return ref


def _key(row: Row, field: str) -> str:
    """A reference, whose letters come in either case; empty if it leads nowhere."""
    key = str(row.get(field) or "").lower()
    return "" if key == NOTHING else key


def _flag(row: Row, field: str) -> bool:
    """A boolean: the message of changes has it as text."""
    return str(row.get(field)).lower() == "true"
