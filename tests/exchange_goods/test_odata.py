from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.onec.odata.check import compare
from adapters.onec.odata.client import OdataClient
from adapters.onec.odata.mapping import load
from adapters.onec.settings import OneCSettings
from bridge.core.deadline import Deadline
from bridge.exchange.goods_sync import GoodsSync
from tests.exchange_goods.conftest import Place, fed

SHIRT = {
    "name": "Футболка",
    "sku": "F-1",
    "group": "Сувениры",
    "prices": {"Розничная": "1220.50"},
    "rests": {"Основной": 5},
}


def many(count: int) -> list[dict[str, Any]]:
    return [
        {
            "name": f"Товар {number:02}",
            "sku": f"T-{number}",
            "prices": {"Розничная": 10 + number},
            "rests": {"Основной": 1},
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("place", [{"configuration": name} for name in ("ut11", "bp30", "unf30")], indirect=True)
def test_goods_of_three_configurations_become_ours(place: Place) -> None:
    (ref,) = place.put(SHIRT)
    name = place.server.settings.configuration

    place.read()

    assert place.rows("SELECT ref, name, sku, code FROM product") == [(ref, "Футболка", "F-1", "НФ-000001")]
    assert place.prices() == {"Футболка": 122050}
    assert place.stock() == ({} if name == "bp30" else {"Футболка": 5})  # its stock is in the accounts
    ((group, groups),) = place.rows(
        "SELECT g.name, p.group_refs FROM product p JOIN product_group g ON p.group_refs ? g.ref"
    )
    assert (group, len(groups)) == ("Сувениры", 1)
    assert place.rows("SELECT name FROM goods_price_type") == [("Розничная",)]


@pytest.mark.parametrize("place", [{"configuration": name} for name in ("ut11", "bp30", "unf30")], indirect=True)
def test_the_shipped_mappings_fit_what_is_published(place: Place) -> None:
    settings = place.bridge.settings.onec
    assert settings is not None

    metadata = OdataClient(settings).metadata(Deadline.after(20))

    assert compare(load(settings.mapping), metadata) == []


def test_a_mapping_whose_goods_are_not_published_says_where(place: Place) -> None:
    place.control("/_settings", {"odata_unpublished": "Catalog_ВидыЦен"})
    settings = place.bridge.settings.onec
    assert settings is not None

    problems = compare(load("ut11"), OdataClient(settings).metadata(Deadline.after(20)))

    assert [one.where for one in problems] == ["goods"]
    assert "Catalog_ВидыЦен" in problems[0].what


def test_variants_are_offers_of_their_product(place: Place) -> None:
    (ref,) = place.put({**SHIRT, "variant": "Красная"})

    place.read()

    ((offer, product, characteristics),) = place.rows("SELECT ref, product_ref, characteristics FROM offer")
    assert (offer.partition("#")[0], product, characteristics) == (ref, ref, {"Характеристика": "Красная"})
    assert place.prices() == {"Футболка": 122050}


def test_pages_miss_nothing_although_references_have_no_readable_order(place: Place) -> None:
    place.put(*many(20))

    place.read()

    assert len(place.products()) == len(place.prices()) == len(place.stock()) == 20


def test_the_last_price_counts(place: Place) -> None:
    place.put(SHIRT)
    place.put({**SHIRT, "prices": {"Розничная": 99}})

    place.read()

    assert place.prices() == {"Футболка": 9900}


def test_reading_again_writes_nothing_and_keeps_no_notes_of_it(place: Place) -> None:
    place.put(*many(7))
    for _ in range(3):
        place.read()
    notes = place.rows("SELECT count(*) FROM import_run")

    for _ in range(3):
        place.read()

    assert len(place.writes()) == 1
    assert place.rows("SELECT count(*) FROM import_run") == notes


def test_what_is_sold_out_is_zero_although_a_balance_has_no_row_for_it(place: Place) -> None:
    place.put(SHIRT, {**SHIRT, "name": "Кружка", "sku": "K-1"})
    place.read()
    assert place.stock() == {"Футболка": 5, "Кружка": 5}

    place.put({**SHIRT, "rests": {"Основной": 0}})
    place.read()

    assert place.stock() == {"Футболка": 0, "Кружка": 5}


def test_taken_for_what_changed_a_balance_would_leave_sold_out_goods_in_stock(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    place.put(SHIRT)
    place.read()
    monkeypatch.setattr(GoodsSync, "_sold_out", lambda *_: [])

    place.put({**SHIRT, "rests": {"Основной": 0}})
    place.read()

    assert place.stock() == {"Футболка": 5}


def test_goods_marked_for_deletion_are_hidden(place: Place) -> None:
    place.put(SHIRT)
    place.read()

    place.put({**SHIRT, "deleted": True})
    place.read()

    assert place.products() == {"Футболка": False}


def test_goods_of_other_sources_are_left_alone(place: Place) -> None:
    place.run("INSERT INTO product (source, ref, name, changed_run_id) VALUES ('else', 'x', 'Чужое', 0)")
    place.run(
        "INSERT INTO offer (source, ref, product_ref, characteristic_ref, changed_run_id) VALUES ('else', 'x', 'x', '', 0)"
    )
    place.run("INSERT INTO offer_rest SELECT offer_id, '', 9, 0 FROM offer")
    place.put(SHIRT)

    place.read()

    assert place.stock() == {"Футболка": 5, "Чужое": 9}


@fed
def test_by_an_exchange_plan_only_what_changed_is_read(place: Place) -> None:
    place.put(*many(12))
    place.read()
    place.read()
    before = place.calls()

    place.put({"name": "Новое", "sku": "N-1"})
    place.read()

    assert place.products()["Новое"] is True
    assert place.calls() - before <= 5  # where the node is, the message, its confirmation, and that there is no more
    assert place.writes()[-1] == {"written": 1}


@fed
def test_a_change_is_confirmed_only_once_it_is_stored(place: Place) -> None:
    place.put(SHIRT)
    place.read()
    sync = place.bridge.goods
    assert sync is not None
    store = sync._store

    class Killed(BaseException):
        pass

    def die(*given: Any) -> Any:
        store(*given)
        raise Killed

    place.put({**SHIRT, "name": "Иначе"})
    sync._store = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        place.read()
    sync._store = store  # type: ignore[method-assign]
    assert place.products() == {"Футболка": True}
    place.run("UPDATE outbox SET lease_until = clock_timestamp() WHERE status = 'running'")

    place.work()

    assert place.products() == {"Иначе": True}
    assert place.undone() == []


@fed
def test_prices_and_stock_that_change_come_by_the_plan_too(place: Place) -> None:
    place.put(*many(3))
    place.read()

    place.put({"name": "Товар 00", "sku": "T-0", "prices": {"Розничная": 500}, "rests": {"Основной": 0}})
    place.read()

    assert place.prices()["Товар 00"] == 50_000
    assert place.stock() == {"Товар 00": 0, "Товар 01": 1, "Товар 02": 1}


def test_what_is_not_published_is_for_a_person_and_the_rest_is_kept(place: Place) -> None:
    place.put(SHIRT)
    place.control("/_settings", {"odata_unpublished": "AccumulationRegister_ТоварыНаСкладах"})

    place.read()

    assert place.products() == {"Футболка": True}
    codes = [code for (code,) in place.rows("SELECT code FROM alert WHERE resolved_at IS NULL ORDER BY code")]
    assert codes == ["goods_sync_failing", "work_stopped"]


def test_an_answer_that_was_lost_is_asked_for_again(place: Place) -> None:
    place.put(*many(5))
    place.control("/_faults", {"faults": [{"operation": "odata.read", "kind": "commit_then_drop", "times": 1}]})
    place.read()
    assert [status for _, status in place.undone()] == ["ready"]

    place.run("UPDATE outbox SET due_at = clock_timestamp()")
    place.work()

    assert len(place.products()) == 5
    assert place.undone() == []


def test_maintenance_stops_the_reading_of_goods_too(place: Place) -> None:
    place.put(SHIRT)
    place.run("INSERT INTO upstream (name, state, reason) VALUES ('onec', 'maintenance', 'x')")
    before = place.calls()

    place.read()

    assert place.calls() == before
    assert place.products() == {}


def test_settings_without_goods_in_the_mapping_are_a_mistake(tmp_path: Path) -> None:
    text = Path("adapters/onec/mappings/ut11.toml").read_text(encoding="utf-8").partition("# Goods")[0]
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    given = {"base_url": "http://1c/x", "login": "x", "password": "y", "mapping": str(own)}

    with pytest.raises(ValueError, match="no \\[goods\\]"):
        OneCSettings(**given, goods="odata")
    assert OneCSettings(**given).goods == "none"


def test_half_a_plan_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="both or not at all"):
        OneCSettings(base_url="http://1c/x", login="x", password="y", goods="odata", goods_plan="ExchangePlan_Сайт")  # type: ignore[arg-type]


def test_a_cursor_of_a_part_that_is_no_longer_read_begins_anew(place: Place) -> None:
    place.put(SHIRT)
    place.run('INSERT INTO sync_cursor (source, cursor) VALUES (\'goods:office\', \'{"part": "gone", "skip": 0}\')')

    place.read()

    assert place.products() == {"Футболка": True}
