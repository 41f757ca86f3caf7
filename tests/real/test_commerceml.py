"""Every file of CommerceML that FIXTURES holds: what is reported is what an independent count finds.

``FIXTURES`` names a folder with a folder ``commerceml``; without it these tests are skipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import text

from adapters.onec import commerceml
from bridge.catalogue.goods_import import ImportReport, import_goods
from bridge.core.db import Database
from bridge.ports.goods import Offer

FOLDER = os.environ.get("FIXTURES")
FILES = sorted(Path(FOLDER, "commerceml").glob("*.xml")) if FOLDER else []
CATALOG = "/*/*[local-name()='Каталог']/*[local-name()='Товары']/*[local-name()='Товар']"
PACKAGE = "/*/*[contains(local-name(), 'ПакетПредложений') or contains(local-name(), 'ПакетаПредложений')]"
OFFERS = f"{PACKAGE}/*[local-name()='Предложения']/*[local-name()='Предложение']"
COUNTS = {
    "products": f"count({CATALOG})",
    "offers": f"count({OFFERS})",
    "prices": f"count({OFFERS}/*[local-name()='Цены']/*[local-name()='Цена'])",
    "rests": (
        f"count({OFFERS}/*[local-name()='Количество']) + count({OFFERS}/*[@КоличествоНаСкладе])"
        f" + count({OFFERS}/*[local-name()='Остатки']//*[local-name()='Количество'])"
    ),
    "documents": "count(//*[local-name()='Документ'])",
    "orders": "count(//*[local-name()='Документ'][*[local-name()='ХозОперация'] = 'Заказ товара'])",
}

pytestmark = pytest.mark.skipif(not FILES, reason="FIXTURES names no folder with CommerceML files")


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    found = Database(fresh_database, connections_max=2)
    yield found
    found.close()


def load(db: Database, path: Path) -> ImportReport:
    with path.open("rb") as stream, db.begin() as tx:
        return import_goods(tx, commerceml.read(stream, path.name), file=path.name, source="erp")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_report_equals_an_independent_count_and_a_second_import_writes_nothing(
    db: Database, path: Path, confirmed: Callable[..., None]
) -> None:
    tree = etree.parse(path)
    counted = {name: int(tree.xpath(query)) for name, query in COUNTS.items()}

    report = load(db, path)
    assert {name: getattr(report, name) for name in counted} == counted
    assert [skipped.why for skipped in report.skipped] == [
        "orders and documents are not imported yet"
    ] * report.documents
    assert load(db, path).is_known
    with db.begin() as tx:
        tx.execute(text("UPDATE import_run SET digest = ''"))
    again = load(db, path)
    assert (again.is_known, again.written) == (False, 0)

    sums = {"in prices": charged(tree), "in stock": stocked(tree)}
    assert read_sums(path) == sums
    confirmed(path.name, f"CommerceML: {report.kind}", counted, sums)


def charged(tree: Any) -> Decimal:
    """The sum of all prices that are numbers, whatever their currency."""
    return added(
        tree.xpath(f"{OFFERS}/*[local-name()='Цены']/*[local-name()='Цена']/*[local-name()='ЦенаЗаЕдиницу']/text()")
    )


def stocked(tree: Any) -> Decimal:
    """The sum of all quantities, each place and total by itself."""
    places = tree.xpath(f"{OFFERS}/*/@КоличествоНаСкладе")
    totals = tree.xpath(f"{OFFERS}/*[local-name()='Количество']/text()")
    return added(
        [*places, *totals, *tree.xpath(f"{OFFERS}/*[local-name()='Остатки']//*[local-name()='Количество']/text()")]
    )


def added(shown: list[str]) -> Decimal:
    numbers = (re.sub(r"\s", "", one).replace(",", ".") for one in shown)
    return sum((Decimal(one) for one in numbers if one), Decimal(0))


def read_sums(path: Path) -> dict[str, Decimal]:
    with path.open("rb") as stream:
        offers = [item for item in commerceml.read(stream, path.name) if isinstance(item, Offer)]
    return {
        "in prices": sum((price.price.decimal for one in offers for price in one.prices or ()), Decimal(0)),
        "in stock": sum((rest.quantity for one in offers for rest in one.rests or ()), Decimal(0)),
    }


def test_all_files_together_are_imported_in_any_order(db: Database) -> None:
    for path in [*FILES, *reversed(FILES)]:
        load(db, path)
