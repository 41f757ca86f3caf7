"""What each client may use: the broker's default, what its channel says, what its score leaves of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.channels.service import Client
from bridge.core.db import Database
from bridge.core.errors import Refused
from bridge.fairness.model import Allowance, Grade

READ_EVERY_S = 5.0
LIVE_LIFE_S = 1.0
LIVE_KEPT_MAX = 10_000

_CHANNELS = text("SELECT channel, rate_per_s, requests_at_once_max, live_holds_max, is_scored FROM fair_use")
_OF_CHANNEL = text(
    "SELECT rate_per_s, requests_at_once_max, live_holds_max, is_scored FROM fair_use WHERE channel = :channel"
)
_GRADES = text("SELECT client_id, grade FROM client_score WHERE grade <> 'good'")
_LIVE = text(
    """
    SELECT count(*) FROM hold
    WHERE state IN ('reserving', 'active', 'uncertain') AND expires_at > clock_timestamp() AND client_id = :client
    """
)
_SET = text(
    """
    INSERT INTO fair_use (channel, rate_per_s, requests_at_once_max, live_holds_max, is_scored)
    VALUES (:channel, :rate_per_s, :requests_at_once_max, :live_holds_max, :is_scored)
    ON CONFLICT (channel) DO UPDATE SET rate_per_s = excluded.rate_per_s, is_scored = excluded.is_scored,
        requests_at_once_max = excluded.requests_at_once_max, live_holds_max = excluded.live_holds_max
    """
)


@dataclass(frozen=True, slots=True)
class ChannelUse:
    """What a channel says of each of its clients; what it leaves open is the broker's default. In a channel that
    ``is_scored`` a client that sells little of what it holds may use less.
    """

    rate_per_s: float | None = None
    requests_at_once_max: int | None = None
    live_holds_max: int | None = None
    is_scored: bool = False


def set_use(tx: Connection, channel: str, use: ChannelUse) -> None:
    """Say what the clients of a channel may use. The channel must exist."""
    tx.execute(_SET, {"channel": channel, **asdict(use)})


def change_use(tx: Connection, channel: str, change: Callable[[ChannelUse], ChannelUse]) -> ChannelUse:
    """Change what the clients of a channel may use, from what they may now, and return that. The caller has locked the
    channel.
    """
    row = tx.execute(_OF_CHANNEL, {"channel": channel}).first()
    use = change(ChannelUse(*row) if row else ChannelUse())
    set_use(tx, channel, use)
    return use


class Allowances:
    """The allowance of every client, read anew every ``READ_EVERY_S`` seconds, for all clients at once."""

    def __init__(self, db: Database, default: Allowance) -> None:
        self._db = db
        self._default = default
        self._channels: Mapping[str, ChannelUse] = {}
        self._grades: Mapping[UUID, Grade] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def of(self, client: Client) -> Allowance:
        """What a client may use now."""
        if time.monotonic() - self._read_at > READ_EVERY_S:
            self._read()
        use = self._channels.get(client.rules.channel)
        if use is None:
            return self._default
        found = Allowance(
            use.rate_per_s or self._default.rate_per_s,
            use.requests_at_once_max or self._default.requests_at_once_max,
            use.live_holds_max,
        )
        return found.shrunk(self._grades.get(client.id, Grade.GOOD)) if use.is_scored else found

    def _read(self) -> None:
        """One caller reads; the others go on with what was read before."""
        if not self._lock.acquire(blocking=self._read_at == float("-inf")):
            return
        try:
            if time.monotonic() - self._read_at <= READ_EVERY_S:
                return
            with self._db.begin() as tx:
                self._channels = {row[0]: ChannelUse(*row[1:]) for row in tx.execute(_CHANNELS)}
                self._grades = {row.client_id: Grade(row.grade) for row in tx.execute(_GRADES)}
            self._read_at = time.monotonic()
        finally:
            self._lock.release()


@dataclass(slots=True)
class _Live:
    counted_at: float
    count: int


class LiveHolds:
    """How many live holds a client has, for clients that may have only so many. Counted at most once a second, and
    what this process lets in meanwhile is added: over several processes a client may get a few more.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[UUID, _Live] = {}

    def enter(self, client_id: UUID, limit: int) -> None:
        """Count a hold that is asked for. Raises ``Refused`` if the client has as many as it may."""
        live = self._known.get(client_id)
        if live is None or time.monotonic() - live.counted_at > LIVE_LIFE_S:
            if len(self._known) > LIVE_KEPT_MAX:
                self._known.clear()
            with self._db.begin() as tx:
                count = tx.execute(_LIVE, {"client": client_id}).scalar_one()
            live = self._known[client_id] = _Live(time.monotonic(), count)
        if live.count >= limit:
            raise Refused("client_holds_too_many", "This client has %(limit)s live holds already.", limit=limit)
        live.count += 1
