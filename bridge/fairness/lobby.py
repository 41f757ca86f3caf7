"""The waiting rooms as one server process knows them: read once a second, whoever asks; people are let in by the way.

Asking where one stands is a look at memory until one's turn has come.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text

from bridge.core.db import Database
from bridge.core.errors import Refused
from bridge.fairness.pacing import Gate, let_in
from bridge.fairness.rooms import Place, Room, RoomState, find_place, join, live_rooms
from bridge.fairness.tokens import Admission, Tokens, shopper_digest

LOOK_S = 1.0
TURNS_KEPT_MAX = 200_000
POLL_MIN_S = 2
POLL_MAX_S = 30

_NOW = text("SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8")


@dataclass(frozen=True, slots=True)
class Stand:
    """Where somebody stands: in which room, at which position (1 is next; ``None`` before the lots are drawn), and once
    let in, with which admission until when.
    """

    room: Room | None
    place: Place | None = None
    position: int | None = None
    admission: str | None = None
    until: datetime | None = None

    @property
    def estimate_s(self) -> int | None:
        """Seconds until the turn comes, if people go on being let in as now."""
        if self.position is None or self.room is None:
            return None
        return math.ceil(self.position / self.room.pace_per_s)

    @property
    def poll_after_s(self) -> int:
        """When to ask again."""
        return min(max(POLL_MIN_S, (self.estimate_s or POLL_MAX_S) // 10), POLL_MAX_S)


@dataclass(frozen=True, slots=True)
class _Known:
    """The rooms as they were read, by their ids and by the performances they guard; ``ahead_s`` turns our monotonic
    clock into the database's time.
    """

    by_id: Mapping[UUID, Room]
    by_performance: Mapping[UUID, Room]
    ahead_s: float


class Lobby:
    """Answers for every room. ``stay_s`` is how long somebody let in may hold seats."""

    def __init__(self, db: Database, gate: Gate, stay_s: float) -> None:
        self._db = db
        self._gate = gate
        self._stay_s = stay_s
        self._tokens = Tokens(db)
        self._known = _Known({}, {}, 0.0)
        self._looked_at = float("-inf")
        self._lock = threading.Lock()
        self._turns: dict[int, tuple[UUID, int]] = {}

    def room_of(self, performance_id: UUID) -> Room | None:
        """The room before a performance, if there is one."""
        return self._look().by_performance.get(performance_id)

    @property
    def has_rooms(self) -> bool:
        """Whether anybody has to wait for anything."""
        return bool(self._look().by_id)

    def enter(self, room: Room, client_id: UUID, shopper: str) -> Stand:
        """Give a shopper his place, or say where the one stands that he has."""
        with self._db.begin() as tx:
            place = join(tx, room.id, client_id, shopper_digest(shopper), self._stay_s)
        return self._stand(place)

    def stand(self, token: str, client_id: UUID) -> Stand:
        """Where the holder of a token stands. Raises ``Refused`` if we did not give it to this client."""
        place_id = self._tokens.read_place(token, client_id)
        if place_id is None:
            raise Refused("waiting_token_wrong", "This is not a token of a waiting room.")
        if remembered := self._remembered(place_id):
            return remembered
        with self._db.begin() as tx:
            place = find_place(tx, place_id, self._stay_s)
        if place is None:
            raise Refused("waiting_token_wrong", "This is not a token of a waiting room.")
        return self._stand(place)

    def token(self, place: Place) -> str:
        """The token of a place."""
        return self._tokens.place(place.id, place.client_id)

    def check(self, performance_id: UUID, client_id: UUID, shopper: str | None, admission: str) -> None:
        """Let a request for seats pass if nobody waits for them, or its shopper was let in. Raises ``Refused``."""
        room = self.room_of(performance_id)
        if room is None:
            return
        if not admission:
            raise Refused("admission_missing", "People wait for this performance: join its waiting room.")
        given = self._tokens.read_admission(admission)
        mine = (room.id, client_id, shopper_digest(shopper or ""))
        if given is None or (given.room_id, given.client_id, given.shopper) != mine:
            raise Refused("admission_wrong", "This admission is not for this shopper and this performance.")
        if given.until <= self._now():
            raise Refused("admission_over", "The time of this admission is over: join the waiting room again.")

    def _stand(self, place: Place) -> Stand:
        room = self._look().by_id.get(place.room_id)
        if room is None or place.turn is None:
            return Stand(room, place)
        if place.stay_left_s is None:
            self._remember(place)
            return Stand(room, place, max(1, place.turn - room.admitted_turn))
        if place.stay_left_s <= 0:
            return Stand(room, place)
        until = self._now() + place.stay_left_s
        token = self._tokens.admission(Admission(room.id, place.client_id, place.shopper, until))
        return Stand(room, place, admission=token, until=datetime.fromtimestamp(until, UTC))

    def _remembered(self, place_id: int) -> Stand | None:
        """Where somebody stands who still waits: his turn does not change, so only the room is looked at."""
        room_id, turn = self._turns.get(place_id, (None, 0))
        room = self._look().by_id.get(room_id) if room_id else None
        if room is None or turn <= room.admitted_turn:
            return None
        return Stand(room, None, turn - room.admitted_turn)

    def _remember(self, place: Place) -> None:
        if place.turn is not None:
            if len(self._turns) > TURNS_KEPT_MAX:
                self._turns.clear()
            self._turns[place.id] = (place.room_id, place.turn)

    def _now(self) -> float:
        return time.monotonic() + self._known.ahead_s

    def _look(self) -> _Known:
        """The rooms. One caller a second reads them anew, and lets people in; the others take what is known."""
        is_first = self._looked_at == float("-inf")
        if time.monotonic() - self._looked_at > LOOK_S and self._lock.acquire(blocking=is_first):
            try:
                if time.monotonic() - self._looked_at > LOOK_S:
                    self._known = self._read()
                    self._looked_at = time.monotonic()
            finally:
                self._lock.release()
        return self._known

    def _read(self) -> _Known:
        began = time.monotonic()
        with self._db.begin() as tx:
            now = tx.execute(_NOW).scalar_one()
            ahead_s = now - time.monotonic()
            let_in(tx, self._gate, time.monotonic() - began)
            rooms = live_rooms(tx)
        # Whoever has a room for the performance alone is not sent to that of its event.
        ordered = sorted(rooms, key=lambda room: room.performance_id is not None)
        guarded = {performance: room for room in ordered for performance in room.performances}
        return _Known({room.id: room for room in rooms}, guarded, ahead_s)


def state_of(stand: Stand) -> str:
    """One word for where somebody stands."""
    if stand.room is None:
        return "not_needed"
    if stand.room.state is RoomState.PRESALE:
        return "presale"
    if stand.admission is not None:
        return "admitted"
    return "waiting" if stand.position is not None or stand.place is None else "over"
