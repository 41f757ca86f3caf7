"""An RQ worker that runs its jobs in its own process.

A process forked for each job would start and end a session of the ERP, that is a licence, for each; and one whose
parent was killed would go on working beside its successor. What a fork would protect from, our leases and the
supervisor do: see docs/decisions/0003-workers.md.
"""

from __future__ import annotations

from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

import workers.jobs  # noqa: F401  imported before the first job needs it
from config import logging
from workers.process import bridge_of_this_process
from workers.queue import QUEUE, connect

# RQ notices a dead job after this and a minute; our leases are what really takes work over.
WORKER_TTL_S = 60
MAINTENANCE_S = 60
JOBS_BEFORE_RENEWAL = 50_000  # a process is renewed now and then, whatever leaks; whoever started it starts it again


def worker_at(connection: Redis) -> SimpleWorker:
    """A worker of our queue at ``connection``."""
    return SimpleWorker(
        [QUEUE],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_S,
        maintenance_interval=MAINTENANCE_S,
        log_job_description=False,
    )


def main() -> None:
    """Work until told to stop; the job under way is finished first."""
    bridge = bridge_of_this_process()
    logging.configure(bridge.settings.log_level, "worker")
    worker = worker_at(connect(bridge.settings.redis_url.get_secret_value()))
    try:
        worker.work(logging_level="WARNING", max_jobs=JOBS_BEFORE_RENEWAL)
    finally:
        bridge.close()
