"""The playbill and the seat map, as they come over the wire."""

from __future__ import annotations

import json
import re
from itertools import pairwise

from sandbox.shop import Config, ShopServer, hall

from .conftest import Buyer, box, words
from .fake_broker import API_KEY, PERFORMANCE, FakeBroker

HALL = f"/performances/{PERFORMANCE}"


def test_the_playbill_shows_what_is_on_with_dates_and_prices(buyer: Buyer) -> None:
    page = words(buyer.get("/"))

    assert "Вишнёвый сад 12+" in page
    assert "суббота, 5 декабря, 19:00" in page
    assert "Большой зал, Театр на набережной" in page
    assert "от 900,50 ₽" in page
    assert page.count("Выбрать места") == 2
    assert "Продажа закрыта" in page


def test_english_is_asked_for_remembered_or_preferred_by_the_browser(buyer: Buyer) -> None:
    preferred = buyer.get("/", **{"Accept-Language": "en-GB,en;q=0.9"})
    assert "What's on" in words(preferred)
    assert "from ₽900.50" in words(preferred)

    assert "Афиша" in words(buyer.get("/"))
    buyer.get("/?lang=en")
    assert "What's on" in words(buyer.get("/"))


def test_every_seat_says_where_it_is_what_it_costs_and_whether_it_is_free(buyer: Buyer, broker: FakeBroker) -> None:
    broker.mark("P-05-13", "sold")

    page = buyer.get(HALL)

    assert 'aria-label="Партер, ряд 5, место 12, 4 500 ₽, свободно"' in box(page, "P-05-12").replace("\u00a0", " ")
    assert 'aria-label="Партер, ряд 5, место 13, занято" disabled' in box(page, "P-05-13")
    assert "место для кресла-коляски" in box(page, "P-08-01")
    assert page.text.count('name="seat"') == len(broker.seats)


def test_the_legend_names_each_zone_with_its_price(buyer: Buyer) -> None:
    page = words(buyer.get(HALL))

    assert "Партер 4 500 ₽ Амфитеатр 2 500 ₽ Балкон 1 200 ₽" in page


def test_the_page_keeps_the_brokers_key_to_itself(buyer: Buyer) -> None:
    assert API_KEY not in buyer.get(HALL).text
    assert API_KEY not in buyer.get(f"{HALL}/seats.json").text


def test_changes_since_a_version_are_passed_on(buyer: Buyer, broker: FakeBroker) -> None:
    shown = re.search(r'id="hall-json">(.*?)</script>', buyer.get(HALL).text)
    assert shown
    version = json.loads(shown[1])["version"]
    broker.mark("B-01-01", "held")

    news = buyer.get(f"{HALL}/seats.json?since={version}").json()

    assert news["seats"] == [{"id": "B-01-01", "state": "held", "zone": "bronze"}]


def test_the_map_says_when_it_cannot_be_refreshed(buyer: Buyer, broker: FakeBroker) -> None:
    broker.is_down = True

    assert buyer.get(f"{HALL}/seats.json").status_code == 503


def test_an_unknown_performance_gets_a_humane_page(buyer: Buyer) -> None:
    answer = buyer.get("/performances/nothing")

    assert answer.status_code == 404
    assert "Такой страницы нет" in words(answer)


def test_a_broker_that_is_down_or_gone_gets_a_humane_page(buyer: Buyer, broker: FakeBroker) -> None:
    broker.is_down = True
    refused = buyer.get("/")
    with ShopServer(Config("http://127.0.0.1:9", API_KEY)) as lonely:
        gone = Buyer(lonely.url).get("/")

    assert (refused.status_code, gone.status_code) == (503, 503)
    assert "Касса отдыхает" in words(refused)
    assert "Касса отдыхает" in words(gone)
    assert refused.headers["Retry-After"] == "10"


def test_pages_forbid_foreign_scripts_and_frames(buyer: Buyer) -> None:
    policy = buyer.get("/").headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy


def seat(section: str, row: int, number: int, x: float, y: float) -> dict:
    return {
        "id": f"{section}{row}-{number}",
        "section": section,
        "row": str(row),
        "number": str(number),
        "x": x,
        "y": y,
    }


def test_the_plan_takes_any_unit_and_keeps_neighbours_one_pitch_apart() -> None:
    for unit in (1, 40):
        plan = hall.draw([seat("P", 1, n, n * unit, 0) for n in range(1, 6)], [])

        xs = [spot.x for spot in plan.spots]
        assert [round(b - a, 6) for a, b in pairwise(xs)] == [1, 1, 1, 1]
        assert all(0 < spot.x < plan.width and 0 < spot.y < plan.height for spot in plan.spots)


def test_sections_behind_one_another_are_spread_to_make_room_for_names() -> None:
    plan = hall.draw([seat(s, 1, n, n, y) for s, y in (("P", 0), ("B", 1)) for n in (1, 2)], [])

    front, back = (next(spot.y for spot in plan.spots if spot.section == name) for name in ("P", "B"))
    assert round(back - front, 6) == hall.SECTION_GAP


def test_a_seat_nobody_speaks_of_is_not_for_sale_and_an_empty_hall_is_drawn() -> None:
    plan = hall.draw([seat("P", 1, 1, 0, 0)], [])

    assert plan.spots[0].state == "blocked"
    assert hall.draw([], []).spots == []
