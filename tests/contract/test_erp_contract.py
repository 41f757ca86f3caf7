"""The numbered contract of ``bridge.ports.erp``, kept by the SOAP adapter against the simulated infobase over HTTP."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import requests

from adapters.onec.settings import OneCSettings
from adapters.onec.soap import OneCErp, create
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, Misconfigured, NotSent, Throttled, Unknown
from bridge.core.money import Money
from bridge.ports.erp import (
    Changes,
    Confirm,
    Erp,
    ErpBuyer,
    ErpHoldState,
    ErpOrder,
    ErpOrderLine,
    ErpSeatState,
    Hold,
    Outcome,
    Posting,
    PostingKind,
    Release,
)
from sandbox.onec.app import OneCSandbox
from sandbox.onec.settings import Settings

ZONE = ZoneInfo("Europe/Moscow")
HAPPENED_AT = datetime(2026, 5, 14, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Infobase:
    """The simulated infobase, its back doors and what is on sale in it."""

    server: OneCSandbox
    performance: str
    seats: list[str]
    price: Money
    price_type: str

    def arm(self, operation: str, kind: str, **more: Any) -> None:
        self._post("_faults", {"faults": [{"operation": operation, "kind": kind, **more}]})

    def sell_at_box_office(self, *seats: str) -> None:
        self._post("_box_office/sell", {"performance": self.performance, "seats": seats})

    def take_back(self, *seats: str) -> None:
        self._post("_box_office/return", {"performance": self.performance, "seats": seats})

    def audit(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.server.url}/_audit", timeout=5).json()
        return found

    def advance(self, seconds: float) -> None:
        self._post("_clock", {"advance_s": seconds})

    def _post(self, path: str, body: object) -> None:
        requests.post(f"{self.server.url}/{path}", json=body, timeout=5).raise_for_status()


@pytest.fixture(params=["use", "autouse", "dontuse"])
def server(request: pytest.FixtureRequest) -> Iterator[OneCSandbox]:
    with OneCSandbox(Settings(season="tiny", session_mode=request.param)) as running:
        yield running


@pytest.fixture
def erp(server: OneCSandbox) -> Iterator[OneCErp]:
    address = f"{server.url}/infobase"
    made = create(OneCSettings.model_validate({"base_url": address, "login": "обмен", "password": "пароль1"}))
    yield made
    made.close()


@pytest.fixture
def infobase(server: OneCSandbox, erp: Erp) -> Infobase:
    changes = everything(erp)
    performance = changes.performances[0]
    seats = [seat for seat in changes.seats if seat.performance_ref == performance.ref]
    free = [seat for seat in seats if seat.state is ErpSeatState.FREE and seat.zone_ref == seats[0].zone_ref]
    price = next(
        price
        for price in changes.prices
        if (price.performance_ref, price.zone_ref) == (performance.ref, seats[0].zone_ref)
    )
    refs = [seat.seat_ref for seat in free]
    return Infobase(server, performance.ref, refs, price.price, price.price_type_ref)


def everything(erp: Erp) -> Changes:
    """All changes from the beginning, in one piece."""
    pages = [erp.changes("", 50, within())]
    while pages[-1].has_more:
        pages.append(erp.changes(pages[-1].cursor, 50, within()))
    lists = ("halls", "events", "performances", "prices", "seats")
    joined = {name: tuple(itertools.chain.from_iterable(getattr(page, name) for page in pages)) for name in lists}
    return Changes(pages[-1].cursor, False, **joined)


def within(seconds: float = 10) -> Deadline:
    return Deadline.after(seconds)


def hold(infobase: Infobase, *seats: str, hold_id: UUID | None = None, ttl_s: int = 600) -> Hold:
    return Hold(hold_id or uuid4(), infobase.performance, list(seats), ttl_s, "web")


def confirm(infobase: Infobase, held: Hold) -> Confirm:
    lines = [
        ErpOrderLine(held.hold_id, infobase.performance, seat, infobase.price_type, infobase.price)
        for seat in held.seat_refs
    ]
    total = Money(infobase.price.minor * len(lines), infobase.price.currency)
    buyer = ErpBuyer("person", "Ёлкина Анна 🎭", "anna@example.org", "+79001234567")
    return Confirm(ErpOrder(uuid4(), f"W-{uuid4().hex[:8]}", HAPPENED_AT, buyer, total, lines), "web")


def payment(order: ErpOrder, kind: PostingKind = PostingKind.PAYMENT) -> Posting:
    return Posting(uuid4(), order.id, kind, order.total, HAPPENED_AT, "yookassa", "2c5d", "bank_card")


def sell(erp: Erp, infobase: Infobase, *seats: str) -> ErpOrder:
    held = hold(infobase, *seats)
    order = confirm(infobase, held)
    results = erp.apply([held, order], within())
    assert [one.outcome for one in results] == [Outcome.DONE, Outcome.DONE]
    return order.order


def state_of(erp: Erp, held: Hold) -> ErpHoldState:
    return erp.find_holds([held.hold_id], within())[held.hold_id].state


def test_1_holds_orders_and_postings_are_found_by_our_ids(erp: OneCErp, infobase: Infobase) -> None:
    held = hold(infobase, *infobase.seats[:2])
    order = confirm(infobase, held)
    posting = payment(order.order)

    erp.apply([held, order], within())
    erp.post([posting], within())

    found = erp.find_holds([held.hold_id, posting.id], within())
    assert (found[held.hold_id].state, found[held.hold_id].seat_refs) == (ErpHoldState.SOLD, tuple(held.seat_refs))
    assert found[posting.id].state is ErpHoldState.ABSENT
    known = erp.find_orders([order.order.id, uuid4()], within())
    assert {known_id: (one.state, one.paid) for known_id, one in known.items()} == {
        order.order.id: ("paid", order.order.total)
    }
    (written,) = erp.find_postings([posting.id, uuid4()], within()).values()
    assert (written.id, written.order_id, written.amount) == (posting.id, order.order.id, posting.amount)


def test_2_a_command_that_fails_does_not_fail_its_neighbours(erp: OneCErp, infobase: Infobase) -> None:
    infobase.sell_at_box_office(infobase.seats[1])
    first, taken, last = (hold(infobase, seat) for seat in infobase.seats[:3])

    results = erp.apply([first, taken, last], within())

    assert [one.outcome for one in results] == [Outcome.DONE, Outcome.REFUSED, Outcome.DONE]
    assert (results[1].code, results[1].lost_seat_refs) == ("seats_taken", (infobase.seats[1],))


def test_2_a_command_rolled_back_by_a_lock_conflict_may_be_tried_again(erp: OneCErp, infobase: Infobase) -> None:
    commands = [hold(infobase, seat) for seat in infobase.seats[:2]]
    infobase.arm("ApplySeatCommands", "command_failed", commands=1)

    first = erp.apply(commands, within())
    second = erp.apply(commands, within())

    assert [one.outcome for one in first] == [Outcome.FAILED, Outcome.DONE]
    assert [one.outcome for one in second] == [Outcome.DONE, Outcome.DONE]


def test_3_the_same_hold_again_is_the_same_hold(erp: OneCErp, infobase: Infobase) -> None:
    held = hold(infobase, infobase.seats[0])

    results = [*erp.apply([held], within()), *erp.apply([held], within())]

    assert [one.outcome for one in results] == [Outcome.DONE, Outcome.DONE]
    assert results[1].seconds_left is not None
    assert 590 <= results[1].seconds_left <= 600


def test_3_a_hold_that_arrives_after_its_release_is_refused(erp: OneCErp, infobase: Infobase) -> None:
    held = hold(infobase, infobase.seats[0])

    results = erp.apply([Release(held.hold_id, held.performance_ref), held], within())

    assert [one.outcome for one in results] == [Outcome.DONE, Outcome.REFUSED]
    assert results[1].code == "hold_released"
    assert state_of(erp, held) is ErpHoldState.RELEASED


def test_3_a_release_settles_a_hold_whose_answer_was_lost(erp: OneCErp, infobase: Infobase) -> None:
    held = hold(infobase, infobase.seats[0])
    infobase.arm("ApplySeatCommands", "commit_then_drop")

    with pytest.raises(Unknown):
        erp.apply([held], within())

    assert state_of(erp, held) is ErpHoldState.ACTIVE
    erp.apply([Release(held.hold_id, held.performance_ref)], within())
    assert state_of(erp, held) is ErpHoldState.RELEASED


def test_3_a_hold_lapses_by_1c_s_own_clock(erp: OneCErp, infobase: Infobase) -> None:
    held = hold(infobase, infobase.seats[0], ttl_s=60)
    erp.apply([held], within())

    infobase.advance(61)

    assert state_of(erp, held) is ErpHoldState.EXPIRED


def test_4_the_same_confirm_again_changes_nothing(erp: OneCErp, infobase: Infobase) -> None:
    held = hold(infobase, *infobase.seats[:2])
    order = confirm(infobase, held)

    (_, first), (second,) = erp.apply([held, order], within()), erp.apply([order], within())

    assert (first.outcome, second.outcome) == (Outcome.DONE, Outcome.DONE)
    assert first.number == second.number is not None
    audit = infobase.audit()
    assert len(audit["orders"]) == 1
    assert sorted(sale["seat_id"] for sale in audit["sales"]) == sorted(held.seat_refs)


def test_4_what_is_sold_is_written_as_it_was_meant(erp: OneCErp, infobase: Infobase) -> None:
    order = sell(erp, infobase, infobase.seats[0])

    (written,) = infobase.audit()["orders"].values()

    assert written["buyer"]["name"] == "Ёлкина Анна"
    assert written["created_at"] == "2026-05-14T12:30:00"
    assert (written["amount"], written["currency"]) == (str(order.total.decimal), order.total.currency)


def test_5_a_payment_whose_answer_was_lost_is_found_and_not_posted_again(erp: OneCErp, infobase: Infobase) -> None:
    posting = payment(sell(erp, infobase, infobase.seats[0]))
    infobase.arm("PostPayments", "commit_then_drop")

    with pytest.raises(Unknown):
        erp.post([posting], within())

    assert erp.find_postings([posting.id], within()).keys() == {posting.id}
    assert len(infobase.audit()["documents"]) == 1


def test_5_a_refund_is_written_as_one(erp: OneCErp, infobase: Infobase) -> None:
    order = sell(erp, infobase, infobase.seats[0])

    results = erp.post(
        [payment(order), payment(order, PostingKind.REFUND), payment(order, PostingKind.REFUND)], within()
    )

    assert [one.outcome for one in results] == [Outcome.DONE, Outcome.DONE, Outcome.REFUSED]
    assert results[2].code == "amount_mismatch"
    assert erp.find_orders([order.id], within())[order.id].paid == Money(0, order.total.currency)


# What is armed, what becomes of it, and whether the hold is there afterwards.
DISTURBANCES: list[tuple[str, dict[str, Any], type[BridgeError], bool]] = [
    ("commit_then_drop", {}, Unknown, True),
    ("cut_answer", {}, Unknown, True),
    ("silence", {"seconds": 3}, Unknown, True),
    ("late", {"seconds": 2}, Unknown, True),
    ("drop_before", {}, Unknown, False),
    ("html_500", {}, Unknown, False),
    ("html_500", {"executes": True}, Unknown, True),
    ("garbage_200", {"executes": True}, Unknown, True),
    ("error_as_200", {"executes": True}, Unknown, True),
    ("lock_conflict", {}, Throttled, False),
    ("lock_conflict", {"lang": "en"}, Throttled, False),
    ("licence", {}, Throttled, False),
    ("licence", {"lang": "en"}, Throttled, False),
    ("maintenance", {"times": 1}, Throttled, False),
    ("session_killed", {}, Unknown, False),
    ("session_killed", {"lang": "en"}, Unknown, False),
]


@pytest.mark.parametrize("server", ["use"], indirect=True)
@pytest.mark.parametrize(("kind", "more", "error", "is_done"), DISTURBANCES)
def test_6_an_error_says_what_may_have_happened(
    erp: OneCErp, infobase: Infobase, kind: str, more: dict[str, Any], error: type[BridgeError], is_done: bool
) -> None:
    held = hold(infobase, infobase.seats[0])
    infobase.arm("ApplySeatCommands", kind, **more)

    with pytest.raises(BridgeError) as caught:
        erp.apply([held], within(1))

    assert type(caught.value) is error
    if kind == "late":  # until it is finished nobody can look it up
        threading.Event().wait(1.5)
    assert (state_of(erp, held) is ErpHoldState.ACTIVE) is is_done


def test_6_a_deadline_that_is_over_sends_nothing(erp: OneCErp, infobase: Infobase) -> None:
    held = hold(infobase, infobase.seats[0])

    with pytest.raises(NotSent):
        erp.apply([held], within(0))

    assert state_of(erp, held) is ErpHoldState.ABSENT


def test_6_a_wrong_password_calls_for_a_human(server: OneCSandbox) -> None:
    told = {"base_url": f"{server.url}/infobase", "login": "обмен", "password": "не тот"}

    with pytest.raises(Misconfigured, match="erp_unauthorized"):
        create(OneCSettings.model_validate(told)).ping(within())


@pytest.mark.parametrize("server", ["use"], indirect=True)
def test_6_a_schema_that_grew_is_tolerated(erp: OneCErp, infobase: Infobase) -> None:
    infobase.arm("*", "drift")

    assert everything(erp).performances
    assert erp.apply([hold(infobase, infobase.seats[0])], within())[0].outcome is Outcome.DONE


def test_7_times_are_aware_and_mean_the_same_moment(erp: OneCErp, infobase: Infobase) -> None:
    (told,) = (performance for performance in everything(erp).performances if performance.ref == infobase.performance)

    written = infobase.audit()["performances"][infobase.performance]["starts_at"]
    assert told.starts_at.tzinfo is UTC
    assert told.starts_at.astimezone(ZONE).replace(tzinfo=None).isoformat() == written
    assert abs((erp.ping(within()).now - datetime.now(UTC)).total_seconds()) < 5


def test_8_tickets_that_came_back_are_none_of_the_seats_of_their_hold(erp: OneCErp, infobase: Infobase) -> None:
    held = hold(infobase, *infobase.seats[:2])
    order = confirm(infobase, held)
    erp.apply([held, order], within())

    def found() -> tuple[ErpHoldState, list[str]]:
        one = erp.find_holds([held.hold_id], within())[held.hold_id]
        return one.state, list(one.seat_refs)

    infobase.take_back(infobase.seats[0])
    assert found() == (ErpHoldState.SOLD, [infobase.seats[1]])
    infobase.take_back(infobase.seats[1])
    assert found() == (ErpHoldState.RELEASED, [])
    assert erp.find_orders([order.order.id], within()).keys() == {order.order.id}


def test_8_a_hold_that_was_released_before_its_order_came_is_sold_by_the_order(
    erp: OneCErp, infobase: Infobase
) -> None:
    held = hold(infobase, infobase.seats[0])
    erp.apply([held, Release(held.hold_id, held.performance_ref), confirm(infobase, held)], within())

    found = erp.find_holds([held.hold_id], within())[held.hold_id]

    assert (found.state, list(found.seat_refs)) == (ErpHoldState.SOLD, infobase.seats[:1])


def test_8_an_order_whose_ticket_came_back_sells_nothing_when_it_is_repeated(erp: OneCErp, infobase: Infobase) -> None:
    held = hold(infobase, infobase.seats[0])
    order = confirm(infobase, held)
    erp.apply([held, order], within())
    infobase.take_back(infobase.seats[0])

    (again,) = erp.apply([order], within())

    assert again.outcome is Outcome.DONE
    assert state_of(erp, held) is ErpHoldState.RELEASED
    assert erp.apply([hold(infobase, infobase.seats[0])], within())[0].outcome is Outcome.DONE


def test_8_news_name_our_hold_with_seats_held_and_sold_through_us_and_with_no_others(
    erp: OneCErp, infobase: Infobase
) -> None:
    mine, ours, theirs, back = infobase.seats[:4]
    held, sold, returned = hold(infobase, mine), hold(infobase, ours), hold(infobase, back)
    erp.apply([held, sold, confirm(infobase, sold), returned, confirm(infobase, returned)], within())
    infobase.sell_at_box_office(theirs)
    infobase.take_back(back)

    told = {seat.seat_ref: (seat.state, seat.hold_id) for seat in erp.seats(infobase.performance, within()).seats}

    assert [told[seat] for seat in (mine, ours, theirs, back)] == [
        (ErpSeatState.HELD, str(held.hold_id)),
        (ErpSeatState.SOLD, str(sold.hold_id)),
        (ErpSeatState.SOLD, None),
        (ErpSeatState.FREE, None),
    ]


def test_the_changes_and_the_seat_report_say_the_same(erp: OneCErp, infobase: Infobase) -> None:
    sell(erp, infobase, infobase.seats[0])
    held = hold(infobase, infobase.seats[1])
    erp.apply([held], within())
    infobase.sell_at_box_office(infobase.seats[2])

    report = {seat.seat_ref: seat for seat in erp.seats(infobase.performance, within()).seats}
    fed = {seat.seat_ref: seat for seat in everything(erp).seats if seat.performance_ref == infobase.performance}

    assert report == fed
    assert report[infobase.seats[1]].hold_id == str(held.hold_id)
    assert [report[seat].state for seat in infobase.seats[:4]] == [
        ErpSeatState.SOLD,
        ErpSeatState.HELD,
        ErpSeatState.SOLD,
        ErpSeatState.FREE,
    ]


@pytest.mark.parametrize("server", ["use"], indirect=True)
def test_no_licence_is_kept_after_closing(erp: OneCErp, infobase: Infobase) -> None:
    assert infobase.audit()["sessions"]["living"] == 1

    erp.close()

    assert infobase.audit()["sessions"]["living"] == 0


@pytest.mark.parametrize("server", ["use"], indirect=True)
def test_a_session_that_aged_out_costs_the_caller_nothing(erp: OneCErp, infobase: Infobase) -> None:
    infobase.advance(60)

    assert erp.apply([hold(infobase, infobase.seats[0])], within())[0].outcome is Outcome.DONE
