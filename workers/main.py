"""An RQ worker that has everything imported before it forks: a job then costs milliseconds, not a second."""

from __future__ import annotations

from rq import Worker
from rq.serializers import JSONSerializer

import workers.jobs  # noqa: F401  imported for the children
from config import logging
from workers.process import preload
from workers.queue import QUEUE, connect

# RQ notices a dead job after this and a minute; our leases are what really takes work over.
WORKER_TTL_S = 60
MAINTENANCE_S = 60


def main() -> None:
    """Work until told to stop; the job under way is finished first."""
    settings = preload()
    logging.configure(settings.log_level, "worker")
    connection = connect(settings.redis_url.get_secret_value())
    worker = Worker(
        [QUEUE],
        connection=connection,
        serializer=JSONSerializer,
        default_worker_ttl=WORKER_TTL_S,
        maintenance_interval=MAINTENANCE_S,
        log_job_description=False,
    )
    worker.work(with_scheduler=False, logging_level="WARNING")
