"""Connections that fail: what is proven about the call, and how long it takes."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.onec.soap import OneCErp
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, NotSent, Unknown
from bridge.ports.erp import Outcome, Release
from tests.adapters.onec.publication import (
    LOGIN,
    PASSWORD,
    PING,
    Publication,
    Reply,
    answer,
    cut,
    drip,
    hang_up,
    reset,
    seat_result,
    silence,
)

GOOD = answer("ApplySeatCommands", seat_result())
HEAD = GOOD.index(b"\r\n\r\n")


def apply(erp: OneCErp, within_s: float = 5) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        erp.apply([Release(uuid4(), "P1")], Deadline.after(within_s))
    return caught.value


def test_a_refused_connection_proves_that_nothing_was_sent(client: Callable[..., OneCErp]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    error = apply(client(base_url=f"http://127.0.0.1:{port}/infobase"))

    assert (type(error), error.code) == (NotSent, "erp_not_connected")


def test_a_name_nobody_knows_proves_that_nothing_was_sent(client: Callable[..., OneCErp]) -> None:
    assert type(apply(client(base_url="http://infobase.invalid/base"))) is NotSent


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(reset, id="executed, then reset"),
        pytest.param(hang_up, id="executed, then closed"),
        pytest.param(cut(GOOD, 30), id="cut in the headers"),
        pytest.param(cut(GOOD, HEAD + 50), id="cut in the body"),
        pytest.param(cut(GOOD.replace(b"Content-Length", b"X-Length"), len(GOOD) - 20), id="cut, no length announced"),
        pytest.param(
            cut(
                GOOD[:HEAD].replace(b"Content-Length: ", b"Transfer-Encoding: chunked\r\nX: ") + b"\r\n\r\nff\r\nabc",
                10_000,
            ),
            id="cut in a chunk",
        ),
        pytest.param(silence(3), id="silence"),
    ],
)
def test_an_answer_lost_after_connecting_leaves_the_outcome_unknown(
    publication: Publication, erp: OneCErp, reply: Reply
) -> None:
    publication.answers(reply)

    assert type(apply(erp, 1)) is Unknown
    assert len(publication.received) == 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(drip(GOOD, 0.02), id="headers byte by byte"),
        pytest.param(lambda s: (s.sendall(GOOD[: HEAD + 4]), drip(GOOD[HEAD + 4 :], 0.02)(s)), id="body byte by byte"),
        pytest.param(
            lambda s: (s.sendall(GOOD.replace(b"Content-Length", b"X-Length")[: HEAD + 40]), silence(5)(s)),
            id="body without length stalls",
        ),
        pytest.param(silence(5), id="no answer"),
    ],
)
def test_no_peer_holds_a_call_past_its_deadline(publication: Publication, erp: OneCErp, reply: Reply) -> None:
    publication.answers(reply)
    started = time.monotonic()

    error = apply(erp, 1)

    assert type(error) is Unknown
    assert time.monotonic() - started < 3


def test_a_deadline_that_is_over_sends_nothing(publication: Publication, erp: OneCErp) -> None:
    assert type(apply(erp, 0)) is NotSent
    assert publication.received == []


def test_the_time_limit_of_the_settings_holds_when_the_deadline_is_generous(
    publication: Publication, client: Callable[..., OneCErp]
) -> None:
    publication.answers(silence(5))
    started = time.monotonic()

    apply(client(read_s=0.5), 60)

    assert time.monotonic() - started < 1.5


def test_a_connection_is_kept_for_the_next_call(publication: Publication, erp: OneCErp) -> None:
    publication.answers(GOOD)

    for _ in range(3):
        assert erp.apply([Release(uuid4(), "P1")], Deadline.after(5))[0].outcome is Outcome.DONE

    assert [request.connection for request in publication.received] == [1, 1, 1]


def test_a_connection_idle_for_too_long_is_not_trusted(
    publication: Publication, client: Callable[..., OneCErp]
) -> None:
    publication.answers(answer("Ping", PING))
    erp = client(keepalive_s=0)

    erp.ping(Deadline.after(5))
    erp.ping(Deadline.after(5))

    assert [request.connection for request in publication.received] == [1, 2]


def test_a_line_works_again_after_a_broken_call(publication: Publication, erp: OneCErp) -> None:
    publication.answers(reset, GOOD)

    apply(erp)

    assert len(erp.apply([Release(uuid4(), "P1")], Deadline.after(5))) == 1


def test_neither_a_proxy_nor_a_netrc_of_the_machine_takes_part(
    publication: Publication, erp: OneCErp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    publication.answers(answer("Ping", PING))

    erp.ping(Deadline.after(5))

    sent = publication.received[0].headers[b"authorization"].removeprefix(b"Basic ")
    assert base64.b64decode(sent).decode() == f"{LOGIN}:{PASSWORD}"
