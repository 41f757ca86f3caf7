from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, Misconfigured, Unknown
from bridge.ports.storefront import GoodsPortion
from sandbox.bitrix.app import BitrixSandbox
from tests.adapters.bitrix_exchange.conftest import Make, Other, audit, modes, soon, tell
from tests.adapters.bitrix_exchange.goods import offer, offers, products


def elements(site: BitrixSandbox, block: str = "ticket-bridge") -> dict[str, Any]:
    found: dict[str, Any] = audit(site)["blocks"].get(block, {}).get("elements", {})
    return found


def test_goods_offers_prices_and_stock_arrive(site: BitrixSandbox, make: Make) -> None:
    shop = make()
    shop.push(products("a", "b", sku="A-1", unit="796"), soon())
    shop.push(offers(offer("a#1", "1220.50", {"main": "3", "": "5"}, characteristics={"Ряд": "7"})), soon())

    product, one = elements(site)["a"], elements(site, "ticket-bridge#")["a#1"]

    assert (product["name"], product["sku"], product["unit"], product["sections"]) == ("Товар a", "A-1", "796", ["g"])
    assert (one["prices"], one["currency"], one["quantity"], one["stores"]) == ({"retail": "1220.50"}, "RUB", "5", {"main": "3"})  # fmt: skip
    assert one["properties"] == {"Ряд": "7"}


def test_import_goes_on_until_success_and_files_go_in_parts_of_the_sites_limit(site: BitrixSandbox, make: Make) -> None:
    make().push(products(*(f"ref-{number}" for number in range(30))), soon())

    asked = audit(site)["calls"]

    assert len(elements(site)) == 30
    assert [call["mode"] for call in asked[:2]] == ["checkauth", "init"]
    parts = [call["bytes"] for call in asked if call["mode"] == "file"]
    assert len(parts) > 1
    assert max(parts) <= 4000
    assert len([call for call in asked if call["mode"] == "import"]) > 15


def test_a_push_never_takes_away_what_it_does_not_mention(site: BitrixSandbox, make: Make) -> None:
    shop = make()
    shop.push(products("a"), soon())
    shop.push(offers(offer("a")), soon())

    shop.push(products("b"), soon())
    shop.push(offers(offer("b")), soon())

    assert {ref: one["is_active"] for ref, one in elements(site).items()} == {"a": True, "b": True}
    assert set(elements(site, "ticket-bridge#")) == {"a", "b"}


def test_a_file_said_to_be_whole_would_have_taken_it_away(
    site: BitrixSandbox, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with the flag off, the same push deletes."""
    shop = make()
    shop.push(products("a"), soon())
    monkeypatch.setattr("adapters.bitrix.exchange.goods.ONLY_CHANGES", {"СодержитТолькоИзменения": "false"})

    shop.push(products("b"), soon())

    assert set(elements(site)) == {"b"}


def test_nothing_is_ever_deactivated_or_completed(site: BitrixSandbox, make: Make) -> None:
    make().push(products("a"), soon())

    assert not {"catalog/deactivate", "catalog/complete"} & set(modes(site))


def test_what_is_marked_as_deleted_is_hidden_and_only_that(site: BitrixSandbox, make: Make) -> None:
    shop = make()
    shop.push(products("a", "b"), soon())
    shop.push(products("a", is_deleted=True), soon())
    shop.push(offers(offer("a", is_deleted=True), offer("b")), soon())

    assert {ref: one["is_active"] for ref, one in elements(site).items()} == {"a": False, "b": True}
    assert {ref: one["is_active"] for ref, one in elements(site, "ticket-bridge#").items()} == {"a": False, "b": True}


def test_offers_come_into_a_block_whose_id_ends_with_a_hash(site: BitrixSandbox, make: Make) -> None:
    make(catalog_ref="goods").push(offers(offer("a")), soon())

    assert set(audit(site)["blocks"]) == {"goods#"}


@pytest.mark.parametrize(
    ("rests", "quantity"),
    [
        ({}, None),  # nothing was said: nothing is said
        ({"": "0"}, "0"),
        ({"main": "2", "far": "3"}, "5"),  # no total: the sum of the stores
        ({"": "4", "main": "2"}, "4"),  # the total the source gave
        ({"": "-1"}, "0"),  # a shop sells nothing of what the books owe
        ({"": "2.5"}, "2.5"),
        ({"": "100"}, "100"),
    ],
)
def test_quantities_mean_what_the_source_said(
    site: BitrixSandbox, make: Make, rests: dict[str, str], quantity: str | None
) -> None:
    make().push(offers(offer("a", rests=rests)), soon())

    found = elements(site, "ticket-bridge#")["a"]["quantity"]
    assert found == quantity or Decimal(found) == Decimal(str(quantity))


def test_an_offer_nobody_has_named_keeps_its_name_in_the_shop(site: BitrixSandbox, make: Make) -> None:
    """Prices and stock without a description go in files of their own; mixed into one element they would empty the rest."""
    shop = make()
    shop.push(offers(offer("a", "10.00", {"": "1"})), soon())

    shop.push(offers(offer("a", "20.00", {"": "7", "main": "7"}, name=None)), soon())

    found = elements(site, "ticket-bridge#")["a"]
    assert (found["name"], found["prices"], found["quantity"], found["stores"]) == ("Товар a", {"retail": "20.00"}, "7", {"main": "7"})  # fmt: skip


def test_a_unit_without_a_code_is_left_out_because_it_would_end_the_import(site: BitrixSandbox, make: Make) -> None:
    make().push(products("a", unit="шт"), soon())

    assert elements(site)["a"]["unit"] == ""


def test_characters_xml_cannot_hold_are_dropped(site: BitrixSandbox, make: Make) -> None:
    make().push(products("a", description="одна\x0bстрока <b>&amp;"), soon())

    assert "a" in elements(site)


def test_no_token_is_sent_so_an_older_1c_at_the_site_goes_on_working(
    site: BitrixSandbox, make: Make, other: Other
) -> None:
    make().push(products("a"), soon())

    other.enter("catalog")

    assert other.ask("catalog", "init").startswith("zip=no")
    assert audit(site)["options"]["skips_source_check"] is True


def test_a_token_sent_on_demand_latches_the_check_for_everybody(site: BitrixSandbox, make: Make, other: Other) -> None:
    """The control, and why it is off: the same push with the token locks the older 1C out."""
    make(sends_sessid=True).push(products("a"), soon())

    other.enter("catalog")

    assert "Ошибка проверки источника запроса" in other.ask("catalog", "init")
    with pytest.raises(Misconfigured) as found:
        make().push(products("b"), soon())
    assert found.value.code == "storefront_wants_token"
    make(sends_sessid=True).push(products("b"), soon())
    assert set(elements(site)) == {"a", "b"}


def test_a_wrong_password_is_for_a_person_and_is_never_shown(make: Make) -> None:
    with pytest.raises(Misconfigured) as found:
        make(password="secret-word").push(products("a"), soon())

    assert found.value.code == "storefront_login_refused"
    assert "secret-word" not in str(found.value)
    assert "Неверное имя пользователя" in str(found.value)


@pytest.mark.parametrize("mode", ["checkauth", "init", "file", "import"])
@pytest.mark.parametrize("do", ["drop", "502", "html", "empty", "failure", "notice"])
@pytest.mark.parametrize("is_done_first", [False, True])
def test_whatever_goes_wrong_once_a_second_push_puts_right(
    site: BitrixSandbox, make: Make, mode: str, do: str, is_done_first: bool
) -> None:
    shop = make()
    tell(site, "/_faults", do=do, kind="catalog", mode=mode, is_done_first=is_done_first)

    try:
        shop.push(products(*"abcdef"), soon())
    except BridgeError as error:
        assert isinstance(error, Unknown | Misconfigured), error  # noqa: PT017
        shop.push(products(*"abcdef"), soon())

    assert sorted(elements(site)) == list("abcdef")


@pytest.mark.parametrize("do", ["drop", "502"])
def test_an_answer_lost_while_importing_is_asked_for_again_in_the_same_visit(
    site: BitrixSandbox, make: Make, do: str
) -> None:
    tell(site, "/_faults", do=do, kind="catalog", mode="import", skip=3, is_done_first=True)

    make().push(products(*"abcdef"), soon())

    assert modes(site).count("catalog/checkauth") == 1
    assert len(elements(site)) == 6


def test_a_part_sent_twice_by_a_lost_answer_does_not_spoil_the_file(site: BitrixSandbox, make: Make) -> None:
    """The site appends: only ``init``, with which every push begins, makes a repeat safe."""
    tell(site, "/_faults", do="drop", kind="catalog", mode="file", is_done_first=True)
    shop = make()
    with pytest.raises(Unknown):
        shop.push(products("a"), soon())

    shop.push(products("a"), soon())

    assert list(elements(site)) == ["a"]


def test_another_1c_that_wipes_our_files_makes_the_push_fail_and_not_half_succeed(
    site: BitrixSandbox, make: Make
) -> None:
    shop = make()
    wiped = Other(site)

    class Wiping(type(shop._sender)):  # type: ignore[misc]
        def send(self, request: Any, deadline: Deadline) -> Any:
            if request.operation == "exchange.catalog.import":
                wiped.enter("catalog")
                wiped.ask("catalog", "init")
            return super().send(request, deadline)

    shop._sender = Wiping()
    with pytest.raises(Unknown) as found:
        shop.push(products("a"), soon())

    assert "Ошибка открытия файла" in str(found.value)


def many() -> GoodsPortion:
    return products(*(f"r{number}" for number in range(40)))


def test_an_import_that_takes_longer_than_a_call_is_gone_on_with_where_it_was(site: BitrixSandbox, make: Make) -> None:
    tell(site, "/_settings", step_items=1)

    word, calls = make(pause_s=0.01).push(many(), Deadline.after(0.5)), 1
    assert word
    while word:
        word = make(pause_s=0.01).resume(word, Deadline.after(0.5))
        calls += 1
        assert calls < 30

    assert len(elements(site)) == 40
    modes = [call["mode"] for call in audit(site)["calls"]]
    assert (modes.count("checkauth"), modes.count("init")) == (1, 1)


def test_a_site_that_has_forgotten_an_import_gets_it_anew(site: BitrixSandbox, make: Make) -> None:
    tell(site, "/_settings", step_items=1)
    shop = make(pause_s=0.01)
    word = shop.push(many(), Deadline.after(0.3))
    with site.site.lock:
        site.site.exchange.door.sessions.clear()

    with pytest.raises(Unknown):
        shop.resume(word, soon())

    assert shop.push(many(), soon()) == ""
    assert len(elements(site)) == 40


def test_files_of_another_1c_are_never_taken_for_those_that_were_sent(site: BitrixSandbox, make: Make) -> None:
    tell(site, "/_settings", step_items=1)
    shop = make(pause_s=0.01)
    word = shop.push(many(), Deadline.after(0.3))
    other = Other(site)
    other.enter("catalog")
    other.ask("catalog", "init")
    other.ask("catalog", "file", b"<a/>", filename="import.xml")

    with pytest.raises(Unknown, match="Ошибка открытия файла"):
        shop.resume(word, soon())


@pytest.mark.parametrize(
    ("do", "code"), [("401", "storefront_login_refused"), ("redirect", "storefront_address_wrong")]
)
def test_an_address_without_an_exchange_is_for_a_person(site: BitrixSandbox, make: Make, do: str, code: str) -> None:
    tell(site, "/_faults", do=do)

    with pytest.raises(Misconfigured) as found:
        make().push(products("a"), soon())

    assert found.value.code == code


@pytest.mark.parametrize("version", ["14.5", "16.5", "22.8"])
def test_every_version_of_the_site_takes_goods(site: BitrixSandbox, make: Make, version: str) -> None:
    tell(site, "/_settings", version=version)

    make().push(products("a"), soon())

    assert list(elements(site)) == ["a"]
