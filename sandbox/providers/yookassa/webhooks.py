"""Notifications to the shop: ``{"type": "notification", "event", "object"}``, unsigned, again and again until HTTP 200.

Format: https://yookassa.ru/developers/using-api/webhooks . The real intervals are unpublished; ours grow, see ``config``.
The real service gives up after 24 hours, and so do we, by the movable clock.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import requests

from sandbox.providers.yookassa import ids
from sandbox.providers.yookassa.clock import MovableClock, iso
from sandbox.providers.yookassa.config import Config
from sandbox.providers.yookassa.faults import WEBHOOK_FAULTS, Fault, Faults
from sandbox.providers.yookassa.model import Json, rub

GIVE_UP_AFTER = timedelta(hours=24)
TICK_S = 0.5
SENDERS = 4


@dataclass(slots=True, eq=False)
class Delivery:
    """One notification on its way. ``fault`` names what was done to it, for the audit."""

    event: str
    object: Json
    created_at: datetime
    due_at: datetime
    fault: str = ""
    state: str = "waiting"
    attempts: list[Json] = field(default_factory=list)

    def as_json(self) -> Json:
        """Return the audit's line."""
        return {
            "event": self.event,
            "object_id": self.object["id"],
            "object": self.object,
            "created_at": iso(self.created_at),
            "state": self.state,
            "fault": self.fault,
            "attempts": list(self.attempts),
        }


class Webhooks:
    """Queues notifications and delivers them from threads of its own. ``on_tick`` runs about twice a second."""

    def __init__(self, config: Config, clock: MovableClock, faults: Faults) -> None:
        self.url = config.webhook_url
        self.on_tick: Callable[[], None] = lambda: None
        self._profile = config.profile
        self._clock = clock
        self._faults = faults
        self._changed = threading.Condition()
        self._deliveries: list[Delivery] = []
        self._waiting: list[Delivery] = []
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="yookassa-webhooks", daemon=True)
        clock.on_advance(self._wake)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the attempts that are under way."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join()

    def notify(self, event: str, shown: Json) -> None:
        """Queue an event, with whatever fault is armed for it."""
        fault = self._faults.take(WEBHOOK_FAULTS, event)
        with self._changed:
            for delivery in self._bend(self._fresh(event, shown), fault):
                self._enqueue(delivery)
            self._changed.notify_all()

    def forge(self, event: str, shown: Json, change: str) -> None:
        """Queue a notification nobody should believe: it lies about ``change``."""
        with self._changed:
            self._enqueue(self._forged(self._fresh(event, shown), change))
            self._changed.notify_all()

    def wait_attempted(self, object_id: str, timeout_s: float = 5.0) -> bool:
        """Wait until every notification about an object was sent at least once."""

        def attempted() -> bool:
            ours = [d for d in self._deliveries if d.object["id"] == object_id and d.state != "lost"]
            return bool(ours) and all(d.attempts for d in ours)

        with self._changed:
            return self._changed.wait_for(attempted, timeout_s)

    def as_json(self) -> list[Json]:
        """Return the audit of all deliveries."""
        with self._changed:
            return [delivery.as_json() for delivery in self._deliveries]

    def clear(self) -> None:
        """Forget all deliveries; attempts under way end unseen."""
        with self._changed:
            self._deliveries.clear()
            self._waiting.clear()

    def _fresh(self, event: str, shown: Json) -> Delivery:
        now = self._clock.now()
        return Delivery(event, copy.deepcopy(shown), now, now)

    def _bend(self, delivery: Delivery, fault: Fault | None) -> list[Delivery]:
        """Apply an armed fault to a fresh delivery."""
        if fault is None:
            return [delivery]
        delivery.fault = fault.kind
        later = timedelta(seconds=5.0 if fault.delay_s is None else fault.delay_s)
        match fault.kind:
            case "webhook_duplicate":
                twin = self._fresh(delivery.event, delivery.object)
                twin.fault = fault.kind
                return [delivery, twin]
            case "webhook_lost":
                delivery.state = "lost"
            case "webhook_forged":
                delivery.fault = ""
                return [self._forged(delivery, fault.change), delivery]
            case "webhook_delayed" | "webhook_reorder":
                delivery.due_at += later
        return [delivery]

    def _forged(self, true: Delivery, change: str) -> Delivery:
        lie = copy.deepcopy(true.object)
        if change == "id":
            lie["id"] = ids.object_id(self._clock.now())
        elif change == "amount":
            lie["amount"] = rub(Decimal(lie["amount"]["value"]) + 1)
        else:
            lie |= {"status": true.event.split(".", 1)[1], "paid": True}
        return Delivery(true.event, lie, true.created_at, true.due_at, f"forged_{change}")

    def _enqueue(self, delivery: Delivery) -> None:
        if not self.url:
            delivery.state = "nowhere"
        self._deliveries.append(delivery)
        if delivery.state == "waiting":
            self._waiting.append(delivery)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        with ThreadPoolExecutor(SENDERS, "yookassa-webhook") as senders:
            while not self._is_closing:
                self.on_tick()
                for delivery in self._take_due():
                    # result() in the callback has a failure of our own logged instead of kept in a future nobody reads
                    senders.submit(self._attempt, delivery).add_done_callback(Future.result)

    def _take_due(self) -> list[Delivery]:
        """Return what is due, waiting up to a tick for it."""
        with self._changed:
            due = self._due()
            if not due and not self._is_closing:
                next_s = min(((d.due_at - self._clock.now()).total_seconds() for d in self._waiting), default=TICK_S)
                self._changed.wait(max(0.0, min(next_s, TICK_S)))
                due = self._due()
            self._waiting = [d for d in self._waiting if d not in due]
            return due

    def _due(self) -> list[Delivery]:
        now = self._clock.now()
        return [d for d in self._waiting if d.due_at <= now]

    def _attempt(self, delivery: Delivery) -> None:
        body = {"type": "notification", "event": delivery.event, "object": delivery.object}
        answer = self._post(json.dumps(body, ensure_ascii=False).encode())
        with self._changed:
            delivery.attempts.append({"at": iso(self._clock.now()), **answer})
            self._schedule_next(delivery, is_accepted=answer.get("status") == 200)
            self._release_reordered(delivery)
            self._changed.notify_all()

    def _post(self, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "AHC/2.1"}
        try:
            answer = requests.post(
                self.url, data=body, headers=headers, timeout=self._profile.answer_timeout_s, allow_redirects=False
            )
        except requests.RequestException as error:
            return {"status": None, "error": type(error).__name__}
        return {"status": answer.status_code, "body": answer.text[:200]}

    def _schedule_next(self, delivery: Delivery, *, is_accepted: bool) -> None:
        waits = self._profile.retry_waits_s
        now = self._clock.now()
        if is_accepted:
            delivery.state = "delivered"
        elif now - delivery.created_at > GIVE_UP_AFTER:
            delivery.state = "given_up"
        elif delivery in self._deliveries:
            delivery.due_at = now + timedelta(seconds=waits[min(len(delivery.attempts), len(waits)) - 1])
            self._waiting.append(delivery)

    def _release_reordered(self, sent: Delivery) -> None:
        """A reordered notification goes out as soon as a later one has gone before it."""
        for held in self._waiting:
            if held.fault == "webhook_reorder" and not held.attempts and held.created_at <= sent.created_at:
                held.due_at = self._clock.now()
