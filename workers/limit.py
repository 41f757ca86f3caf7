"""How long a job may take: as long as the queue grants, counted from when its work last got on."""

from __future__ import annotations

import signal

import structlog
from redis.exceptions import RedisError
from rq import SimpleWorker, get_current_job

log = structlog.get_logger()


def grant_more() -> None:
    """Let the job of this process go on for its whole time once more, and tell the queue that its worker lives.

    RQ ends a job by an alarm (``UnixSignalDeathPenalty``) and takes a worker for dead that says nothing meanwhile. A
    queue that is away is no reason to end the work.
    """
    job = get_current_job()
    if job is None or not job.timeout:
        return  # nobody's job, so there is no alarm
    signal.alarm(int(job.timeout))
    key = f"{SimpleWorker.redis_worker_namespace_prefix}{job.worker_name}"
    try:
        worker = SimpleWorker.find_by_key(key, job.connection)
        if worker is not None:
            for execution in job.get_executions():
                worker.maintain_heartbeats(job, execution)
    except (RedisError, ValueError) as error:  # ValueError: the queue was wiped
        log.warning("job_not_kept_alive", error=type(error).__name__)
