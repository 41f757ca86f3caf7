"""The worker that ``bridge worker`` runs. Its process is one of its own, so no warning of it would reach a test."""

from __future__ import annotations

from workers.main import MAINTENANCE_S, WORKER_TTL_S, worker_at
from workers.queue import QUEUE, connect


def test_a_worker_is_made_as_its_library_wants_it_and_missed_soon_when_it_dies(fresh_valkey: str) -> None:
    with connect(fresh_valkey) as connection:
        worker = worker_at(connection)
        worker.register_birth()
        missed_after_s = connection.ttl(worker.key)

    assert worker.queue_names() == [QUEUE]
    assert (worker.worker_ttl, worker.maintenance_interval) == (WORKER_TTL_S, MAINTENANCE_S)
    assert WORKER_TTL_S < missed_after_s <= WORKER_TTL_S + 60
