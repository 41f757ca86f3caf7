"""Answers that are not what was agreed: tolerated where harmless, never taken for "nothing there"."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from adapters.onec.soap import OneCErp
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, IntegrityMismatch, Misconfigured, Unknown
from bridge.ports.erp import ErpHoldState, Outcome, Posting, Release
from tests.adapters.onec.publication import (
    NAMESPACE,
    Publication,
    answer,
    envelope,
    http,
    payment_result,
    result,
    seat_result,
)

ID = UUID("5B1F3D0A-6F0E-5D53-9C1E-6A3C6F2A7D10")
OTHER = UUID("5b1f3d0a-6f0e-5d53-9c1e-6a3c6f2a7d11")
POSTING = (
    f"<m:Posting><m:Id>5B1F3D0A-6F0E-5D53-9C1E-6A3C6F2A7D10</m:Id><m:OrderId>{OTHER}</m:OrderId><m:Number>00-000017</m:Number>"
    "<m:Date>2026-05-14T12:30:15</m:Date><m:Amount>1220</m:Amount><m:Currency>RUB</m:Currency></m:Posting>"
)
SEAT = "<m:Seat><m:PerformanceId>P1</m:PerformanceId><m:SeatId>А-1</m:SeatId><m:ZoneId>z</m:ZoneId><m:State>free</m:State></m:Seat>"


def failure(call: Callable[[], object]) -> tuple[type[BridgeError], str]:
    with pytest.raises(BridgeError) as caught:
        call()
    return type(caught.value), caught.value.code


def look_up(erp: OneCErp) -> object:
    return erp.find_postings([ID], Deadline.after(5))


def apply(erp: OneCErp) -> object:
    return erp.apply([Release(ID, "P1")], Deadline.after(5))


def xml(body: str) -> bytes:
    return http(200, body, "text/xml; charset=utf-8")


def response(inside: str, operation: str = "FindPostings") -> bytes:
    return xml(envelope(f'<m:{operation}Response xmlns:m="{NAMESPACE}">{inside}</m:{operation}Response>'))


NIL = '<m:return xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>'


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(response(""), id="no return"),
        pytest.param(response(NIL), id="nil"),
        pytest.param(response("<m:Result/>"), id="something else in its place"),
        pytest.param(response("<m:return/>", "FindHolds"), id="the answer to another call"),
        pytest.param(xml(envelope("")), id="empty body"),
        pytest.param(xml(result("FindPostings", "").replace(NAMESPACE, "urn:other")), id="another namespace"),
        pytest.param(xml(result("FindPostings", POSTING)[:-20]), id="cut short"),
        pytest.param(answer("FindPostings", POSTING.replace("m:Posting>", "m:Document>")), id="renamed element"),
        pytest.param(answer("FindPostings", "нет"), id="text in place of a list"),
        pytest.param(answer("FindPostings", POSTING.replace("Amount>", "Sum>")), id="renamed amount"),
        pytest.param(answer("FindPostings", POSTING.replace("1220", "1 220,00")), id="amount in Russian spelling"),
        pytest.param(answer("FindPostings", POSTING.replace("1220", "1220.005")), id="fraction of a kopeck"),
        pytest.param(answer("FindPostings", POSTING.replace("RUB", "руб.")), id="currency that is none"),
        pytest.param(
            answer("FindPostings", POSTING.replace("2026-05-14", "14.05.2026 ")), id="date in Russian spelling"
        ),
        pytest.param(answer("FindPostings", POSTING.replace("2026-05-14", "0001-01-01")), id="empty date"),
        pytest.param(answer("FindPostings", POSTING.replace("5B1F3D0A-", "")), id="id that is none"),
    ],
)
def test_a_look_up_that_cannot_be_read_is_never_nothing_found(
    publication: Publication, erp: OneCErp, reply: bytes
) -> None:
    publication.answers(reply)

    assert failure(lambda: look_up(erp)) == (Unknown, "erp_answer_unreadable")


@pytest.mark.parametrize("inside", ["<m:return/>", "<m:return></m:return>", "<m:return>\n\t\t</m:return>"])
def test_an_empty_list_is_nothing_found(publication: Publication, erp: OneCErp, inside: str) -> None:
    publication.answers(response(inside))

    assert look_up(erp) == {}


@pytest.mark.parametrize("after", ["</m:Id>", "</m:Number>", "</m:Currency>"])
def test_a_new_field_is_tolerated_wherever_it_stands(publication: Publication, erp: OneCErp, after: str) -> None:
    publication.answers(answer("FindPostings", POSTING.replace(after, f"{after}<m:Склад><m:Код>1</m:Код></m:Склад>")))

    found = erp.find_postings([ID], Deadline.after(5))[ID]

    assert (found.id, found.order_id, found.number, str(found.amount)) == (ID, OTHER, "00-000017", "1220.00 RUB")


def test_a_document_posted_twice_is_told(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("FindPostings", POSTING + POSTING.replace("000017", "000018")))

    assert failure(lambda: look_up(erp)) == (IntegrityMismatch, "erp_found_twice")


def test_a_document_nobody_asked_for_is_told(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("FindPostings", POSTING))

    assert failure(lambda: erp.find_postings([OTHER], Deadline.after(5))) == (IntegrityMismatch, "erp_found_another")


def test_a_hold_asked_for_must_be_in_the_answer(publication: Publication, erp: OneCErp) -> None:
    hold = f"<m:Hold><m:Id>{ID}</m:Id><m:State>active</m:State><m:SecondsLeft>-3</m:SecondsLeft><m:Seats/></m:Hold>"
    publication.answers(answer("FindHolds", hold))

    found = erp.find_holds([ID, ID], Deadline.after(5))[ID]

    assert (found.state, found.seconds_left, found.seat_refs) == (ErpHoldState.ACTIVE, 0, ())
    assert failure(lambda: erp.find_holds([ID, OTHER], Deadline.after(5))) == (Unknown, "erp_answer_unreadable")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_as_many_results_as_commands_or_nobody_knows(publication: Publication, erp: OneCErp, count: int) -> None:
    publication.answers(answer("ApplySeatCommands", seat_result() * count))

    commands = [Release(uuid4(), "P1"), Release(uuid4(), "P1")]

    assert failure(lambda: erp.apply(commands, Deadline.after(5))) == (Unknown, "erp_answer_incomplete")


def test_as_many_results_as_payments_or_nobody_knows(publication: Publication, erp: OneCErp, posting: Posting) -> None:
    publication.answers(answer("PostPayments", payment_result()))

    assert failure(lambda: erp.post([posting, posting], Deadline.after(5))) == (Unknown, "erp_answer_incomplete")


@pytest.mark.parametrize("word", ["", "ok", "Истина"])
def test_an_outcome_nobody_agreed_on_is_unknown(publication: Publication, erp: OneCErp, word: str) -> None:
    publication.answers(answer("ApplySeatCommands", seat_result(word)))

    assert failure(lambda: apply(erp)) == (Unknown, "erp_answer_unreadable")


def test_a_failed_command_does_not_hide_its_neighbours(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("ApplySeatCommands", seat_result() + seat_result("failed", "lock_conflict")))

    results = erp.apply([Release(uuid4(), "P1"), Release(uuid4(), "P1")], Deadline.after(5))

    assert [one.outcome for one in results] == [Outcome.DONE, Outcome.FAILED]


def test_seats_of_another_performance_are_told(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("GetSeats", f"<m:AsOf>2026-05-14T12:00:00</m:AsOf><m:Seats>{SEAT}</m:Seats>"))

    assert len(erp.seats("P1", Deadline.after(5)).seats) == 1
    assert failure(lambda: erp.seats("P2", Deadline.after(5))) == (IntegrityMismatch, "erp_seats_of_another")


def test_a_seat_state_nobody_agreed_on_is_not_guessed(publication: Publication, erp: OneCErp) -> None:
    seat = SEAT.replace("free", "Свободно")
    publication.answers(answer("GetSeats", f"<m:AsOf>2026-05-14T12:00:00</m:AsOf><m:Seats>{seat}</m:Seats>"))

    assert failure(lambda: erp.seats("P1", Deadline.after(5))) == (Unknown, "erp_answer_unreadable")


CHANGES = "<m:Cursor>{}</m:Cursor><m:More>{}</m:More><m:Halls/><m:Events/><m:Performances/><m:Prices/><m:Seats/>"


def test_a_cursor_that_does_not_move_would_be_asked_for_ever(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("GetChanges", CHANGES.format(7, "true")))

    assert failure(lambda: erp.changes("7", 10, Deadline.after(5))) == (Misconfigured, "erp_cursor_stuck")


def test_no_changes_leave_the_cursor_where_it_was(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("GetChanges", CHANGES.format(7, "false")))

    assert erp.changes("7", 10, Deadline.after(5)).cursor == "7"
