"""What surprises those who have never seen a real 1C, where no other test of the exchange tells of it."""

from __future__ import annotations

import pytest
import requests

from sandbox.onec.site_client import UtClient
from tests.exchange_site.conftest import PATH, Place
from tests.exchange_site.goods import catalogue, document, offers, prices
from tests.exchange_site.test_protocol import entered

WEEK_S = 7 * 86_400


def exported(place: Place, **files: bytes) -> None:
    with place.worker():
        assert UtClient(place.wire("ut")).export_catalogue({f"{name}.xml": body for name, body in files.items()}).is_ok


def rests(*refs: str, quantity: int) -> bytes:
    said = "".join(
        f"<Предложение><Ид>{ref}</Ид><Остатки><Остаток><Количество>{quantity}</Количество></Остаток></Остатки></Предложение>"
        for ref in refs
    )
    return document(f"<ПакетПредложений><Ид>#</Ид><Предложения>{said}</Предложения></ПакетПредложений>")


@pytest.mark.parametrize("path", [PATH, f"{PATH}/", "/bitrix/admin/1c_exchange.php"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_ever_redirected(place: Place, path: str, method: str) -> None:
    """1C would come back with a GET and no body."""
    place.add("ut", "ut11")
    said = requests.request(
        method,
        f"{place.url}{path}?type=catalog&mode=checkauth",
        auth=place.nodes["ut"],
        headers={"X-Forwarded-Proto": "http"},
        allow_redirects=False,
        timeout=10,
    )

    assert (said.status_code, said.text.partition("\n")[0]) == (200, "success")


@pytest.mark.parametrize("sessid", ["", "0123456789abcdef0123456789abcdef", "чужой"])
def test_a_session_id_in_the_address_is_neither_needed_nor_checked(place: Place, sessid: str) -> None:
    client = entered(place)

    assert client.wire.ask("catalog", "init", sessid=sessid).lines[0] == "zip=no"
    assert client.wire.send("catalog", "import.xml", catalogue("a"), sessid=sessid).word == "success"


def test_parts_are_smaller_than_what_web_servers_let_pass_by_default(fresh_database: str, place: Place) -> None:
    """nginx passes bodies of 1 MiB unless told otherwise."""
    assert 0 < type(place.bridge.settings.exchange)().part_bytes < 1024**2


def test_products_with_the_same_empty_sku_are_products_of_their_own(place: Place) -> None:
    goods = "".join(
        f"<Товар><Ид>{ref}</Ид><Артикул></Артикул><Наименование>Концерт</Наименование></Товар>" for ref in "abc"
    )
    exported(place, import0_1=document(f"<Каталог><Ид>c</Ид><Товары>{goods}</Товары></Каталог>"))

    assert place.products() == {"a": True, "b": True, "c": True}


def test_a_unit_without_a_code_keeps_nothing_back(place: Place) -> None:
    goods = '<Товар><Ид>a</Ид><Наименование>x</Наименование><БазоваяЕдиница Код="" НаименованиеПолное=""/></Товар>'
    exported(place, import0_1=document(f"<Каталог><Ид>c</Ид><Товары>{goods}</Товары></Каталог>"))

    assert place.rows("SELECT ref, unit FROM product") == [("a", "")]


def test_prices_and_rests_alone_for_weeks_change_what_they_name_and_hide_nothing(place: Place) -> None:
    exported(place, import0_1=catalogue("a", "b", is_full=True), offers0_1=offers("a#1", "b#1"))
    for week in range(4):
        place.pass_time(WEEK_S)
        place.work()
        exported(place, **{f"prices{week}": prices("a#1"), f"rests{week}": rests("a#1", quantity=week)})
    place.pass_time(WEEK_S)
    place.work()

    assert place.products() == {"a": True, "b": True}
    found = place.rows(
        "SELECT o.ref, o.name, p.price_minor, r.quantity::int FROM offer o JOIN offer_price p USING (offer_id)"
        " JOIN offer_rest r USING (offer_id) ORDER BY 1"
    )
    assert found == [("a#1", "Место a#1", 500, 3), ("b#1", "Место b#1", 10000, 1)]


def test_offers_that_come_weeks_before_their_products_wait_for_them(place: Place) -> None:
    exported(place, offers0_1=offers("a#1"))
    place.pass_time(3 * WEEK_S)
    place.work()
    exported(place, import0_1=catalogue("a"))

    query = "SELECT p.ref, o.ref FROM product p JOIN offer o ON o.source = p.source AND o.product_ref = p.ref"
    assert place.rows(query) == [("a", "a#1")]


@pytest.mark.parametrize("ref", ["1", "товар 7", "site/42", "0" * 80])
def test_ids_need_not_be_guids(place: Place, ref: str) -> None:
    exported(place, import0_1=catalogue(ref))

    assert place.products() == {ref: True}


def test_an_empty_id_of_a_classifier_is_no_matter(place: Place) -> None:
    goods = "<Товар><Ид>a</Ид><Наименование>x</Наименование></Товар>"
    body = f"<Каталог><Ид/><ИдКлассификатора/><Товары>{goods}</Товары></Каталог><Классификатор><Ид/><Наименование/></Классификатор>"
    exported(place, import0_1=document(body))

    assert place.products() == {"a": True}


def test_the_sum_of_a_line_is_exact_to_the_kopeck(place: Place) -> None:
    body = offers("a#1", price="1 234 567,89")
    exported(place, offers0_1=body)

    assert place.rows("SELECT price_minor FROM offer_price") == [(123_456_789,)]
