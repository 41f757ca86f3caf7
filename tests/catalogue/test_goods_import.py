"""What importing a file of goods changes in the database, and what it does not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import IntegrityError

from adapters.onec import commerceml
from bridge.catalogue.goods_import import ImportReport, import_goods
from bridge.catalogue.goods_store import BATCH
from bridge.catalogue.goods_tables import import_run, offer_price, offer_rest, product
from bridge.catalogue.goods_tables import offer as offer_table
from bridge.core.db import Database
from bridge.core.errors import Refused, Throttled
from tests.catalogue.goods_files import RETAIL, offer, offers, price, seats, write
from tests.catalogue.goods_files import product as product_file

SEAT = (
    "<ХарактеристикиТовара>"
    "<ХарактеристикаТовара><Наименование>Сектор</Наименование><Значение>Партер</Значение></ХарактеристикаТовара>"
    "<ХарактеристикаТовара><Наименование>Ряд</Наименование><Значение>3</Значение></ХарактеристикаТовара>"
    "<ХарактеристикаТовара><Наименование>Место</Наименование><Значение>12</Значение></ХарактеристикаТовара>"
    "</ХарактеристикиТовара>"
)
FUZZED = "".join(seats(3)).encode()
GOODS = (offer_table, offer_price, offer_rest)


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    found = Database(fresh_database, connections_max=3)
    yield found
    found.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "goods.xml"


def load(db: Database, path: Path, source: str = "erp") -> ImportReport:
    with path.open("rb") as stream, db.begin() as tx:
        return store(tx, path, stream, source)


def store(tx: Connection, path: Path, stream: Any, source: str = "erp") -> ImportReport:
    return import_goods(tx, commerceml.read(stream, path.name), file=path.name, source=source)


def rows(db: Database, *columns: Any) -> list[tuple[Any, ...]]:
    with db.begin() as tx:
        return sorted(tuple(row) for row in tx.execute(select(*columns)))


def versions(db: Database) -> list[tuple[Any, ...]]:
    """Where each row lies and which transactions made, changed or locked it."""
    query = "SELECT '{0}', ctid::text, xmin::text, xmax::text FROM {0}"
    with db.begin() as tx:
        return sorted(tuple(row) for table in GOODS for row in tx.execute(text(query.format(table.name))))


def test_a_seat_is_stored_with_its_place_price_and_stock(db: Database, file: Path) -> None:
    parts = ("<Наименование>Концерт</Наименование>", SEAT, price("1500.50"), "<Количество>1</Количество>")
    report = load(db, write(file, offers(offer("event#seat", *parts))))

    c = offer_table.c
    assert rows(db, c.ref, c.product_ref, c.section, c.row, c.number, c.is_deleted) == [
        ("event#seat", "event", "Партер", "3", "12", False)
    ]
    assert rows(db, offer_price.c.price_type_ref, offer_price.c.price_minor, offer_price.c.currency) == [
        (RETAIL, 150050, "RUB")
    ]
    assert rows(db, offer_rest.c.store_ref, offer_rest.c.quantity) == [("", Decimal(1))]
    assert (report.kind, report.offers, report.prices, report.rests, report.written) == ("offers", 1, 1, 1, 3)


def test_the_same_file_again_writes_no_row(db: Database, file: Path) -> None:
    file.write_text("".join(seats(300)))
    assert load(db, file).written == 900

    before = versions(db)
    assert load(db, file).written == 0
    assert len(before) == 900
    assert versions(db) == before


def test_one_changed_price_writes_that_price_and_its_offer(db: Database, file: Path) -> None:
    load(db, write(file, offers(offer("a", price("1")), offer("b", price("1")))))
    report = load(db, write(file, offers(offer("a", price("1")), offer("b", price("2")))))
    assert report.written == 2
    assert rows(db, offer_price.c.price_minor) == [(100,), (200,)]


def test_what_a_file_does_not_mention_stays(db: Database, file: Path) -> None:
    load(
        db,
        write(file, offers(offer("a", "<Наименование>x</Наименование><Артикул>7</Артикул>", price("1")), offer("b"))),
    )
    load(db, write(file, offers(offer("a", "<Остатки><Остаток><Количество>0</Количество></Остаток></Остатки>"))))
    load(db, write(file, offers(offer("a", price("2", "wholesale")))))

    assert rows(db, offer_table.c.ref, offer_table.c.sku) == [("a", "7"), ("b", None)]
    assert rows(db, offer_price.c.price_type_ref, offer_price.c.price_minor) == [(RETAIL, 100), ("wholesale", 200)]
    assert rows(db, offer_rest.c.quantity) == [(Decimal(0),)]


def test_an_empty_element_clears_and_an_absent_one_does_not(db: Database, file: Path) -> None:
    load(db, write(file, product_file("p", "x", "<Описание>old</Описание><Артикул>7</Артикул>")))
    load(db, write(file, product_file("p", "x", "<Описание/>")))
    assert rows(db, product.c.description, product.c.sku) == [("", "7")]


def test_a_deleted_product_stays_and_comes_back_when_it_is_described_again(db: Database, file: Path) -> None:
    write(file, product_file("p", "x"))
    for attributes, is_deleted in (("", False), (' Статус="Удален"', True), ("", False)):
        load(db, write(file, product_file("p", "x", attributes=attributes)))
        assert rows(db, product.c.ref, product.c.is_deleted) == [("p", is_deleted)]


def test_prices_do_not_bring_a_deleted_offer_back(db: Database, file: Path) -> None:
    load(db, write(file, offers(offer("a", "<ПометкаУдаления>true</ПометкаУдаления>"))))
    load(db, write(file, offers(offer("a", price("1")))))
    assert rows(db, offer_table.c.is_deleted) == [(True,)]


def test_a_price_may_come_before_its_offer_and_its_product(db: Database, file: Path) -> None:
    load(db, write(file, offers(offer("p#c", price("1")))))
    load(db, write(file, offers(offer("p#c", "<Наименование>x</Наименование>"))))
    load(db, write(file, product_file("p", "x")))
    assert rows(db, offer_table.c.name, offer_table.c.product_ref) == [("x", "p")]
    assert rows(db, offer_price.c.price_minor) == [(100,)]


def test_an_offer_twice_in_one_file_is_merged_in_order(db: Database, file: Path) -> None:
    load(
        db,
        write(
            file,
            offers(offer("a", "<Артикул>1</Артикул>", price("1")), offer("a", "<Штрихкод>2</Штрихкод>", price("3"))),
        ),
    )
    assert rows(db, offer_table.c.sku, offer_table.c.barcode) == [("1", "2")]
    assert rows(db, offer_price.c.price_minor) == [(300,)]


def test_of_two_prices_of_one_price_list_the_last_counts(db: Database, file: Path) -> None:
    two = "<Цены>" + "".join(price(amount)[6:-7] for amount in ("1", "2")) + "</Цены>"
    load(db, write(file, offers(offer("a", two, "<Количество>1</Количество><Количество>2</Количество>"))))
    assert rows(db, offer_price.c.price_minor) == [(200,)]
    assert rows(db, offer_rest.c.quantity) == [(Decimal(2),)]


def test_prices_that_return_to_an_earlier_value_are_written(db: Database, file: Path) -> None:
    for amount in ("1", "2", "1"):
        assert load(db, write(file, offers(offer("a", price(amount))))).written == 2
    assert rows(db, offer_price.c.price_minor) == [(100,)]


def test_prices_and_stock_in_turn_do_not_rewrite_each_other(db: Database, file: Path) -> None:
    files = [
        offers(offer("a", price("1"))),
        offers(offer("a", "<Остатки><Остаток><Количество>1</Количество></Остаток></Остатки>")),
    ]
    written = [load(db, write(file, body)).written for body in files * 2]
    assert written == [2, 2, 0, 0]


def test_infobases_do_not_share_ids(db: Database, file: Path) -> None:
    write(file, product_file("p", "x"))
    load(db, file, "one")
    load(db, file, "two")
    assert rows(db, product.c.source, product.c.ref) == [("one", "p"), ("two", "p")]


@pytest.mark.parametrize("keep", [0.4, 0.999])
def test_nothing_of_a_truncated_file_is_stored(db: Database, file: Path, keep: float) -> None:
    content = "".join(seats(BATCH * 2)).encode()
    file.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(Refused) as caught:
        load(db, file)

    assert caught.value.code == "xml_truncated"
    with db.begin() as tx:
        counts = [
            tx.execute(select(func.count()).select_from(t)).scalar_one() for t in (offer_table, offer_price, import_run)
        ]
    assert counts == [0, 0, 0]


def test_a_run_is_noted_with_what_it_read(db: Database, file: Path) -> None:
    load(db, write(file, offers(offer("a", price("1")), offer(""))))
    c = import_run.c
    ((name, kind, counts, skipped, digest),) = rows(db, c.file, c.kind, c.counts, c.skipped, c.digest)
    assert (name, kind, counts["offers"], counts["prices"]) == ("goods.xml", "prices", 2, 1)
    assert skipped == [{"where": "line 2: offer", "why": "the id is empty", "times": 1}]
    assert len(digest) == 64


def test_two_imports_of_one_infobase_do_not_run_at_once(db: Database, file: Path) -> None:
    write(file, product_file("p", "x"))
    with file.open("rb") as stream, db.begin() as tx:
        store(tx, file, stream)
        with pytest.raises(Throttled) as caught:
            load(db, file)
        assert load(db, file, "another").products == 1
    assert caught.value.code == "import_is_running"


def test_what_the_database_refuses_is_raised_and_undoes_all(db: Database, file: Path) -> None:
    with db.begin() as tx:
        tx.execute(text("ALTER TABLE offer_price ADD CONSTRAINT never CHECK (price_minor < 100)"))
    file.write_text("".join(seats(BATCH * 2)))
    with pytest.raises(IntegrityError):
        load(db, file)
    assert rows(db, offer_table.c.ref) == []


@given(
    cut=st.just(len(FUZZED)) | st.integers(1, len(FUZZED)),
    changes=st.lists(st.tuples(st.integers(0, len(FUZZED) - 1), st.integers(0, 255)), max_size=3),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_read_or_changes_nothing(db: Database, cut: int, changes: list[tuple[int, int]]) -> None:
    content = bytearray(FUZZED)
    for at, byte in changes:
        content[at] = byte
    before = versions(db)
    try:
        with db.begin() as tx:
            store(tx, Path("goods.xml"), io.BytesIO(content[:cut]))
    except Refused:
        assert versions(db) == before
    else:
        assert cut >= len(FUZZED.rstrip())
