"""Each operation of the port: what goes over the wire and what comes back."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from uuid import uuid4

from adapters.onec.soap import OneCErp
from bridge.core.deadline import Deadline
from bridge.ports.erp import ErpInfo, Hold, Outcome, Release
from tests.adapters.onec.conftest import LOGIN, PASSWORD
from tests.adapters.onec.publication import PING, Publication, answer, seat_result


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
