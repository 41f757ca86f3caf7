"""The story: a season is published in 1C, sold on the site, and each payment lands on its order, whatever breaks.

Each step does what a person or a system would do, looks at what came of it in every ledger, and returns a line about it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests

from sandbox import checker
from sandbox.demo.stage import Stage, StoryError, expect

EVENTS, PERFORMANCES, SEATS = 3, 12, 400


@dataclass(frozen=True, slots=True)
class Told:
    """One step: what was seen, or why it failed."""

    number: int
    title: str
    is_ok: bool
    seen: str
    took_s: float


class Story:
    """The nine steps, in order; later ones use what earlier ones found."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._shop = stage.shop
        self._performance = ""
        self._erp_performance = ""
        self._free: Iterator[str] = iter(())
        self._hold = ""

    def tell(self) -> Iterator[Told]:
        """Play the steps one after another; a failed one ends the story."""
        steps: list[tuple[str, Callable[[], str]]] = [
            ("1C publishes a season, the broker syncs it", self.season),
            ("two buyers want overlapping seats at once", self.race),
            ("a metro kiosk sells a seat straight in 1C", self.kiosk),
            ("the buyer pays, the payment lands in 1C", self.payment),
            ("a hold is left alone", self.expiry),
            ("1C posts a payment and drops the connection", self.dropped),
            ("a worker is killed in the middle of a posting", self.killed),
            ("Valkey is wiped while work waits", self.wiped),
            ("the offline checker reads every ledger", self.proof),
        ]
        for number, (title, step) in enumerate(steps, start=1):
            began = time.monotonic()
            try:
                seen, is_ok = step(), True
            except (StoryError, requests.RequestException) as error:
                seen, is_ok = f"{type(error).__name__}: {error}", False
            yield Told(number, title, is_ok, seen, time.monotonic() - began)
            if not is_ok:
                return

    def season(self) -> str:
        """A season of events, a hall, prices; nothing twice; changes as a delta."""
        stage = self._stage
        events = stage.until("the season arrives", self._whole_season, within_s=30)
        performances = [item for event in events for item in event["performances"]]
        first = performances[0]
        details = self._shop.get(f"/v1/performances/{first['id']}")
        expect(len(details["hall"]["seats"]) == SEATS, f"the hall has {len(details['hall']['seats'])} seats")
        expect(len(details["zones"]) > 1 and len(details["price_types"]) > 1, "no price zones or types")
        again = stage.bridge("sync", "run")["changed"]
        expect(not any(again.values()), f"a second sync changed {again}")
        self._performance = first["id"]
        self._choose_seats()
        seen = self._see_delta(details)
        return f"{len(events)} events, {len(performances)} performances, {SEATS} seats; a second sync changed nothing; {seen}"

    def _whole_season(self) -> list[dict[str, Any]] | None:
        events: list[dict[str, Any]] = self._shop.get("/v1/events")["events"]
        if len(events) != EVENTS or sum(len(event["performances"]) for event in events) != PERFORMANCES:
            return None
        every = [self._shop.seats(item["id"])["seats"] for event in events for item in event["performances"]]
        return events if all(len(seats) == SEATS for seats in every) else None

    def _choose_seats(self) -> None:
        """Which performance of 1C ours is, told by its seats on the maps, and which seats are free."""
        starts = self._shop.get(f"/v1/performances/{self._performance}")["local_starts_at"]
        erp = {item["starts_at"][:16]: key for key, item in self._stage.erp.audit()["performances"].items()}
        self._erp_performance = erp[starts[:16]]
        seats = self._shop.seats(self._performance)["seats"]
        self._free = iter([seat["id"] for seat in seats if seat["state"] == "free"])

    def _see_delta(self, details: Mapping[str, Any]) -> str:
        stage, seat, price = self._stage, next(self._free), details["prices"][0]
        version = self._shop.seats(self._performance)["version"]
        roubles = price["price_minor"] // 100 + 100
        where = {"performance": self._erp_performance}
        stage.erp.post(
            "/_box_office/price",
            {**where, "zone": price["zone"], "price_type": price["price_type"], "amount": f"{roubles}.00"},
        )
        stage.erp.post("/_box_office/sell", {**where, "seats": [seat]})

        def arrived() -> bool:
            delta = {item["id"]: item["state"] for item in self._shop.seats(self._performance, version)["seats"]}
            prices = self._shop.get(f"/v1/performances/{self._performance}")["prices"]
            new = next(
                item for item in prices if (item["zone"], item["price_type"]) == (price["zone"], price["price_type"])
            )
            return delta.get(seat) == "sold" and new["price_minor"] == roubles * 100

        stage.until("the delta arrives", arrived, within_s=20)
        delta = self._shop.seats(self._performance, version)["seats"]
        return f"a new price and sold seat {seat} arrived as a delta of {len(delta)} seat(s)"

    def race(self) -> str:
        """One wins, the other is told which seats were lost."""
        a, b, c = next(self._free), next(self._free), next(self._free)
        with ThreadPoolExecutor(2) as pool:
            wishes = [pool.submit(self._shop.hold, self._performance, seats) for seats in ([a, b], [b, c])]
            answers = [wish.result() for wish in wishes]
        won = [answer for answer in answers if answer.status_code == requests.codes.created]
        lost = [answer for answer in answers if answer.status_code == requests.codes.conflict]
        expect(len(won) == 1 and len(lost) == 1, f"answers were {[answer.status_code for answer in answers]}")
        expect(lost[0].json()["lost"] == [b], f"the loser was told {lost[0].text[:200]}")
        hold = won[0].json()
        self._hold = hold["id"]
        return f"one got 201 for {hold['expires_in_s']:.0f} s, the other 409 naming {b}"

    def kiosk(self) -> str:
        """1C sells first; the site's next hold is refused by 1C itself, and the map follows."""
        seat = next(self._free)
        self._stage.erp.post("/_box_office/sell", {"performance": self._erp_performance, "seats": [seat]})
        answer = self._shop.hold(self._performance, [seat])
        expect(answer.status_code == requests.codes.conflict, f"the hold was answered {answer.text[:200]}")
        self._stage.until(
            "the map shows it", lambda: self._shop.seat_state(self._performance, seat) == "sold", within_s=15
        )
        return f"the site's hold of {seat} got 409, and the seat map shows it sold"

    def payment(self) -> str:
        """Order, attempt, redirect, webhook, re-query, seats sold, sale confirmed, payment posted: once."""
        order, ref = self._stage.buy_held(self._hold, "Анна Смирнова")
        shown = self._await_posting(order["id"], within_s=20)
        document = self._one_document(order["id"])
        expect(document["provider_ref"] == ref, f"the document names {document['provider_ref']}")
        expect(document["amount"] == f"{order['total_minor'] / 100:.2f}", f"the document is for {document['amount']}")
        sold = {line["seat"]: self._shop.seat_state(self._performance, line["seat"]) for line in shown["lines"]}
        expect(set(sold.values()) == {"sold"}, f"the seats are {sold}")
        page = self._stage.erp.page(f"/orders/{order['id']}")
        expect(document["number"] in page and ref in page, "1C's own page does not show the payment")
        self._see_owner(order["id"], sold)
        return (
            f"order {order['number']} is {shown['erp_number']} in 1C, paid by document {document['number']} of "
            f"{document['amount']} {document['currency']}, {document['provider']} {ref}"
        )

    def _see_owner(self, order: str, seats: Mapping[str, str]) -> None:
        theirs = self._stage.erp.audit()["seats"][self._erp_performance]
        owners = {theirs[seat]["owner"] for seat in seats}
        expect(owners == {order}, f"in 1C the seats belong to {owners}")

    def _await_posting(self, order: str, *, within_s: float) -> dict[str, Any]:
        self._stage.until("the payment is posted", lambda: self._shop.is_posted(order), within_s=within_s)
        shown: dict[str, Any] = self._shop.get(f"/v1/orders/{order}")
        expect(shown["state"] == "paid", f"the order is {shown['state']}")
        return shown

    def _one_document(self, order: str) -> dict[str, Any]:
        documents = self._stage.documents(order)
        expect(len(documents) == 1, f"1C has {len(documents)} documents for the order")
        return documents[0]

    def expiry(self) -> str:
        """Nobody pays: free again here and in 1C, by themselves."""
        stage, seat = self._stage, next(self._free)
        held = stage.hasty.hold(self._performance, [seat])
        expect(held.status_code == requests.codes.created, f"the hold was answered {held.text[:200]}")
        hold = held.json()["id"]
        state = stage.erp.audit()["seats"][self._erp_performance][seat]["state"]
        expect(state == "held", f"1C shows the seat {state}")

        def is_free() -> bool:
            books = stage.erp.audit()
            theirs = books["seats"][self._erp_performance][seat]["state"], books["holds"][hold]["state"]
            ours = self._shop.seat_state(self._performance, seat)
            return ours == "free" and theirs == ("free", "released")

        stage.until("the seat is free again", is_free, within_s=20)
        return f"{seat} was held for {held.json()['expires_in_s']:.0f} s; then free in the broker and released in 1C"

    def dropped(self) -> str:
        """The answer is lost after the effect: looked up, found, not posted again."""
        stage = self._stage
        looked_up = stage.calls("FindPostings")
        stage.erp.post("/_faults", {"faults": [{"operation": "PostPayments", "kind": "commit_then_drop", "times": 1}]})
        order, _ = stage.buy(self._performance, [next(self._free)], "Борис Орлов")
        self._await_posting(order["id"], within_s=20)
        document = self._one_document(order["id"])
        times = stage.calls("FindPostings") - looked_up
        expect(times > 0, "nobody looked the posting up")
        return f"document {document['number']} was found by look-up ({times} call), one document in 1C"

    def killed(self) -> str:
        """SIGKILL while 1C has executed the posting and its answer is not here yet."""
        stage = self._stage
        before = stage.calls("PostPayments")
        fault = {"operation": "PostPayments", "kind": "silence", "times": 1, "seconds": 30}
        stage.erp.post("/_faults", {"faults": [fault]})
        order, _ = stage.buy(self._performance, [next(self._free)], "Вера Котова")
        stage.until("1C is called", lambda: stage.calls("PostPayments") > before, within_s=15)
        victim = stage.until("a worker is at it", stage.busy_worker, within_s=5)
        os.kill(victim, signal.SIGKILL)
        self._await_posting(order["id"], within_s=30)
        document = self._one_document(order["id"])
        return f"worker {victim} was killed; another found document {document['number']}, still one in 1C"

    def wiped(self) -> str:
        """The queue forgets everything; the rows in PostgreSQL do not."""
        stage = self._stage
        stage.signal_workers(signal.SIGSTOP)
        try:
            order, _ = stage.buy(self._performance, [next(self._free)], "Глеб Дымов")
            waiting = stage.until("messages wait", stage.messages, within_s=10)
            stage.cache().flushall()
        finally:
            stage.signal_workers(signal.SIGCONT)
        self._await_posting(order["id"], within_s=30)
        return f"{waiting} messages were lost with all of Valkey; order {order['number']} was posted all the same"

    def proof(self) -> str:
        """G1-G5 over the whole run, from the database and each peer's books."""
        stage = self._stage
        sellers = (stage.shop, stage.hasty)
        given = checker.Given(
            [key for seller in sellers for key in seller.holds],
            [key for seller in sellers for key in seller.orders],
            [key for seller in sellers for key in seller.payments],
        )
        ledgers = checker.read(stage.env["BRIDGE_DATABASE_URL"], stage.erp.url, stage.provider.url, given)
        verdicts = checker.check(ledgers)
        wrongs = [
            f"{verdict.guarantee}: {'; '.join(verdict.wrongs) or 'nothing to look at'}"
            for verdict in verdicts
            if not verdict.holds
        ]
        expect(not wrongs, " | ".join(wrongs))
        return ", ".join(f"{verdict.guarantee} ({verdict.looked_at})" for verdict in verdicts)
