"""A file that says what is stored already is known without being read; whatever changed since makes it read again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from adapters.onec import commerceml
from bridge.catalogue.goods_import import ImportReport, import_goods
from bridge.catalogue.goods_known import _spans, forget_mentions
from bridge.catalogue.goods_tables import import_mention, offer_price
from bridge.core.db import Database
from tests.catalogue.goods_files import offer, offers, price, product, seats, write


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    found = Database(fresh_database, connections_max=3)
    yield found
    found.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "goods.xml"


def load(db: Database, path: Path, source: str = "erp", **currencies: str) -> ImportReport:
    with path.open("rb") as stream, db.begin() as tx:
        return import_goods(tx, commerceml.read(stream, path.name, currencies), file=path.name, source=source)


def test_the_same_file_again_is_known_and_reports_what_it_said(db: Database, file: Path) -> None:
    write(file, offers(offer("a", price("1")), offer("")))
    first, again = load(db, file), load(db, file)

    assert (first.is_known, again.is_known, again.written) == (False, True, 0)
    assert (again.kind, again.offers, again.skipped) == (first.kind, first.offers, first.skipped)


def test_the_time_of_the_export_is_no_difference(db: Database, file: Path) -> None:
    body = product("p", "x")
    for moment, is_known in (("2026-11-21T03:00:00", False), ("2026-11-22T9:03:19", True)):
        file.write_text(
            f'<КоммерческаяИнформация ВерсияСхемы="2.07" ДатаФормирования="{moment}">{body}</КоммерческаяИнформация>'
        )
        assert load(db, file).is_known is is_known


def test_a_file_is_read_again_after_another_changed_what_it_spoke_of(db: Database, file: Path, tmp_path: Path) -> None:
    load(db, write(file, offers(offer("a", price("1")))))
    load(db, write(tmp_path / "other.xml", offers(offer("a", price("2")))))

    assert load(db, file).written == 2
    with db.begin() as tx:
        assert tx.execute(select(offer_price.c.price_minor)).scalars().all() == [100]
    assert load(db, file).is_known


def test_portions_do_not_make_each_other_unknown(db: Database, tmp_path: Path) -> None:
    files = [write(tmp_path / f"{ref}.xml", product(ref, "x")) for ref in "abc"]
    for path in files:
        load(db, path)
    assert [load(db, path).is_known for path in files] == [True, True, True]


def test_another_infobase_does_not_know_it(db: Database, file: Path) -> None:
    write(file, product("p", "x"))
    load(db, file, "one")
    assert load(db, file, "two").products == 1
    assert not load(db, write(file, product("p", "y")), "one").is_known


def test_another_name_for_a_currency_makes_it_another_file(db: Database, file: Path) -> None:
    strange = (
        "<Цены><Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>1</ЦенаЗаЕдиницу><Валюта>у.е.</Валюта></Цена></Цены>"
    )
    write(file, offers(offer("a", strange)))

    assert load(db, file).skipped[0].why == "the currency is unknown"
    again = load(db, file, **{"у.е.": "USD"})
    assert (again.is_known, again.skipped, again.written) == (False, [], 2)


def test_a_file_that_was_refused_is_not_known(db: Database, file: Path) -> None:
    file.write_text("<КоммерческаяИнформация><Каталог>")
    for _ in range(2):
        with pytest.raises(Exception, match="ends too early"):
            load(db, file)


def test_what_is_long_past_is_forgotten_and_read(db: Database, file: Path) -> None:
    load(db, write(file, product("p", "x")))
    with db.begin() as tx:
        tx.execute(text("UPDATE import_run SET started_at = started_at - interval '9 days'"))
    load(db, file)  # refers to the first, which therefore stays
    with db.begin() as tx:
        forget_mentions(tx, 7)
        assert tx.execute(select(import_mention.c.kind)).scalars().all() == ["product"]
    assert load(db, file).is_known
    with db.begin() as tx:
        tx.execute(text("UPDATE import_run SET started_at = started_at - interval '9 days'"))
        forget_mentions(tx, 7)
        assert tx.execute(select(import_mention.c.kind)).scalars().all() == []
    assert not load(db, file).is_known


def test_what_a_long_file_spoke_of_is_a_few_rows(db: Database, file: Path) -> None:
    file.write_text("".join(seats(6000)))
    load(db, file)
    with db.begin() as tx:
        (spans,) = tx.execute(text("SELECT sum((SELECT count(*) FROM unnest(ids))) FROM import_mention")).one()
        (rows,) = tx.execute(
            text("SELECT count(*) FROM offer WHERE offer_id <@ (SELECT range_agg(ids) FROM import_mention)")
        ).one()
    assert (spans <= 3, rows) == (True, 6000)


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_exactly_the_keys_they_are_made_of(ids: set[int]) -> None:
    spans = list(_spans(sorted(ids)))
    assert {one for first, last in spans for one in range(first, last + 1)} == ids
    assert all(later > last + 1 for (_, last), (later, _) in pairwise(spans))
