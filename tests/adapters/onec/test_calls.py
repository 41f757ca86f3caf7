"""Each operation of the port: what goes over the wire and what comes back."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from lxml import etree
from structlog.testing import capture_logs

from adapters.onec.soap import OneCErp
from bridge.core.deadline import Deadline
from bridge.core.errors import Unknown
from bridge.core.money import Money
from bridge.ports.erp import (
    Confirm,
    ErpBuyer,
    ErpEvent,
    ErpHall,
    ErpHallSeat,
    ErpInfo,
    ErpOrder,
    ErpOrderLine,
    ErpOrderState,
    ErpPerformance,
    ErpPrice,
    ErpSeat,
    ErpSeatState,
    Hold,
    Outcome,
    Posting,
    Release,
)
from tests.adapters.onec.publication import (
    LOGIN,
    NAMESPACE,
    PASSWORD,
    PING,
    Publication,
    answer,
    fault,
    payment_result,
    seat_result,
)

HOLD = UUID("11111111-1111-4111-8111-111111111111")
ORDER = UUID("22222222-2222-4222-8222-222222222222")
MOMENT = datetime(2026, 5, 14, 9, 30, 15, 999_999, UTC)
MOMENT_CUT = MOMENT.replace(microsecond=0)
CATALOGUE = f"""
<m:Cursor>Y3Vyc29y</m:Cursor><m:More>true</m:More>
<m:Halls><m:Hall><m:Id>h1</m:Id><m:Name>Большой  «зал»</m:Name><m:Venue>Дворец</m:Venue><m:Version>3</m:Version>
  <m:Seats><m:HallSeat><m:Id>А-1</m:Id><m:Section>Партер</m:Section><m:Row>А</m:Row><m:Number>1</m:Number>
    <m:X>1.5</m:X><m:Y>0</m:Y><m:Accessible>true</m:Accessible></m:HallSeat></m:Seats></m:Hall></m:Halls>
<m:Events><m:Event><m:Id>e1</m:Id><m:Name>Лебединое озеро</m:Name><m:Description/><m:AgeLimit>12</m:AgeLimit>
  <m:Deleted>false</m:Deleted></m:Event></m:Events>
<m:Performances><m:Performance><m:Id>P1</m:Id><m:EventId>e1</m:EventId><m:HallId>h1</m:HallId>
  <m:StartsAt>2026-05-14T12:30:15</m:StartsAt><m:SalesEndAt>0001-01-01T00:00:00</m:SalesEndAt>
  <m:State>on_sale</m:State><m:Zones><m:PriceZone><m:Id>z1</m:Id><m:Name>Партер</m:Name></m:PriceZone></m:Zones>
</m:Performance></m:Performances>
<m:Prices><m:Price><m:PerformanceId>P1</m:PerformanceId><m:ZoneId>z1</m:ZoneId><m:PriceTypeId>full</m:PriceTypeId>
  <m:PriceTypeName>Полный</m:PriceTypeName><m:Amount>1220</m:Amount><m:Currency>RUB</m:Currency></m:Price></m:Prices>
<m:Seats><m:Seat><m:PerformanceId>P1</m:PerformanceId><m:SeatId>А-1</m:SeatId><m:ZoneId>z1</m:ZoneId>
  <m:State>held</m:State><m:HoldId>{str(HOLD).upper()}</m:HoldId></m:Seat></m:Seats>
"""


def test_ping_says_who_answers(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("Ping", PING))

    assert erp.ping(Deadline.after(5)) == ErpInfo(
        "Касса", "БилетноеХозяйство", "3.0.1", datetime(2026, 5, 14, 9, tzinfo=UTC)
    )


def test_a_cyrillic_login_is_sent_as_utf_8(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("Ping", PING))

    erp.ping(Deadline.after(5))

    scheme, _, token = publication.received[0].headers[b"authorization"].partition(b" ")
    assert (scheme, base64.b64decode(token).decode()) == (b"Basic", f"{LOGIN}:{PASSWORD}")


def test_commands_go_in_order_and_results_come_in_order(publication: Publication, erp: OneCErp) -> None:
    publication.answers(
        answer(
            "ApplySeatCommands",
            seat_result(more="<m:SecondsLeft>600</m:SecondsLeft>")
            + seat_result("refused", "hold_sold", ["А-1", "А-2"]),
        )
    )

    first, second = erp.apply(
        [Hold(uuid4(), "P1", ["А-1", "А-2"], 600, "web"), Release(uuid4(), "P1")], Deadline.after(5)
    )

    assert (first.outcome, first.seconds_left, first.code) == (Outcome.DONE, 600, "")
    assert (second.outcome, second.code, second.lost_seat_refs) == (Outcome.REFUSED, "hold_sold", ("А-1", "А-2"))
    body = publication.received[0].body.decode()
    assert body.index(">hold<") < body.index(">release<")


def test_nothing_to_do_makes_no_call(publication: Publication, erp: OneCErp) -> None:
    within = Deadline.after(5)

    assert (erp.apply([], within), erp.post([], within), erp.find_postings([], within)) == ((), (), {})
    assert publication.received == []


def test_an_order_goes_out_with_its_lines(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("ApplySeatCommands", seat_result(more="<m:Number>00УТ-000042</m:Number>")))
    line = ErpOrderLine(HOLD, "P1", "А-1", "full", Money(122_050, "RUB"))
    buyer = ErpBuyer("person", "Ёлкина Анна", "a@example.org", "+79001234567")
    order = ErpOrder(ORDER, "W-42", MOMENT, buyer, Money(122_050, "RUB"), [line])

    (result,) = erp.apply([Confirm(order, "web")], Deadline.after(5))

    assert (result.outcome, result.number) == (Outcome.DONE, "00УТ-000042")
    assert sent(publication, "SeatCommand") == {
        "Kind": "confirm",
        "Channel": "web",
        "Order": {
            "Id": str(ORDER),
            "Number": "W-42",
            "Date": "2026-05-14T12:30:15",
            "BuyerKind": "person",
            "BuyerName": "Ёлкина Анна",
            "BuyerEmail": "a@example.org",
            "BuyerPhone": "+79001234567",
            "BuyerInn": "",
            "Amount": "1220.50",
            "Currency": "RUB",
            "Lines": {
                "OrderLine": {
                    "HoldId": str(HOLD),
                    "PerformanceId": "P1",
                    "SeatId": "А-1",
                    "PriceTypeId": "full",
                    "Amount": "1220.50",
                }
            },
        },
    }


def test_a_payment_goes_out_and_its_document_comes_back(
    publication: Publication, erp: OneCErp, posting: Posting
) -> None:
    more = "<m:Number>00-000017</m:Number><m:Date>2026-05-14T12:31:00</m:Date>"
    publication.answers(answer("PostPayments", payment_result(more=more)))

    (result,) = erp.post([posting], Deadline.after(5))

    assert (result.outcome, result.number) == (Outcome.DONE, "00-000017")
    assert result.posted_at == datetime(2026, 5, 14, 9, 31, tzinfo=UTC)
    assert sent(publication, "Payment") == {
        "Id": str(posting.id),
        "OrderId": str(posting.order_id),
        "Kind": "payment",
        "Amount": "1220.00",
        "Currency": "RUB",
        "Date": "2026-05-14T12:30:15",
        "Provider": "yookassa",
        "ProviderRef": "2c5d-000f",
        "Method": "bank_card",
    }


def test_an_order_is_found_with_what_is_paid_on_it(publication: Publication, erp: OneCErp) -> None:
    state = (
        f"<m:OrderState><m:Id>{str(ORDER).upper()}</m:Id><m:Number>17</m:Number><m:State>confirmed</m:State>"
        "<m:PaidAmount>1220.5</m:PaidAmount><m:Currency/></m:OrderState>"
    )
    publication.answers(answer("FindOrders", state))

    found = erp.find_orders([ORDER, HOLD], Deadline.after(5))

    assert found == {ORDER: ErpOrderState(ORDER, "17", "confirmed", Money(122_050, "RUB"))}


def test_changes_bring_the_whole_catalogue(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("GetChanges", CATALOGUE))

    changes = erp.changes("", 500, Deadline.after(5))

    assert (changes.cursor, changes.has_more) == ("Y3Vyc29y", True)
    assert changes.halls == (
        ErpHall("h1", "Большой  «зал»", "Дворец", "3", (ErpHallSeat("А-1", "Партер", "А", "1", 1.5, 0.0, True),)),
    )
    assert changes.events == (ErpEvent("e1", "Лебединое озеро", "", 12, False),)
    assert changes.performances == (
        ErpPerformance("P1", "e1", "h1", MOMENT_CUT, MOMENT_CUT, "on_sale", {"z1": "Партер"}),
    )
    assert changes.prices == (ErpPrice("P1", "z1", "full", "Полный", Money(122_000, "RUB")),)
    assert changes.seats == (ErpSeat("P1", "А-1", "z1", ErpSeatState.HELD, str(HOLD)),)


def test_the_time_zone_and_the_currency_are_those_of_the_settings(
    publication: Publication, client: Callable[..., OneCErp]
) -> None:
    price = CATALOGUE.replace("<m:Currency>RUB</m:Currency>", "<m:Currency/>")
    publication.answers(answer("GetChanges", price))

    changes = client(timezone="Asia/Vladivostok", currency="KZT").changes("", 500, Deadline.after(5))

    assert changes.performances[0].starts_at == datetime(2026, 5, 14, 2, 30, 15, tzinfo=UTC)
    assert changes.prices[0].price == Money(122_000, "KZT")


def test_a_call_leaves_one_line_in_the_log_and_nothing_of_its_content(
    publication: Publication, erp: OneCErp, posting: Posting
) -> None:
    publication.answers(fault("{WebСервис.TicketBridge.Модуль(25)}: Покупатель Иванов 2c5d-000f"))

    with capture_logs() as lines, pytest.raises(Unknown):
        erp.post([posting], Deadline.after(5))

    (line,) = lines
    assert isinstance(line.pop("ms"), float)
    assert line == {
        "event": "upstream_called",
        "log_level": "info",
        "upstream": "onec",
        "operation": "PostPayments",
        "outcome": "erp_failed",
        "count": 1,
    }


def sent(publication: Publication, element: str) -> object:
    """The first ``element`` of the last request, as nested dictionaries."""
    root = etree.fromstring(publication.received[-1].body)
    found = root.find(f".//{{{NAMESPACE}}}{element}")
    assert found is not None
    return plain(found)


def plain(element: etree._Element) -> object:
    children = {etree.QName(child).localname: plain(child) for child in element}
    return children or element.text or ""
