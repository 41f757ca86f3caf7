"""A storm: many real clients on few seats, each repeating himself as a good client does, and what they were told.

Two grants of one seat that overlap in the database's own time are a seat sold twice, whatever the books say later.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import requests
from sqlalchemy import text

from bridge.seats.house import Allotment, allot
from tests.exchange.stage import BUYER
from tests.faults.fleet import Fleet, eventually

CLIENTS = 16
SEATS = 50
PATIENCE_S = 60.0
FOR_EVER = datetime.max.replace(tzinfo=UTC)
ROUNDING = timedelta(milliseconds=1)
OPEN = {"reserving", "uncertain", "starting"}
OVER = {"refused", "released", "expired", "canceled"}
PAY = {"provider": "yookassa", "method": "bank_card", "return_url": "https://shop.example/"}


@dataclass
class Grant:
    """A seat that somebody was given, from when until when."""

    seat: str
    hold: str
    begins_at: datetime
    ends_at: datetime


@dataclass
class Storm:
    """Clients on the first ``SEATS`` seats of a performance; half of these are the channel's own."""

    fleet: Fleet
    seed: int = 1
    ttl_s: int = 2
    patience_s: float = PATIENCE_S
    performance: str = ""
    seats: list[str] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    answers: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    broken: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def prepare(self, share_allotted: float = 0.5) -> None:
        """Short holds; a part of the seats allotted."""
        fleet = self.fleet
        self.performance = fleet.one("SELECT performance_id::text FROM performance ORDER BY starts_at, ref LIMIT 1")
        with fleet.db.begin() as tx:
            tx.execute(text("UPDATE channel SET hold_ttl_s = :ttl"), {"ttl": self.ttl_s})
            rows = tx.execute(
                text(
                    "SELECT seat_ref FROM seat WHERE performance_id = :id AND state = 'free' ORDER BY seat_ref LIMIT :count"
                ),
                {"id": self.performance, "count": SEATS},
            )
            self.seats = list(rows.scalars())
            own = self.seats[: int(SEATS * share_allotted)]
            if own:
                release_at = datetime.now(UTC) + timedelta(days=1)
                allot(tx, Allotment(self.performance, "web", release_at, own))  # type: ignore[arg-type]

    def rage(self, seconds: float, *disturbances: Any, outlasts: bool = False) -> None:
        """Let the clients want seats for so long, and call each disturbance meanwhile with an event that ends it. With
        ``outlasts`` they go on until the disturbances have ended by themselves.
        """
        over = threading.Event()
        with ThreadPoolExecutor(CLIENTS + len(disturbances)) as crowd:
            clients = [crowd.submit(self._want, number, over) for number in range(CLIENTS)]
            disturbing = [crowd.submit(disturb, over) for disturb in disturbances]
            time.sleep(seconds)
            try:
                for future in disturbing if outlasts else ():
                    future.result(200)
            finally:
                over.set()
            for future in [*clients, *disturbing]:
                future.result(200)

    def settle(self) -> list[str]:
        """Wait until all work is done and every webhook has come; what is wrong then."""
        wrongs: list[str] = []

        def is_settled() -> bool:
            wrongs[:] = [*self._left(), *self.fleet.wrongs()]
            return not wrongs

        eventually(is_settled, 60)
        return [*wrongs, *self.overlaps()]

    def _left(self) -> list[str]:
        if self.fleet.is_idle():
            return []
        with self.fleet.db.begin() as tx:
            query = (
                "SELECT kind, status, attempts, last_error FROM outbox WHERE status NOT IN ('done', 'skipped') LIMIT 5"
            )
            rows = tx.execute(text(query))
            return [f"work is left: {tuple(row)}" for row in rows]

    def overlaps(self) -> list[str]:
        """Seats that two had at the same time."""
        by_seat: dict[str, list[Grant]] = defaultdict(list)
        for grant in self.grants:
            by_seat[grant.seat].append(grant)
        wrongs = []
        for seat, grants in by_seat.items():
            grants.sort(key=lambda grant: grant.begins_at)
            for before, after in itertools.pairwise(grants):
                if after.begins_at + ROUNDING < before.ends_at and after.hold != before.hold:
                    wrongs.append(f"{seat} was {before.hold}'s until {before.ends_at} and {after.hold}'s before that")
        return wrongs

    # A client

    def _want(self, number: int, over: threading.Event) -> None:
        chance = random.Random(f"{self.seed}.{number}")
        with requests.Session() as session:
            while not over.is_set():
                try:
                    self._turn(session, chance)
                except requests.RequestException as error:
                    self.failures.append(repr(error))

    def _turn(self, session: requests.Session, chance: random.Random) -> None:
        wanted = chance.sample(self.seats, chance.randint(1, 4))
        hold = self._post(session, "/v1/holds", {"performance": self.performance, "seats": wanted, "wait_s": 3})
        if hold is None:
            time.sleep(chance.uniform(0, 0.02))
            return
        grants = self._note(hold)
        fate = chance.random()
        if fate < 0.25:
            self._buy(session, hold, grants)
        elif fate < 0.7:
            self._release(session, hold, grants)

    def _note(self, hold: dict[str, Any]) -> list[Grant]:
        ends_at = datetime.fromisoformat(hold["expires_at"])
        begins_at = ends_at - timedelta(seconds=self.ttl_s)
        grants = [Grant(seat["id"], hold["id"], begins_at, ends_at) for seat in hold["seats"]]
        self.grants += grants
        self.fleet.given["holds"].append(hold["id"])
        return grants

    def _release(self, session: requests.Session, hold: dict[str, Any], grants: list[Grant]) -> None:
        now = datetime.now(UTC)
        for grant in grants:
            grant.ends_at = min(grant.ends_at, now)  # from now on it may be gone at any moment
        self._send(session, "DELETE", f"/v1/holds/{hold['id']}", None, uuid4().hex)

    def _buy(self, session: requests.Session, hold: dict[str, Any], grants: list[Grant]) -> None:
        order = self._post(session, "/v1/orders", {"holds": [hold["id"]], "buyer": BUYER})
        if order is None:
            return
        self.fleet.given["orders"].append(order["id"])
        payment = self._post(session, f"/v1/orders/{order['id']}/payments", PAY)
        if payment is None or not payment.get("provider_ref"):
            return
        self.fleet.given["payments"].append(payment["id"])
        for grant in grants:
            grant.ends_at = FOR_EVER  # the payment has begun in time, and the money comes
        self.fleet.yoo.parts.ledger.pay(payment["provider_ref"])

    def _post(self, session: requests.Session, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """What was done in the end, if anything: asked again with the same key until there is an answer."""
        answer = self._send(session, "POST", path, body, uuid4().hex)
        if answer is None or answer.status_code not in {201, 202}:
            return None
        document: dict[str, Any] = answer.json()
        where = answer.headers.get("Location", "")
        ends_at = time.monotonic() + self.patience_s
        while document["state"] in OPEN and time.monotonic() < ends_at:
            time.sleep(0.05)
            answer = self._send(session, "GET", where, None, "")
            document = answer.json() if answer is not None else document
        return document if document["state"] not in OPEN | OVER else None

    def _send(
        self, session: requests.Session, method: str, path: str, body: dict[str, Any] | None, key: str
    ) -> requests.Response | None:
        headers = {"Authorization": f"Bearer {self.fleet.key}", "Idempotency-Key": key}
        ends_at = time.monotonic() + self.patience_s
        while time.monotonic() < ends_at:
            try:
                answer = session.request(method, self.fleet.url + path, json=body, headers=headers, timeout=30)
            except requests.RequestException as error:
                self.broken.append(repr(error))  # repeated at once: only a deploy must never come to this
                time.sleep(0.05)
                continue
            self.answers[answer.status_code] += 1
            if answer.status_code < 500 and answer.status_code != 429:
                return answer
            time.sleep(0.1)
        self.failures.append(f"{method} {path} got no answer in {self.patience_s} s")
        return None
