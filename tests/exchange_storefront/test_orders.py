from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from adapters.onec.exchange.orders import document
from bridge.core.errors import Unknown
from bridge.exchange.nodes import Dialect, Orders, add_node
from bridge.exchange.order_import import take_orders
from bridge.exchange.storefront_work import ORDERS
from bridge.ports.goods import Tally
from bridge.ports.site import Visit
from bridge.ports.site_orders import InOrder
from tests.adapters.bitrix_exchange.conftest import Other
from tests.exchange_storefront.conftest import Place


def ours(place: Place) -> list[tuple[str, str, int, str]]:
    """Our orders: the shop's number, state, total, who brings them to the ERP."""
    return place.rows("SELECT external_ref, state, total_minor, keeper FROM customer_order ORDER BY external_ref")


def kept(place: Place) -> list[tuple[str, int, bool, str | None]]:
    """Orders of the shop: number, versions, whether there is an order of ours, and why not."""
    return place.rows("SELECT number, versions, order_id IS NOT NULL, why FROM storefront_order ORDER BY number")


def say(place: Place, number: str, **words: Any) -> None:
    """A node says something of the shop's order, as it does when it exchanges with us."""
    ((order_id, our_number),) = place.rows(
        "SELECT order_id, number FROM customer_order WHERE external_ref = :n", n=number
    )
    with place.bridge.db.begin() as tx:
        if not place.rows("SELECT 1 FROM exchange_node"):
            add_node(tx, "ut", Dialect.UT11, Orders())
    place.run(
        "INSERT INTO exchange_order (node, order_id, version) VALUES ('ut', :id, clock_timestamp()) ON CONFLICT DO NOTHING",
        id=order_id,
    )

    class Reading:
        tally = Tally()

        def __iter__(self) -> Any:
            yield InOrder(str(our_number), **words)

    with place.bridge.db.begin() as tx:
        take_orders(tx, Reading(), "ut")


def test_an_order_of_the_shop_becomes_one_of_ours_with_its_goods(place: Place) -> None:
    number = place.buy("a", "b#1", comment="до двери")

    place.exchange_orders()

    assert ours(place) == [(number, "awaiting_payment", 40_200, "broker")]
    lines = place.rows("SELECT goods_ref, source, name, quantity, price_minor, amount_minor FROM order_line ORDER BY position")  # fmt: skip
    assert lines == [("a", "ut", "Товар a", 2, 10_050, 20_100), ("b#1", "ut", "Товар b#1", 2, 10_050, 20_100)]
    ((buyer,),) = place.rows("SELECT buyer FROM customer_order")
    assert (buyer["kind"], buyer["name"], buyer["email"]) == ("person", "Анна Ли", "anna@example.org")


def test_a_node_fetches_the_order_with_its_own_ids_of_the_goods(place: Place) -> None:
    place.offer("a")
    place.buy("a")
    place.exchange_orders()
    with place.bridge.db.begin() as tx:
        add_node(tx, "ut", Dialect.UT11, Orders())
    place.run("UPDATE exchange_node SET created_at = created_at - interval '1 day'")
    place.run("UPDATE customer_order SET state = 'paid'; UPDATE order_line SET state = 'sold'")
    place.run("INSERT INTO payment_attempt (attempt_id, order_id, provider, account, method, state, amount_minor, currency, return_url) SELECT gen_random_uuid(), order_id, 'yookassa', 'main', 'card', 'captured', total_minor, currency, '' FROM customer_order")  # fmt: skip
    place.run("INSERT INTO payment_fact (attempt_id, kind, provider_ref, amount_minor, currency, happened_at) SELECT attempt_id, 'captured', 'p', amount_minor, currency, now() FROM payment_attempt")  # fmt: skip

    with place.bridge.db.begin() as tx:
        run = tx.execute(
            text(
                "INSERT INTO exchange_run (node, kind, token_hash) VALUES ('ut', 'sale', 'x') RETURNING exchange_run_id"
            )
        ).scalar_one()
    site = place.bridge.site
    visit = Visit(run, "ut", "ut11", datetime.now(UTC))
    documents = site.offer_orders(visit, document)

    (found,) = documents
    assert "<Ид>a</Ид>".encode() in found
    assert "<Количество>2".encode() in found


def test_the_same_orders_again_change_nothing(place: Place) -> None:
    place.buy("a")
    place.tell("/_faults", do="drop", kind="sale", mode="success")
    place.exchange_orders()

    place.retry()
    place.work(ORDERS)

    assert (len(ours(place)), [row[:2] for row in kept(place)]) == (1, [("1001", 1)])
    assert place.undone() == []
    assert place.modes().count("sale/query") == 2


def test_orders_are_stored_before_the_shop_is_told_so_a_crash_between_loses_none(place: Place) -> None:
    place.buy("a")
    shop = place.bridge.storefront
    assert shop is not None
    take = shop._shop.take

    class Killed(BaseException):
        pass

    def die(*given: Any) -> dict[str, int]:
        take(*given)
        raise Killed

    shop._shop.take = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        place.exchange_orders()
    shop._shop.take = take  # type: ignore[method-assign]
    assert ours(place) == []
    assert "sale/success" not in place.modes()
    place.run("UPDATE outbox SET lease_until = clock_timestamp() WHERE status = 'running'")

    place.work(ORDERS)

    assert len(ours(place)) == 1


def test_an_order_our_own_checkout_had_made_is_the_same_order(place: Place) -> None:
    place.buy("a")
    place.exchange_orders()
    ((order_id,),) = place.rows("SELECT order_id FROM customer_order")
    place.run("DELETE FROM storefront_order")

    place.alter("1001", comment="иначе")
    place.exchange_orders()

    assert len(ours(place)) == 1
    assert place.rows("SELECT order_id FROM storefront_order") == [(UUID(str(order_id)),)]


def test_what_the_erp_says_goes_to_the_shop_once_and_does_not_come_back(place: Place) -> None:
    number = place.buy("a")
    place.exchange_orders()
    say(place, number, erp_number="УТ-000007", is_posted=True, is_paid=True, payment_number="ПП-1")

    for _ in range(3):
        place.exchange_orders()

    found = place.audit()["orders"][number]
    assert (found["number_1c"], found["is_paid"], found["marks"]) == ("УТ-000007", True, [])
    assert place.modes().count("sale/file") == 1
    assert [row[:2] for row in kept(place)] == [(number, 1)]
    assert place.undone() == []


def test_the_newest_words_win_and_go_out_again(place: Place) -> None:
    number = place.buy("a")
    place.exchange_orders()
    say(place, number, erp_number="УТ-1", status_ref="N")
    place.exchange_orders()

    say(place, number, status_ref="P")
    place.exchange_orders()

    assert place.audit()["orders"][number]["status"] == "P"
    assert place.modes().count("sale/file") == 2


def test_an_erp_that_knows_no_payment_does_not_take_back_the_shops(place: Place) -> None:
    number = place.buy("a", is_paid=True)
    place.exchange_orders()

    say(place, number, erp_number="УТ-1", is_paid=False)
    place.exchange_orders()

    assert place.audit()["orders"][number]["is_paid"] is True
    assert place.audit()["orders"][number]["number_1c"] == "УТ-1"


def test_an_order_paid_with_us_is_paid_in_the_shop(place: Place) -> None:
    number = place.buy("a")
    place.exchange_orders()

    place.run("UPDATE customer_order SET state = 'paid', changed_at = clock_timestamp()")
    place.exchange_orders()

    assert place.audit()["orders"][number]["is_paid"] is True


def test_news_whose_answer_was_lost_are_told_again_and_the_shop_is_the_same(place: Place) -> None:
    number = place.buy("a")
    place.exchange_orders()
    say(place, number, erp_number="УТ-1")
    place.tell("/_faults", do="drop", kind="sale", mode="file", is_done_first=True)
    place.exchange_orders()

    place.retry()
    place.work(ORDERS)

    assert place.audit()["orders"][number]["number_1c"] == "УТ-1"
    assert place.undone() == []


def test_one_order_the_shop_will_not_change_does_not_keep_the_others_back(place: Place) -> None:
    first, second = place.buy("a"), place.buy("b")
    place.exchange_orders()
    place.alter(first, is_cancelled=True)
    for number in (first, second):
        say(place, number, erp_number=f"УТ-{number}")

    place.exchange_orders()

    found = place.audit()["orders"]
    assert (found[first]["number_1c"], found[second]["number_1c"]) == ("", f"УТ-{second}")
    assert "storefront_remarked" in place.alerts()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_cancelled": True}, "storefront_order_cancelled"),
        ({"is_paid": True}, "storefront_order_paid"),
        ({"lines": []}, "storefront_order_differs"),
    ],
)
def test_what_the_shop_changes_afterwards_goes_to_a_person(place: Place, change: dict[str, Any], code: str) -> None:
    number = place.buy("a")
    place.exchange_orders()
    if "lines" in change:
        order = place.site.site.shop.orders[int(number)]
        order.lines[0].quantity *= 2
        place.alter(number, comment="больше")
    else:
        place.alter(number, **change)

    place.exchange_orders()

    assert place.alerts() == [code]
    assert ours(place)[0][1:3] == ("awaiting_payment", 20_100)


def test_an_order_that_cannot_be_ours_is_kept_with_the_reason_and_the_rest_go_on(place: Place) -> None:
    nobody = place.buy("a", buyer={"name": "Некто"})
    number = place.buy("a")

    place.exchange_orders()

    assert [row[0] for row in ours(place)] == [number]
    ((_, _, is_ours, why), _) = kept(place)
    assert (is_ours, place.alerts()) == (False, ["storefront_order_refused"])
    assert "buyer_unreachable" in str(why)
    assert place.rows("SELECT content->>'number' FROM storefront_order WHERE order_id IS NULL") == [(nobody,)]

    place.site.site.shop.orders[int(nobody)].buyer["email"] = "x@example.org"
    place.alter(nobody, comment="нашёлся")
    place.exchange_orders()

    assert len(ours(place)) == 2
    assert place.alerts() == []


def test_an_unreadable_order_is_kept_whole_and_the_rest_are_taken(place: Place) -> None:
    broken, number = place.buy("a"), place.buy("b")
    place.site.site.shop.orders[int(broken)].lines[0].quantity = Decimal("NaN")

    place.exchange_orders()

    assert [row[0] for row in ours(place)] == [number]
    assert place.alerts() == ["storefront_order_unreadable"]
    ((document, why),) = place.rows("SELECT document, why FROM storefront_order WHERE number = :n", n=broken)
    assert broken in document
    assert "NaN" in why


def test_a_price_of_parts_of_a_kopeck_keeps_the_shops_total(place: Place) -> None:
    place.buy(lines=[{"xml_id": "a", "name": "А", "price": "33.3333", "quantity": "3"}])

    place.exchange_orders()

    assert ours(place)[0][2] == 10_000
    assert place.rows("SELECT name, quantity, amount_minor FROM order_line") == [("А, 3", 1, 10_000)]


def test_without_the_client_nothing_is_taken_and_a_person_is_told(place: Place) -> None:
    place.buy("a")
    place.run("UPDATE client SET name = 'else'")

    place.exchange_orders()

    assert kept(place) == []
    assert "sale/success" not in place.modes()
    assert "storefront_exchange_failing" in place.alerts()


def test_another_1c_at_our_cursor_is_an_alert_and_what_we_read_is_kept(place: Place) -> None:
    number = place.buy("a")
    other = Other(place.site)
    shop = place.bridge.storefront
    assert shop is not None
    take = shop._shop.take

    def meanwhile(*given: Any) -> dict[str, int]:
        found = take(*given)
        assert other.numbers() == [number]
        return found

    shop._shop.take = meanwhile  # type: ignore[method-assign]
    place.exchange_orders()

    assert [row[0] for row in ours(place)] == [number]
    ((reason,),) = place.rows("SELECT reason FROM alert WHERE code = 'storefront_exchange_failing'")
    assert "storefront_cursor_shared" in reason


def test_runs_are_shown_by_sync_status(place: Place) -> None:
    place.buy("a")
    place.exchange_orders()
    place.exchange_orders()

    assert place.rows("SELECT source, counts, error FROM sync_run") == [
        ("storefront.orders:bitrix", {"orders": 1}, None)
    ]


def test_run_now_does_everything_and_says_what(place: Place) -> None:
    shop = place.bridge.storefront
    assert shop is not None
    place.describe("a")
    place.buy("a")

    assert shop.run_now(place.bridge.runner) == {
        "storefront.goods:bitrix": {"products": 1, "offers": 0},
        "storefront.orders:bitrix": {"orders": 1},
    }
    assert shop.run_now(place.bridge.runner) == {}


def test_run_now_says_why_it_failed(place: Place) -> None:
    shop = place.bridge.storefront
    assert shop is not None
    place.describe("a")
    place.tell("/_faults", do="502", times=9)

    with pytest.raises(Unknown, match="HTTP 502"):
        shop.run_now(place.bridge.runner)


def test_buyers_are_in_no_log(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    number = place.buy("a")
    place.exchange_orders()
    say(place, number, erp_number="УТ-1")
    place.exchange_orders()

    said = "".join(capfd.readouterr())
    assert not [word for word in ("Анна", "anna@", "79990000000", "site-password", "PHPSESSID") if word in said]
