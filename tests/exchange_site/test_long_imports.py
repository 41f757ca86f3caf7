"""Imports that take longer than a lease: done once, by one worker, as long as they get on; by another if they do not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from adapters.onec import commerceml
from adapters.onec.exchange import read_orders
from bridge.catalogue.goods_import import lock_source
from bridge.core import lease
from bridge.core.runner import Runner
from bridge.exchange.runs_import import Readers
from bridge.ports.goods import GoodsReading
from tests.exchange_site.conftest import Place
from tests.exchange_site.goods import catalogue
from tests.exchange_site.test_imports import sent

LEASE_S = 3.0  # longer than a busy machine stands still
REFS = [f"p{number:05}" for number in range(6000)]  # some 15 reads of the file


class Slow:
    """A file on a slow disk."""

    def __init__(self, stream: BinaryIO, pause_s: float, sizes: list[int]) -> None:
        self._stream = stream
        self._pause_s = pause_s
        self._sizes = sizes

    def read(self, size: int = -1) -> bytes:
        time.sleep(self._pause_s)
        chunk = self._stream.read(size)
        self._sizes.append(len(chunk))
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)


def reading(pause_s: float, sizes: list[int]) -> Any:
    def read(stream: BinaryIO, file: str, currencies: Mapping[str, str]) -> GoodsReading:
        return commerceml.read(Slow(stream, pause_s, sizes), file, currencies)  # type: ignore[arg-type]

    return read


def workers_of(place: Place, pause_s: float, lease_s: float = LEASE_S, sizes: list[int] | None = None) -> Runner:
    """What a worker runs, with short leases, on a slow disk; ``sizes`` of what it reads are noted."""
    readers = Readers(reading(pause_s, [] if sizes is None else sizes), read_orders)
    lane = replace(place.bridge.site.imports(readers).lane(), call_s=lease_s / 2, lease_slack_s=lease_s / 2)
    return Runner(place.bridge.db, {lane.name: lane}, place.bridge.runner._report)


@contextmanager
def working(runner: Runner, count: int) -> Iterator[None]:
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.05):
            runner.run_due("exchange.import")

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(20)


def eventually(place: Place, state: str, within_s: float = 30.0) -> bool:
    ends_at = time.monotonic() + within_s
    while place.states() != [("import0_1.xml", state)] and time.monotonic() < ends_at:
        time.sleep(0.1)
    return place.states() == [("import0_1.xml", state)]


def asked(place: Place, *refs: str) -> None:
    sent(place, catalogue(*refs)).wire.ask("catalog", "import", filename="import0_1.xml")


def test_an_import_that_takes_longer_than_its_lease_is_done_once_although_two_workers_look(busy: Place) -> None:
    asked(busy, *REFS)
    began = time.monotonic()
    with working(workers_of(busy, pause_s=0.3), count=2):
        assert eventually(busy, "imported")

    assert time.monotonic() - began > LEASE_S * 2, "else this shows nothing"
    assert busy.rows("SELECT status, attempts FROM outbox WHERE kind = 'file'") == [("done", 1)]
    assert busy.rows("SELECT count(*) FROM product") == [(len(REFS),)]
    assert busy.alerts() == []


def test_whoever_limits_the_time_of_a_job_hears_that_it_gets_on(busy: Place) -> None:
    asked(busy, *REFS)
    heard: list[float] = []
    with lease.telling(lambda: heard.append(time.monotonic())):
        workers_of(busy, pause_s=0.1, lease_s=2.0).run_due("exchange.import")

    assert busy.states() == [("import0_1.xml", "imported")]
    assert len(heard) > 2


def test_an_import_whose_row_has_passed_to_another_stops_and_changes_nothing(busy: Place) -> None:
    asked(busy, *REFS)

    def overtake() -> None:
        time.sleep(0.5)
        busy.run("UPDATE outbox SET fence = fence + 1 WHERE kind = 'file'")

    thief = threading.Thread(target=overtake)
    thief.start()
    sizes: list[int] = []
    workers_of(busy, pause_s=0.2, lease_s=1.0, sizes=sizes).run_due("exchange.import")
    thief.join()

    assert busy.rows("SELECT count(*) FROM product") == [(0,)]
    assert busy.states() == [("import0_1.xml", "waiting")]
    assert sizes.count(0) < 2, "it was read to its end once for its digest, but not twice"


PROGRAM = """
    import sys
    from pathlib import Path
    from bridge.bootstrap import build
    from config import logging
    from config.settings import Settings
    from tests.exchange_site.conftest import Place
    from tests.exchange_site.test_long_imports import workers_of

    logging.configure("INFO", "worker")
    url, folder = sys.argv[1:]
    bridge = build(Settings(database_url=url, redis_url="redis://127.0.0.1:1/0", data_dir=folder), connections_max=4)
    print("begun", flush=True)
    workers_of(Place(bridge, "", Path(folder)), pause_s=0.2, lease_s=1.0).run_due("exchange.import")
"""


def test_a_process_that_stands_still_in_an_import_is_followed_by_another_and_changes_nothing_when_it_wakes(
    busy: Place, fresh_database: str
) -> None:
    asked(busy, *REFS)
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), fresh_database, str(busy.folder)]
    env = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as zombie:
        try:
            assert zombie.stdout is not None
            assert zombie.stdout.readline() == b"begun\n"
            ends_at = time.monotonic() + 20
            while not busy.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'") and time.monotonic() < ends_at:
                time.sleep(0.05)
            os.kill(zombie.pid, signal.SIGSTOP)
            with working(workers_of(busy, pause_s=0.0), count=1):
                # The first looks find the lock that the stopped process still has.
                for _ in range(40):
                    if busy.states() == [("import0_1.xml", "imported")]:
                        break
                    busy.run("UPDATE outbox SET due_at = clock_timestamp() WHERE status = 'ready' AND kind = 'file'")
                    time.sleep(0.5)
            runs = busy.rows("SELECT import_run_id, finished_at FROM import_run")
            os.kill(zombie.pid, signal.SIGCONT)
            zombie.communicate(timeout=30)
        finally:
            zombie.kill()

    assert busy.states() == [("import0_1.xml", "imported")]
    assert busy.rows("SELECT status, attempts FROM outbox WHERE kind = 'file'") == [("done", 2)]
    assert busy.rows("SELECT import_run_id, finished_at FROM import_run") == runs
    assert len(runs) == 1
    assert busy.rows("SELECT count(*) FROM product") == [(len(REFS),)]


def test_a_file_that_waits_for_another_import_keeps_its_place_and_people_hear_of_it(busy: Place) -> None:
    client = sent(busy, catalogue("a"), catalogue("b"))
    for name in ("import0_1.xml", "1import0_1.xml"):
        client.wire.ask("catalog", "import", filename=name)
    busy.pass_time(1000)
    with busy.bridge.db.begin() as tx:
        lock_source(tx, "ut")
        for _ in range(5):
            busy.run("UPDATE outbox SET due_at = clock_timestamp()")
            busy.work()
        waits = busy.alerts()
    busy.run("UPDATE outbox SET due_at = clock_timestamp() WHERE kind = 'file'")
    busy.work()

    assert waits == [("exchange_import_waits", "ut")]
    assert busy.rows("SELECT file FROM import_run ORDER BY import_run_id") == [("import0_1.xml",), ("1import0_1.xml",)]
    assert busy.rows("SELECT attempts FROM outbox WHERE kind = 'file'") == [(1,), (1,)]
    assert busy.alerts() == []


def test_a_look_at_what_was_left_out_that_breaks_gives_way_to_imports_and_people_hear_of_it(busy: Place) -> None:
    client = sent(busy, catalogue("a", is_full=True))
    client.wire.ask("catalog", "import", filename="import0_1.xml")
    busy.work()
    busy.run("UPDATE exchange_file SET report = '{\"whole\": 5}'")  # as no release of ours writes it
    busy.pass_time(301)
    busy.work()
    client.wire.send("catalog", "b.xml", catalogue("b"))
    client.wire.ask("catalog", "import", filename="b.xml")
    busy.run("UPDATE outbox SET attempts = attempts + 1 WHERE kind = 'whole'")  # two are enough to see it
    for _ in range(3):
        busy.run("UPDATE outbox SET due_at = clock_timestamp()")
        busy.work()

    assert busy.products() == {"a": True, "b": True}
    assert ("exchange_retire_refused", "ut") in busy.alerts()
