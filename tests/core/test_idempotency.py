"""One key, one effect, one answer: repeated, in flight twice, and after a crash."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import text

from bridge.core.db import Database
from bridge.core.errors import Refused
from bridge.core.idempotency import Answer, Call

CLIENT = uuid4()
GIVEN = Answer(201, '{"имя": "\x00\xff"}'.encode(), {"Location": "/v1/x"})


def call(key: str = "key-1", body: bytes = b"{}", path: str = "/v1/x", client: object = CLIENT) -> Call:
    return Call.of(client, key, "POST", path, body)  # type: ignore[arg-type]


def test_a_repeat_gets_the_same_bytes(db: Database) -> None:
    with db.begin() as tx:
        assert call().begin(tx) is None
        call().finish(tx, GIVEN)

    with db.begin() as tx:
        assert call().begin(tx) == GIVEN


@pytest.mark.parametrize("other", [call(body=b"{ }"), call(path="/v1/y")])
def test_the_same_key_with_another_request_is_refused(db: Database, other: Call) -> None:
    with db.begin() as tx:
        call().begin(tx)
        call().finish(tx, GIVEN)

    with pytest.raises(Refused, match="idempotency_key_reused"), db.begin() as tx:
        other.begin(tx)


def test_keys_of_different_clients_have_nothing_to_do_with_each_other(db: Database) -> None:
    with db.begin() as tx:
        call().begin(tx)
        call().finish(tx, GIVEN)

        assert call(client=uuid4(), body=b"other").begin(tx) is None


def test_a_request_that_failed_leaves_its_key_free(db: Database) -> None:
    with pytest.raises(Refused), db.begin() as tx:  # noqa: PT012  the transaction is the point
        call().begin(tx)
        raise Refused("no", "No.")

    with db.begin() as tx:
        assert call().begin(tx) is None


def test_a_twin_in_flight_waits_and_gets_the_answer_of_the_first(db: Database) -> None:
    began, may_end = threading.Event(), threading.Event()

    def first() -> Answer | None:
        with db.begin() as tx:
            seen = call().begin(tx)
            began.set()
            may_end.wait(5)
            call().finish(tx, GIVEN)
        return seen

    def twin() -> Answer | None:
        began.wait(5)
        with db.begin() as tx:
            return call().begin(tx)

    with ThreadPoolExecutor(2) as callers:
        results = [callers.submit(first), callers.submit(twin)]
        began.wait(5)
        threading.Event().wait(0.2)
        assert not results[1].done()
        may_end.set()

        assert [result.result(5) for result in results] == [None, GIVEN]


def test_after_a_crash_between_the_two_answers_the_provisional_one_stands(db: Database) -> None:
    provisional = Answer(202, b"look there", {"Location": "/v1/x"})
    with db.begin() as tx:
        call().begin(tx)
        call().finish(tx, provisional)
    with pytest.raises(RuntimeError), db.begin() as tx:  # noqa: PT012  the transaction is the point
        call().finish(tx, GIVEN)
        raise RuntimeError("the process dies before the commit")

    with db.begin() as tx:
        assert call().begin(tx) == provisional
        call().finish(tx, GIVEN)
    with db.begin() as tx:
        assert call().begin(tx) == GIVEN
        assert tx.execute(text("SELECT count(*) FROM idempotency")).scalar_one() == 1
