"""The queue in Valkey. It only carries "look": losing it, or a doubled message in it, changes nothing."""

from __future__ import annotations

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

QUEUE = "bridge"
# A message is only worth something until the next one; a failed one has left its row behind.
LIFE_S = 60
JOB_TIMEOUT_S = 180
MESSAGES_MAX = 50


def connect(url: str) -> Redis:
    """Connect to Valkey with short timeouts."""
    return Redis.from_url(url, socket_timeout=30, socket_connect_timeout=3, health_check_interval=15)


def queue(connection: Redis) -> Queue:
    """The one queue: a worker that listens to one only does not lose what it was just handed."""
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer, default_timeout=JOB_TIMEOUT_S)


def send(target: Queue, function: str, *args: str) -> None:
    """Ask some worker to look. A long queue already says so often enough."""
    if target.count < MESSAGES_MAX:
        target.enqueue(f"workers.jobs.{function}", *args, ttl=LIFE_S, result_ttl=0, failure_ttl=LIFE_S)
