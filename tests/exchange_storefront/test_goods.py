from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.bitrix.exchange import BitrixStorefront
from bridge.core.deadline import Deadline
from bridge.core.runner import Runner
from bridge.exchange.storefront_work import GOODS, Rules, StorefrontExchange
from tests.exchange_storefront.conftest import SOURCE, Place, settings


def pushed(place: Place) -> list[dict[str, int]]:
    """What each run of pushing did, as ``bridge sync status`` shows it."""
    return [
        counts
        for (counts,) in place.rows("SELECT counts FROM sync_run WHERE source = 'storefront.goods:bitrix' ORDER BY 1")
    ]


def test_everything_is_pushed_once_and_then_only_what_changed(place: Place) -> None:
    place.describe(*"abcdefgh")
    place.offer(*"abcdefgh")
    place.push()
    assert sorted(place.elements()) == sorted(place.elements("ticket-bridge#")) == list("abcdefgh")
    asked = len(place.audit()["calls"])

    place.push()
    assert len(place.audit()["calls"]) == asked

    place.offer("b", price="77.00", quantity=1)
    place.push()

    found = place.elements("ticket-bridge#")
    assert (found["b"]["prices"], found["b"]["quantity"], found["b"]["name"]) == ({"r": "77.00"}, "1", "Товар b")
    assert (found["a"]["prices"], found["a"]["quantity"]) == ({"r": "100.50"}, "5")
    assert pushed(place)[-1] == {"products": 8, "offers": 8}
    assert {"offers": 1, "products": 0} in pushed(place)


def test_a_product_that_changes_takes_its_offers_along(place: Place) -> None:
    place.describe("a")
    place.offer("a#1", "a#2")
    place.push()

    place.describe("a", name="Иначе")
    place.push()

    assert {one["name"] for one in place.elements("ticket-bridge#").values()} == {"Иначе a"}


def test_an_offer_that_came_before_its_product_gets_its_name_with_it(place: Place) -> None:
    place.offer("a")
    place.push()
    assert place.elements("ticket-bridge#")["a"]["name"] == ""

    place.describe("a")
    place.push()

    assert place.elements("ticket-bridge#")["a"]["name"] == "Товар a"


def test_goods_marked_as_deleted_are_hidden_with_their_offers(place: Place) -> None:
    place.describe("a", "b")
    place.offer("a", "b")
    place.push()

    place.describe("a", more="<ПометкаУдаления>true</ПометкаУдаления>")
    place.push()

    assert {ref: one["is_active"] for ref, one in place.elements().items()} == {"a": False, "b": True}
    assert {ref: one["is_active"] for ref, one in place.elements("ticket-bridge#").items()} == {"a": False, "b": True}


def test_goods_of_another_infobase_stay_where_they_are(place: Place) -> None:
    place.describe("a")
    place.take(
        "<Каталог><Ид>c</Ид><Товары><Товар><Ид>x</Ид><Наименование>X</Наименование></Товар></Товары></Каталог>", "other"
    )

    place.push()

    assert list(place.elements()) == ["a"]


def test_a_push_that_fails_half_way_goes_on_where_it_was(place: Place) -> None:
    place.describe(*"abcdefgh")
    place.tell("/_faults", do="failure", kind="catalog", mode="init", skip=1)
    place.push()
    assert len(place.elements()) == 3
    assert place.undone() == [(GOODS, "ready")]
    assert place.alerts() == ["storefront_exchange_failing"]

    place.retry()
    place.work(GOODS)

    assert sorted(place.elements()) == list("abcdefgh")
    assert place.modes().count("catalog/checkauth") == 4  # three portions, the second of them twice
    assert (place.undone(), place.alerts()) == ([], [])


def test_one_thing_the_shop_will_not_have_does_not_keep_the_others_back(place: Place) -> None:
    place.tell("/_settings", refuses="poison")
    place.describe("a", "b", "poison", "c", "d", "e")
    place.offer("a", "poison", "e")

    place.push()

    assert sorted(place.elements()) == ["a", "b", "c", "d", "e"]
    assert sorted(place.elements("ticket-bridge#")) == ["a", "e"]
    assert place.alerts() == ["storefront_goods_refused"]
    assert place.undone() == []

    place.tell("/_settings", refuses="")
    place.describe("poison", name="Иначе")
    place.push()

    assert place.elements()["poison"]["name"] == "Иначе poison"
    assert place.alerts() == []


def test_a_shop_that_refuses_everything_is_not_asked_thing_by_thing(place: Place) -> None:
    place.tell("/_settings", refuses="x")
    place.describe(*(f"x{number}" for number in range(60)))

    place.push()

    assert place.undone() == [(GOODS, "ready")]
    assert "storefront_exchange_failing" in place.alerts()
    assert place.modes().count("catalog/checkauth") <= 25


def test_the_check_lets_itself_in_and_touches_nothing(place: Place) -> None:
    shop = place.bridge.storefront
    assert shop is not None

    assert "lets us in" in shop.check(Deadline.after(10))
    assert place.modes() == ["catalog/checkauth"]


def test_a_process_killed_after_a_portion_arrived_pushes_it_again_and_changes_nothing(place: Place) -> None:
    place.describe(*"abcd")
    shop = place.bridge.storefront
    assert shop is not None
    real = shop._storefront.push

    class Killed(BaseException):
        pass

    def push_and_die(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        raise Killed

    shop._storefront.push = push_and_die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        place.push()
    shop._storefront.push = real  # type: ignore[method-assign]
    assert len(place.elements()) == 3
    place.run("UPDATE outbox SET lease_until = clock_timestamp() WHERE status = 'running'")

    place.work(GOODS)

    assert sorted(place.elements()) == list("abcd")
    assert place.undone() == []


def test_what_is_imported_while_a_push_is_under_way_is_in_the_next(place: Place) -> None:
    place.describe(*"abcd")
    place.tell("/_faults", do="failure", kind="catalog", mode="init", skip=1)
    place.push()
    place.describe("a", name="Новое")

    place.retry()
    place.work(GOODS)
    assert place.elements()["a"]["name"] == "Товар a"
    place.push()

    assert place.elements()["a"]["name"] == "Новое a"


def test_a_push_that_is_under_way_is_not_wanted_twice(place: Place) -> None:
    shop = place.bridge.storefront
    assert shop is not None
    place.describe("a")

    assert [shop.want_goods(), shop.want_goods()] == ["wanted", "under way"]


def test_a_wrong_password_is_an_alert_and_is_tried_again(place: Place) -> None:
    place.describe("a")
    place.site.site.config.password = "changed"
    place.push()
    assert place.alerts() == ["storefront_exchange_failing", "work_stopped"]

    place.site.site.config.password = "site-password"
    place.retry()
    place.work(GOODS)

    assert list(place.elements()) == ["a"]
    assert "storefront_exchange_failing" not in place.alerts()


def test_the_broker_is_never_there_twice_at_once(place: Place) -> None:
    """Two of our own visits would wipe each other's files: the second one waits."""
    shop = place.bridge.storefront
    assert shop is not None
    place.describe("a")

    with shop._alone(GOODS):
        place.push()
        assert place.modes() == []
        assert place.alerts() == []

    place.retry()
    place.work(GOODS)
    assert list(place.elements()) == ["a"]


def impatient(place: Place, **more: Any) -> tuple[StorefrontExchange, Runner]:
    """The exchange with the same shop, whose pieces of work are short."""
    given = settings("postgresql://", Path(), place.site, pause_s=0.2).bitrix
    assert given is not None
    shop = StorefrontExchange(place.bridge.db, BitrixStorefront(given), Rules(SOURCE, None, 100, call_s=1.5, **more))
    return shop, Runner(place.bridge.db, {lane.name: lane for lane in shop.lanes()}, place.bridge.runner._report)


def test_an_import_longer_than_a_piece_of_work_is_gone_on_with_and_not_begun_anew(place: Place) -> None:
    place.tell("/_settings", step_items=1)
    refs = [f"r{number}" for number in range(20)]
    place.describe(*refs)
    shop, runner = impatient(place)

    shop.want_goods()
    pieces = 0
    while runner.run_due(GOODS):
        pieces += 1
        assert pieces < 30

    assert len(place.elements()) == 20
    assert pieces > 2
    assert (place.modes().count("catalog/checkauth"), place.modes().count("catalog/init")) == (1, 1)
    assert pushed(place) == [{"products": 20, "offers": 0}]
    assert place.rows("SELECT resume_with, to_run_id FROM storefront_goods") == [("", None)]
    assert place.undone() == []


def test_what_changes_while_the_shop_is_at_work_neither_is_lost_nor_shifts_what_follows(place: Place) -> None:
    place.tell("/_settings", step_items=1)
    refs = [f"r{number:02}" for number in range(130)]
    place.describe(*refs)
    shop, runner = impatient(place)
    shop.want_goods()
    runner.run_due(GOODS)
    assert place.rows("SELECT resume_with <> '', resume_after_id > 0 FROM storefront_goods") == [(True, True)]

    place.describe("r05", name="Новое")
    place.tell("/_settings", step_items=50)
    while runner.run_due(GOODS):
        pass
    assert sorted(place.elements()) == sorted(refs)

    place.push()
    assert place.elements()["r05"]["name"] == "Новое r05"


def test_a_shop_that_has_forgotten_an_import_gets_the_portion_anew(place: Place) -> None:
    place.tell("/_settings", step_items=1)
    place.describe(*(f"r{number}" for number in range(30)))
    shop, runner = impatient(place)
    shop.want_goods()
    runner.run_due(GOODS)
    with place.site.site.lock:
        place.site.site.exchange.door.sessions.clear()

    place.tell("/_settings", step_items=50)
    runner.run_due(GOODS)
    assert place.alerts() == ["storefront_exchange_failing"]
    place.retry()
    while runner.run_due(GOODS):
        pass

    assert len(place.elements()) == 30
    assert (place.alerts(), place.undone()) == ([], [])


def test_a_refusal_at_the_end_of_a_long_import_sets_one_thing_aside(place: Place) -> None:
    place.tell("/_settings", step_items=1)
    place.describe(*(f"r{number:02}" for number in range(20)), "zz")
    shop, runner = impatient(place)
    shop.want_goods()
    runner.run_due(GOODS)
    assert place.rows("SELECT resume_with <> '' FROM storefront_goods") == [(True,)]

    place.tell("/_settings", refuses="zz", step_items=50)
    place.work(GOODS)

    assert len(place.elements()) == 20
    assert place.alerts() == ["storefront_goods_refused"]
