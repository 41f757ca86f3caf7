"""Requests to hold seats, and the answers of those that wait for the ERP."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from bridge.core import idempotency
from bridge.core.idempotency import Answer, Call
from bridge.seats import holds
from bridge.seats.model import Hold
from bridge.seats.placing import BestWish, Place


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to hold seats: the key under which it is done once, what is wanted, and ``word``, which puts a hold
    into the words of an answer. Others may call it: it must not depend on the thread.
    """

    call: Call
    place: Place
    word: Callable[[Hold], Answer]
    best: BestWish | None = None


@dataclass(slots=True)
class Wait:
    """A request that waits, and its answer once there is one."""

    asked: Asked
    answer: Answer | None = None


class Awaited:
    """The requests of one process that wait for the ERP. Whoever settles their holds stores their answers in the same
    transaction; who is not answered so looks himself what became of his hold.
    """

    def __init__(self) -> None:
        self._waits: dict[UUID, Wait] = {}

    @contextmanager
    def wait(self, asked: Asked) -> Iterator[Wait]:
        """Let an answer be given while the block lasts."""
        wait = self._waits[asked.place.hold_id] = Wait(asked)
        try:
            yield wait
        finally:
            self._waits.pop(asked.place.hold_id, None)

    def store(self, tx: Connection, hold_ids: Collection[UUID]) -> Mapping[UUID, Answer]:
        """Store the answers to those who wait for one of these holds, by what the holds are now, and return them for
        ``give``.
        """
        waits = {hold_id: wait for hold_id in hold_ids if (wait := self._waits.get(hold_id))}
        if not waits:
            return {}
        found = holds.get_many(tx, list(waits))
        answers = {hold_id: wait.asked.word(found[hold_id]) for hold_id, wait in waits.items()}
        idempotency.finish_many(tx, [(waits[hold_id].asked.call, answer) for hold_id, answer in answers.items()])
        return answers

    def give(self, answers: Mapping[UUID, Answer]) -> None:
        """The transaction is committed: the answers hold."""
        for hold_id, answer in answers.items():
            if wait := self._waits.get(hold_id):
                wait.answer = answer
