"""Where holds are asked for: requests that come together share one transaction, and so do their answers.

The answer to a request is stored in the transaction of its effect, under the caller's key: a repeated request gets it
again. A hold about which the ERP decides is answered twice: "look there" with the hold, and what came of it later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from bridge.core import idempotency
from bridge.core.db import Database, is_lock_timeout
from bridge.core.deadline import Deadline
from bridge.core.errors import Refused, Throttled
from bridge.core.gateway import Gateway
from bridge.core.idempotency import Answer, Raced
from bridge.core.together import Together
from bridge.rest.compartment import Compartment
from bridge.seats import holds
from bridge.seats.asked import Asked, Awaited
from bridge.seats.placing import Placed, place_best, place_holds

CHOOSERS_MAX = 2  # one reads the hall from the database while another weighs it
CHOOSERS_WAITING_MAX = 16

Name = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Given:
    """An answer, the row of work that will make it final if one will, and whether it was given before."""

    answer: Answer
    work_id: int | None = None
    is_replay: bool = False


Outcomes = dict[Name, Given | Exception]
NONE: Mapping[Name, Given | Exception] = {}


class Desk:
    """Places holds for the requests of one process. Those that wait for the ERP do so in ``waiting``, and are answered
    through ``awaited`` if it agrees.
    """

    def __init__(self, db: Database, gateway: Gateway, waiting: Compartment, awaited: Awaited) -> None:
        self._db = db
        self._gateway = gateway
        self._waiting = waiting
        self._awaited = awaited
        self._placing = Together(self._place_together)
        self._finishing = Together(self._finish_together)
        self._choosers = Compartment(CHOOSERS_MAX + CHOOSERS_WAITING_MAX)
        self._turns = BoundedSemaphore(CHOOSERS_MAX)

    def place(self, asked: Asked, deadline: Deadline) -> Given:
        """Hold what is asked for and wait for the ERP until ``deadline``, if it has to agree. If too many wait already,
        the seats are held and the answer is where to look; the ERP is asked all the same.

        Raises ``Refused``; ``Throttled`` if the ERP has to agree and cannot be asked in time, or others are at these
        seats, or at choosing, for too long.
        """
        given = self._placing.call(asked) if asked.best is None else self._choose(asked, deadline)
        if given.work_id is None:
            return given
        with self._waiting.entered() as may_wait:
            if not may_wait:
                self._gateway.hand_over(given.work_id, deadline)
                return given
            with self._awaited.wait(asked) as wait:
                self._gateway.run(given.work_id, deadline)
        return Given(wait.answer or self._finishing.call(asked))

    def _choose(self, asked: Asked, deadline: Deadline) -> Given:
        """Place seats of our choice, alone: it takes several steps, so its locks are not in the order of everybody.

        To weigh a hall takes much longer than to hold seats that are named, and a connection meanwhile. So few do it at
        a time, and what they leave is for the others.
        """
        with self._choosers.entered() as may_wait:
            if not (may_wait and self._turns.acquire(timeout=deadline.left_s)):
                raise _too_busy()
            try:
                given = self._place_alone(asked)
            finally:
                self._turns.release()
        if isinstance(given, Exception):
            raise given
        return given

    def _place_together(self, asked: Sequence[Asked]) -> list[Given | Exception]:
        """One transaction for all; who came twice at once is answered after it, like anybody who repeats himself."""
        first = {one.call.name: one for one in reversed(asked)}
        given = self._place_once([one for one in asked if one is first[one.call.name]])
        return [given[one.call.name] if one is first[one.call.name] else self._place_alone(one) for one in asked]

    def _place_alone(self, one: Asked) -> Given | Exception:
        return self._place_once([one])[one.call.name]

    def _place_once(self, asked: Sequence[Asked]) -> Outcomes:
        """Most requests are new, so they are placed first; whoever turns out to have asked before is looked up."""
        last: Exception = Raced()
        for look_first in (False, True, True):
            try:
                place = _place_looking if look_first else _place
                return self._db.run(partial(self._place_within, place=place, asked=asked))
            except (Raced, IntegrityError) as error:
                last = error
            except DBAPIError as error:
                if not is_lock_timeout(error):
                    raise
                raise _too_busy() from error
        raise last

    def _place_within(self, tx: Connection, place: Callable[..., Outcomes], asked: Sequence[Asked]) -> Outcomes:
        """Place, and undo it if the ERP has to agree to any and would be asked too late. Who decides is known only when
        it is placed; those of a batch that need nobody are placed when each is tried alone.
        """
        given = place(tx, asked=asked)
        if any(isinstance(one, Given) and one.work_id is not None for one in given.values()):
            self._gateway.check_room()
        return given

    def _finish_together(self, asked: Sequence[Asked]) -> list[Answer]:
        """Answer by what has become of each hold. Of one that the ERP was not asked about nothing is kept."""
        with self._db.begin() as tx:
            found = holds.get_many(tx, [one.place.hold_id for one in asked])
            answers = [one.word(found[one.place.hold_id]) for one in asked]
            kept = []
            for one, answer in zip(asked, answers, strict=True):
                if found[one.place.hold_id].was_not_asked:
                    holds.forget(tx, one.place.hold_id)
                    one.call.forget(tx)
                else:
                    kept.append((one.call, answer))
            idempotency.finish_many(tx, kept)
        return answers


def _too_busy() -> Throttled:
    return Throttled("too_busy", "Too many requests wait already; ask again in a moment.", retry_after_s=1)


def _place_looking(tx: Connection, asked: Sequence[Asked]) -> Outcomes:
    return _place(tx, asked, _seen(tx, asked))


def _place(tx: Connection, asked: Sequence[Asked], seen: Mapping[Name, Given | Exception] = NONE) -> Outcomes:
    """Place what was not ``seen`` and store the answers. What is refused leaves no trace: its key stays free.

    Raises ``Raced`` or ``IntegrityError`` if an answer or a hold of such a key is there already.
    """
    fresh = [one for one in asked if one.call.name not in seen]
    given = dict(seen)
    kept, refused = [], []
    for one, outcome in zip(fresh, _placed(tx, fresh), strict=True):
        if isinstance(outcome, Refused):
            given[one.call.name] = outcome
            refused.append(one)
        else:
            answer = one.word(outcome.hold)
            kept.append((one.call, answer))
            given[one.call.name] = Given(answer, outcome.work_id)
    idempotency.keep_many(tx, kept)
    return given | _seen(tx, refused)  # the seats of who repeats himself are taken, by himself


def _seen(tx: Connection, asked: Sequence[Asked]) -> Outcomes:
    """The answers to those who asked before."""
    seen = idempotency.seen_many(tx, [one.call for one in asked]) if asked else {}
    return {name: _again(answer) for name, answer in seen.items()}


def _placed(tx: Connection, asked: Sequence[Asked]) -> list[Placed | Refused]:
    """Named seats are all placed in one statement; who leaves the choice to us came alone."""
    if asked and asked[0].best is not None:
        return [place_best(tx, asked[0].place, asked[0].best)]
    return place_holds(tx, [one.place for one in asked])


def _again(answer: Answer | Refused) -> Given | Exception:
    return answer if isinstance(answer, Refused) else Given(answer, is_replay=True)
