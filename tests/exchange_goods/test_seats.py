"""Seats that the stock exchange of a 1C describes and OData keeps up to date: prices and stock are heard either way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from bridge.channels.model import Rules
from bridge.channels.service import Scope, add_client, set_rules
from bridge.cli.import_files import import_file
from bridge.exchange.nodes import Dialect, Orders, add_node
from bridge.exchange.seats_of_goods import sell_in
from sandbox.onec.odata_store import key_of
from tests.exchange_goods.conftest import FEED, Place
from tests.exchange_seats.goods import Product, Seat, files

SKU = "L-1"
LAKE = key_of("goods", SKU)
PLACES = {name: key_of("variant", f"{LAKE}:{name}") for name in ("Место 1", "Место 2", "Место 3")}

either = pytest.mark.parametrize("place", [{}, FEED], indirect=True, ids=["pages", "plan"])


def in_1c(place: Place, rests: Mapping[str, int], price: str = "1500") -> None:
    """Somebody sets stock and prices of characteristics in 1C."""
    thing = {"name": "Лебединое озеро", "sku": SKU, "prices": {"Розничная": price}}
    place.put(*({**thing, "variant": name, "rests": {"Основной": count}} for name, count in rests.items()))


def described(place: Place, folder: Path, rest: str | None = "1") -> None:
    """The exchange says what they are: a performance and its places."""
    seats = [Seat(ref, row="1", number=name[-1], price=None, rest=rest) for name, ref in PLACES.items()]
    lake = Product(LAKE, "Лебединое озеро", "15.11.2031 19:00:00", seats)
    for name, body in files(lake).items():
        (folder / name).write_bytes(body)
        assert import_file(place.bridge.db, folder / name, "office").error is None


def sell(place: Place) -> None:
    with place.bridge.db.begin() as tx:
        set_rules(tx, Rules("web", 600, 5400, 10))
        add_node(tx, "office", Dialect.UT11, Orders())
        sell_in(tx, "office", "web")


def for_sale(place: Place) -> list[str]:
    """Numbers of the seats that ``web`` may sell."""
    query = (
        "SELECT o.number FROM seat s JOIN offer o ON o.characteristic_ref = s.seat_ref"
        " WHERE s.state = 'free' AND s.allotment = 'web' ORDER BY 1"
    )
    return [number for (number,) in place.rows(query)]


@pytest.fixture
def theatre(place: Place, tmp_path: Path) -> Place:
    """Three seats, each in stock, sold in ``web``."""
    sell(place)
    in_1c(place, dict.fromkeys(PLACES, 1))
    described(place, tmp_path)
    place.read()
    return place


@either
def test_seats_get_their_prices_and_stock_over_odata(theatre: Place) -> None:
    assert for_sale(theatre) == ["1", "2", "3"]
    assert theatre.rows("SELECT DISTINCT price_minor FROM price") == [(150_000,)]
    assert theatre.rows("SELECT code FROM alert WHERE resolved_at IS NULL") == []


@either
def test_a_seat_sold_at_the_office_is_off_sale_at_the_next_reading(theatre: Place) -> None:
    in_1c(theatre, {"Место 2": 0})
    theatre.read()
    assert for_sale(theatre) == ["1", "3"]
    assert theatre.writes()[-1]["seats"] == 1

    in_1c(theatre, {"Место 2": 1})
    theatre.read()
    assert for_sale(theatre) == ["1", "2", "3"]


@either
def test_a_price_that_changed_is_that_of_the_seats(theatre: Place) -> None:
    in_1c(theatre, dict.fromkeys(PLACES, 1), price="1800.50")
    theatre.read()

    assert theatre.rows("SELECT DISTINCT price_minor FROM price") == [(180_050,)]
    assert for_sale(theatre) == ["1", "2", "3"]


def test_seats_that_are_all_sold_at_the_office_are_off_sale(theatre: Place) -> None:
    in_1c(theatre, dict.fromkeys(PLACES, 0))
    theatre.read()

    assert for_sale(theatre) == []


def test_a_total_of_a_file_is_not_emptied_by_a_balance_that_has_the_seat_in_a_store(theatre: Place) -> None:
    totals = theatre.rows("SELECT DISTINCT quantity FROM offer_rest WHERE store_ref = ''")

    assert totals == [(1,)]
    assert for_sale(theatre) == ["1", "2", "3"]


def test_reading_again_changes_no_seat(theatre: Place) -> None:
    before = theatre.rows("SELECT seat_ref, changed_xid::text FROM seat ORDER BY 1")
    runs = len(theatre.writes())

    theatre.read()
    theatre.read()

    assert theatre.rows("SELECT seat_ref, changed_xid::text FROM seat ORDER BY 1") == before
    assert len(theatre.writes()) == runs


def test_a_held_seat_that_is_gone_is_a_conflict_and_stays_held(theatre: Place) -> None:
    with theatre.bridge.db.begin() as tx:
        add_client(tx, "shop", "web", (Scope.SELL,))
    hold = uuid4()
    theatre.run(
        "INSERT INTO hold (hold_id, client_id, channel, performance_id, authority, state, lines, total_minor, currency, "
        "expires_at, cap_at) SELECT :id, client_id, 'web', performance_id, 'broker', 'active', '[]', 150000, 'RUB', "
        "now() + interval '1 hour', now() + interval '1 hour' FROM client, performance",
        id=hold,
    )
    theatre.run(
        "UPDATE seat SET state = 'held', hold_id = :id, held_until = now() + interval '1 hour' WHERE seat_ref = :seat",
        id=hold,
        seat=PLACES["Место 1"],
    )

    in_1c(theatre, {"Место 1": 0})
    theatre.read()

    assert theatre.rows("SELECT code FROM alert WHERE resolved_at IS NULL") == [("seat_gone_under_hold",)]
    assert theatre.rows("SELECT state FROM seat WHERE hold_id IS NOT NULL") == [("held",)]


def test_stock_and_seats_are_stored_together_or_not_at_all(theatre: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(*_given: object) -> None:
        raise Killed

    in_1c(theatre, {"Место 3": 0})
    with monkeypatch.context() as patched:
        patched.setattr("bridge.exchange.goods_sync.seats_of_goods.take", die)
        with pytest.raises(Killed):
            theatre.read()
    assert theatre.stock() == {"Лебединое озеро": 6}, "3 in the store, and 3 as the file said"
    theatre.run("UPDATE outbox SET lease_until = clock_timestamp() WHERE status = 'running'")

    theatre.work()

    assert for_sale(theatre) == ["1", "2"]


def test_goods_of_a_source_that_is_no_node_stay_goods(place: Place, tmp_path: Path) -> None:
    in_1c(place, dict.fromkeys(PLACES, 1))
    described(place, tmp_path)
    place.read()

    assert place.rows("SELECT count(*) FROM performance") == [(0,)]
