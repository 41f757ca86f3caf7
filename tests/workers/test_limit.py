"""A job is ended when its time is over, unless its work gets on; then the queue goes on believing in its worker."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest
from rq import Queue, SimpleWorker, get_current_job
from rq.serializers import JSONSerializer

from workers.limit import grant_more
from workers.queue import connect

LIMIT_S = 2


def plod(seconds: int, *, gets_on: bool) -> str:
    for _ in range(seconds * 5):
        time.sleep(0.2)
        if gets_on:
            grant_more()
    return "done"


def plod_while_the_queue_is_wiped() -> str:
    job = get_current_job()
    assert job is not None
    job.connection.flushall()
    return plod(3, gets_on=True)


def outcome(url: str, job: str, **arguments: object) -> Any:
    """Run a job in a worker of RQ's and return what became of it."""
    with connect(url) as connection:
        queue = Queue("limits", connection=connection, serializer=JSONSerializer, default_timeout=LIMIT_S)
        sent = queue.enqueue(f"tests.workers.test_limit.{job}", kwargs=arguments, result_ttl=60)
        SimpleWorker([queue], connection=connection, serializer=JSONSerializer).work(burst=True, logging_level="ERROR")
        return sent.latest_result().return_value if sent.latest_result() else None


@pytest.mark.parametrize(("gets_on", "said"), [(True, "done"), (False, None)])
def test_a_job_that_gets_on_may_take_longer_than_its_time(fresh_valkey: str, gets_on: bool, said: str | None) -> None:
    assert outcome(fresh_valkey, "plod", seconds=LIMIT_S + 2, gets_on=gets_on) == said


def test_a_queue_that_is_wiped_meanwhile_does_not_end_the_job(fresh_valkey: str) -> None:
    began = time.monotonic()
    outcome(fresh_valkey, "plod_while_the_queue_is_wiped")

    assert time.monotonic() - began > 3


def live_of_the_worker() -> list[int]:
    """For how many seconds the queue takes the worker for alive, just before that is over and after the work got on."""
    job = get_current_job()
    assert job is not None
    key = f"rq:worker:{job.worker_name}"
    job.connection.expire(key, 5)
    seen = [job.connection.ttl(key)]
    grant_more()
    return [*seen, job.connection.ttl(key)]


def test_a_job_that_gets_on_keeps_its_worker_on_the_list(fresh_valkey: str) -> None:
    before, after = outcome(fresh_valkey, "live_of_the_worker")

    assert before <= 5
    assert after > 60


def test_what_is_no_job_of_a_queue_has_no_alarm_to_put_off() -> None:
    left_s = signal.alarm(0)
    try:
        grant_more()
        assert signal.alarm(0) == 0
    finally:
        signal.alarm(left_s)
