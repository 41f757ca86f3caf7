"""Which goods a shop does not have yet, in portions, and how far they were pushed.

Imports of one source run one after the other, so what the shop lacks is what imports after the last one pushed have
written. A portion counts as pushed only once the shop has said so; a crash before that pushes it again, which changes
nothing there. Whatever an import writes while a push is under way is in the next push.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from bridge.core.money import Money
from bridge.ports.goods import Group, Offer, OfferContent, Price, PriceType, Product, Rest, Store
from bridge.ports.storefront import GoodsPortion

_BEGIN = text(
    """
    INSERT INTO storefront_goods (storefront, source, to_run_id)
    VALUES (:storefront, :source, (SELECT max(import_run_id) FROM import_run WHERE source = :source))
    ON CONFLICT (storefront, source) DO UPDATE SET to_run_id = COALESCE(storefront_goods.to_run_id, excluded.to_run_id)
    RETURNING done_run_id, to_run_id, phase, after_id, resume_with, resume_after_id
    """
)
_MOVE = text(
    """
    UPDATE storefront_goods SET phase = :phase, after_id = :after, resume_with = '', changed_at = clock_timestamp()
    WHERE storefront = :storefront AND source = :source
    """
)
_LEAVE = text(
    """
    UPDATE storefront_goods SET resume_with = :word, resume_after_id = :until, changed_at = clock_timestamp()
    WHERE storefront = :storefront AND source = :source
    """
)
_END = text(
    """
    UPDATE storefront_goods SET done_run_id = to_run_id, to_run_id = NULL, phase = 'product', after_id = 0,
        resume_with = '', changed_at = clock_timestamp()
    WHERE storefront = :storefront AND source = :source AND to_run_id = :to_run
    """
)
_GROUPS = text(
    """
    SELECT ref, parent_ref, name, is_deleted FROM product_group WHERE source = :source AND EXISTS (
        SELECT 1 FROM product_group g WHERE g.source = :source AND g.changed_run_id > :done_run)
    ORDER BY product_group_id
    """
)
_PRICE_TYPES = text("SELECT ref, name, currency FROM goods_price_type WHERE source = :source ORDER BY ref")
_STORES = text("SELECT ref, name FROM goods_store WHERE source = :source ORDER BY ref")
_PRODUCTS = text(
    """
    SELECT p.product_id AS id, p.ref, p.name, p.sku, p.code, p.barcode, p.description, p.unit, p.group_refs,
        p.requisites, p.taxes, p.is_deleted
    FROM product p
    WHERE p.source = :source AND p.product_id > :after AND p.changed_run_id > :done_run AND p.changed_run_id <= :to_run
    ORDER BY p.product_id LIMIT :rows_max
    """
)
# An offer is described with its product's name and is gone with it: a product that changed takes its offers along.
_OFFERS = text(
    """
    SELECT o.offer_id AS id, o.ref, o.product_ref, o.characteristic_ref, COALESCE(NULLIF(o.name, ''), p.name) AS name,
        COALESCE(NULLIF(o.sku, ''), p.sku) AS sku, o.barcode, COALESCE(NULLIF(o.unit, ''), p.unit) AS unit,
        o.characteristics, o.is_deleted OR COALESCE(p.is_deleted, false) AS is_deleted
    FROM offer o LEFT JOIN product p ON p.source = o.source AND p.ref = o.product_ref
    WHERE o.source = :source AND o.offer_id > :after
      AND (o.changed_run_id > :done_run AND o.changed_run_id <= :to_run
        OR p.changed_run_id > :done_run AND p.changed_run_id <= :to_run)
    ORDER BY o.offer_id LIMIT :rows_max
    """
)
_PRICES = text(
    """
    SELECT offer_id, price_type_ref, min_quantity, price_minor, currency FROM offer_price
    WHERE offer_id = ANY(:ids) ORDER BY offer_id, price_type_ref, min_quantity
    """
)
_RESTS = text(
    "SELECT offer_id, store_ref, quantity FROM offer_rest WHERE offer_id = ANY(:ids) ORDER BY offer_id, store_ref"
)


@dataclass(frozen=True, slots=True)
class Place:
    """How far the push of a source's goods to a shop is. ``resume_with`` is the word of a portion that the shop has not
    finished, ``until`` the row it ends with.
    """

    storefront: str
    source: str
    done_run: int
    to_run: int
    phase: str
    after: int
    resume_with: str = ""
    until: int = 0

    @property
    def values(self) -> dict[str, Any]:
        """The same for statements."""
        return {
            "storefront": self.storefront,
            "source": self.source,
            "done_run": self.done_run,
            "to_run": self.to_run,
            "after": self.after,
        }


def begin(tx: Connection, storefront: str, source: str) -> Place | None:
    """Go on with the push that is under way, or begin one; ``None`` if the shop has everything."""
    row = tx.execute(_BEGIN, {"storefront": storefront, "source": source}).one()
    if row.to_run_id is None or row.to_run_id <= row.done_run_id:
        tx.execute(_END, {"storefront": storefront, "source": source, "to_run": row.to_run_id})
        return None
    known = row.done_run_id, row.to_run_id, row.phase, row.after_id, row.resume_with, row.resume_after_id
    return Place(storefront, source, *known)


def portion(tx: Connection, place: Place, items_max: int) -> tuple[GoodsPortion, int]:
    """The next goods of the phase, and the row they end with: 0 if the phase is over with them."""
    values = {**place.values, "rows_max": items_max}
    if place.phase == "product":
        rows = tx.execute(_PRODUCTS, values).all()
        groups = tx.execute(_GROUPS, values).all() if place.after == 0 else ()
        found = GoodsPortion(groups=[Group(*row) for row in groups], products=[_product(row) for row in rows])
    else:
        rows = tx.execute(_OFFERS, values).all()
        found = _offers(tx, place, rows)
    return found, rows[-1].id if len(rows) == items_max else 0


def leave(tx: Connection, place: Place, word: str, until: int) -> None:
    """Note that the shop is still at work on the portion that ends with the row ``until``; no word: that it is not."""
    tx.execute(_LEAVE, {**place.values, "word": word, "until": until})


def pushed(tx: Connection, place: Place, after: int) -> Place | None:
    """The shop has the portion that ends with the row ``after``; return what is next, ``None`` if it has all."""
    if after == 0 and place.phase == "offer":
        tx.execute(_END, place.values)
        return None
    phase = "offer" if after == 0 else place.phase
    tx.execute(_MOVE, {**place.values, "phase": phase, "after": after})
    return Place(place.storefront, place.source, place.done_run, place.to_run, phase, after)


def _product(row: Any) -> Product:
    return Product(
        ref=row.ref,
        name=row.name,
        sku=row.sku,
        code=row.code,
        barcode=row.barcode,
        description=row.description,
        unit=row.unit,
        group_refs=row.group_refs,
        requisites=row.requisites,
        taxes=row.taxes,
        is_deleted=row.is_deleted,
    )


def _offers(tx: Connection, place: Place, rows: Sequence[Any]) -> GoodsPortion:
    ids = [row.id for row in rows]
    prices = _by_offer(tx.execute(_PRICES, {"ids": ids}).all())
    rests = _by_offer(tx.execute(_RESTS, {"ids": ids}).all())
    if not rows:
        return GoodsPortion()
    return GoodsPortion(
        price_types=[PriceType(*row) for row in tx.execute(_PRICE_TYPES, place.values)],
        stores=[Store(*row) for row in tx.execute(_STORES, place.values)],
        offers=[_offer(row, prices[row.id], rests[row.id]) for row in rows],
    )


def _by_offer(rows: Sequence[Any]) -> Mapping[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.offer_id].append(row)
    return found


def _offer(row: Any, prices: Sequence[Any], rests: Sequence[Any]) -> Offer:
    content = OfferContent(
        name=row.name,
        sku=row.sku,
        barcode=row.barcode,
        unit=row.unit,
        characteristics=row.characteristics,
        is_deleted=row.is_deleted,
    )
    return Offer(
        row.ref,
        row.product_ref,
        row.characteristic_ref,
        content=content,
        prices=[Price(one.price_type_ref, Money(one.price_minor, one.currency), one.min_quantity) for one in prices]
        or None,
        rests=[Rest(one.store_ref, one.quantity) for one in rests] or None,
    )
