"""The offline checker: reads every ledger (the broker's database and each peer's ``/_audit``) and proves G1-G5.

It shares no code with the broker: it knows the tables by name and the audits by their documents. Each check returns what
it looked at and what is wrong; an empty list of wrongs over a number of things looked at is the proof.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import psycopg
import requests
from psycopg.rows import dict_row

TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Given:
    """Successes the broker told callers during the run: ids it answered with, by kind."""

    holds: Sequence[str] = ()
    orders: Sequence[str] = ()
    payments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One guarantee: how many things were looked at, and what was wrong."""

    guarantee: str
    looked_at: int
    wrongs: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether nothing was wrong, and there was something to look at."""
        return self.looked_at > 0 and not self.wrongs


@dataclass(slots=True)
class Ledgers:
    """Everything read, once."""

    erp: Mapping[str, Any]
    provider: Mapping[str, Any]
    given: Given
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    refs: Mapping[str, str] = field(default_factory=dict)


_TABLES = {
    "seats": """
        SELECT p.ref AS performance, s.seat_ref, s.state, s.hold_id::text, s.order_line_id::text
        FROM seat s JOIN performance p USING (performance_id) WHERE s.state <> 'free'""",
    "holds": "SELECT hold_id::text, state, authority FROM hold",
    "orders": "SELECT order_id::text, state, total_minor, erp_number FROM customer_order",
    "lines": """
        SELECT l.order_line_id::text, l.order_id::text, p.ref AS performance, l.seat_ref, l.state
        FROM order_line l JOIN performance p USING (performance_id)""",
    "attempts": "SELECT attempt_id::text, order_id::text, state, provider_ref, amount_minor FROM payment_attempt",
    "facts": """
        SELECT f.payment_fact_id, f.attempt_id::text, f.kind, f.provider_ref, f.amount_minor, f.currency
        FROM payment_fact f""",
    "postings": "SELECT posting_id::text, order_id::text, payment_fact_id, state, number FROM posting",
    "inbox": "SELECT event_key, handled_at FROM inbox",
    "work": "SELECT outbox_id, lane, kind, key, status FROM outbox WHERE status NOT IN ('done', 'skipped')",
    "alerts": "SELECT code, subject FROM alert WHERE resolved_at IS NULL",
}


def read(database_url: str, erp_url: str, provider_url: str, given: Given | None = None) -> Ledgers:
    """Read all ledgers. Raises what the database driver and ``requests`` raise: without ledgers there is no proof."""
    with psycopg.connect(database_url.replace("+psycopg", ""), row_factory=dict_row) as connection:
        tables = {name: connection.execute(query).fetchall() for name, query in _TABLES.items()}
    erp = requests.get(f"{erp_url}/_audit", timeout=TIMEOUT_S).json()
    provider = requests.get(f"{provider_url}/_audit", timeout=TIMEOUT_S).json()
    return Ledgers(erp, provider, given or Given(), tables)


def check(ledgers: Ledgers) -> list[Verdict]:
    """Prove G1-G5 over ``ledgers``."""
    return [judge(ledgers) for judge in (_one_owner, _no_money_lost, _exactly_once, _unknown_is_kept, _nothing_lost)]


def _verdict(guarantee: str, things: Sequence[Any], wrong: Callable[[Any], str | None]) -> Verdict:
    return Verdict(guarantee, len(things), [words for thing in things if (words := wrong(thing))])


def _minor(amount: str) -> int:
    roubles, _, kopecks = amount.partition(".")
    return int(roubles) * 100 + int(kopecks.ljust(2, "0")[:2])


def _one_owner(ledgers: Ledgers) -> Verdict:
    """G1: a seat has one owner at a time, the same in both books."""
    ours = Counter(
        (line["performance"], line["seat_ref"]) for line in ledgers.tables["lines"] if line["state"] == "sold"
    )
    lines = {line["order_line_id"]: line for line in ledgers.tables["lines"]}
    confirmed = {order["order_id"] for order in ledgers.tables["orders"] if order["erp_number"]}

    def wrong(seat: Mapping[str, Any]) -> str | None:
        where = (seat["performance"], seat["seat_ref"])
        theirs = ledgers.erp["seats"].get(seat["performance"], {}).get(seat["seat_ref"], {})
        line = lines.get(seat["order_line_id"] or "")
        if ours[where] > 1:
            return f"{where} was sold {ours[where]} times here"
        if line and line["order_id"] in confirmed and theirs.get("owner") != line["order_id"]:
            return f"{where} belongs to {theirs.get('owner')} in the ERP and to {line['order_id']} here"
        if (
            seat["state"] == "sold"
            and theirs.get("state") != "sold"
            and (line is None or line["order_id"] in confirmed)
        ):
            return f"{where} is sold here and {theirs.get('state')} in the ERP"
        return None

    verdict = _verdict("G1 one owner a seat", ledgers.tables["seats"], wrong)
    return Verdict(verdict.guarantee, verdict.looked_at, [*verdict.wrongs, *_sold_twice(ledgers), *_freed(ledgers)])


def _sold_twice(ledgers: Ledgers) -> Iterator[str]:
    """Seats the ERP sold before the ticket of the sale before had come back."""
    sales: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for sale in ledgers.erp["sales"]:
        sales[sale["performance_id"], sale["seat_id"]].append(sale)
    for where, those in sales.items():
        for earlier, later in pairwise(those):
            back = earlier["returned_at"]
            if back is None or datetime.fromisoformat(back) > datetime.fromisoformat(later["at"]):
                yield f"{where} was sold in the ERP to {earlier['owner']} and to {later['owner']}"


def _freed(ledgers: Ledgers) -> Iterator[str]:
    """Tickets that came back here but not in the ERP."""
    back = {
        (sale["performance_id"], sale["seat_id"], sale["owner"]) for sale in ledgers.erp["sales"] if sale["returned_at"]
    }
    for line in ledgers.tables["lines"]:
        if line["state"] == "returned" and (line["performance"], line["seat_ref"], line["order_id"]) not in back:
            yield f"{line['performance'], line['seat_ref']} of order {line['order_id']} came back here only"


def _told(ledgers: Ledgers, *subjects: str) -> bool:
    """Whether a person sees an open alert about one of ``subjects``."""
    return any(alert["subject"] in subjects for alert in ledgers.tables["alerts"])


def _no_money_lost(ledgers: Ledgers) -> Verdict:
    """G2: every payment the provider captured is a fact here and a document in the ERP, or a person sees it."""
    attempts = {attempt["provider_ref"]: attempt for attempt in ledgers.tables["attempts"]}
    postings = {posting["payment_fact_id"]: posting for posting in ledgers.tables["postings"]}
    facts = {(fact["kind"], fact["provider_ref"]): fact for fact in ledgers.tables["facts"]}
    documents = {document["id"]: document for document in ledgers.erp["documents"]}
    moved = [("captured", item) for item in ledgers.provider["payments"] if item["status"] == "succeeded"]
    moved += [("refunded", item) for item in ledgers.provider["refunds"] if item["status"] == "succeeded"]

    def wrong(movement: tuple[str, Mapping[str, Any]]) -> str | None:
        kind, item = movement
        attempt = attempts.get(item["id"] if kind == "captured" else item["payment_id"])
        subjects = (f"attempt:{attempt['attempt_id']}", f"order:{attempt['order_id']}") if attempt else ()
        fact = facts.get((kind, item["id"]))
        if fact is None:
            return None if _told(ledgers, *subjects) else f"{kind} {item['id']} is not known here"
        if fact["amount_minor"] != _minor(item["amount"]["value"]):
            return f"{kind} {item['id']}: {item['amount']['value']} there, {fact['amount_minor']} minor units here"
        document = documents.get(postings[fact["payment_fact_id"]]["posting_id"])
        if document is None:
            is_settled = postings[fact["payment_fact_id"]]["state"] == "dismissed" or _told(ledgers, *subjects)
            return None if is_settled else f"{kind} {item['id']} is not in the ERP"
        return (
            None if _minor(document["amount"]) == fact["amount_minor"] else f"{document['number']} has another amount"
        )

    return _verdict("G2 no money lost", moved, wrong)


def _exactly_once(ledgers: Ledgers) -> Verdict:
    """G3: one document a posting, one payment an attempt, however often anybody repeated himself."""
    documents = Counter(document["id"] for document in ledgers.erp["documents"])
    payments = Counter(item["metadata"].get("attempt_id") for item in ledgers.provider["payments"])
    known = {posting["posting_id"] for posting in ledgers.tables["postings"]}
    wrongs = [f"posting {key} has {times} documents" for key, times in documents.items() if times > 1]
    wrongs += [f"attempt {key} has {times} payments" for key, times in payments.items() if times > 1]
    wrongs += [f"document of {key} is not ours" for key in documents if key not in known]
    return Verdict("G3 effects exactly once", len(documents) + len(payments), wrongs)


def _unknown_is_kept(ledgers: Ledgers) -> Verdict:
    """G4: what is not settled waits as work or stands before a person; nothing was guessed."""
    waiting = {work["key"] for work in ledgers.tables["work"]}
    unsettled = [
        (f"order:{posting['order_id']}", f"posting {posting['posting_id']}")
        for posting in ledgers.tables["postings"]
        if posting["state"] not in {"posted", "dismissed"}
    ]
    unsettled += [
        (f"hold:{hold['hold_id']}", f"hold {hold['hold_id']}")
        for hold in ledgers.tables["holds"]
        if hold["state"] in {"reserving", "uncertain"}
    ]
    wrongs = [f"{what} waits for nobody" for key, what in unsettled if key not in waiting and not _told(ledgers, key)]
    refused = {hold["hold_id"] for hold in ledgers.tables["holds"] if hold["state"] in {"released", "refused"}}
    active = {hold["id"] for hold in ledgers.erp["holds"].values() if hold["state"] == "active"}
    wrongs += [
        f"hold {hold_id} is over here and lives in the ERP"
        for hold_id in sorted(refused & active)
        if f"hold:{hold_id}" not in waiting
    ]
    return Verdict("G4 unknown is a state", len(ledgers.tables["holds"]) + len(ledgers.tables["postings"]), wrongs)


def _nothing_lost(ledgers: Ledgers) -> Verdict:
    """G5: whatever a caller was told had succeeded is there."""
    stored = {
        "hold": {hold["hold_id"] for hold in ledgers.tables["holds"]},
        "order": {order["order_id"] for order in ledgers.tables["orders"]},
        "payment": {attempt["attempt_id"] for attempt in ledgers.tables["attempts"]},
    }
    told = [("hold", key) for key in ledgers.given.holds] + [("order", key) for key in ledgers.given.orders]
    told += [("payment", key) for key in ledgers.given.payments]
    wrongs = [f"{kind} {key} was promised and is gone" for kind, key in told if key not in stored[kind]]
    letters = {letter["event_key"] for letter in ledgers.tables["inbox"]}
    taken = [f"{hook['event']}:{hook['object_id']}" for hook in ledgers.provider["webhooks"] if _was_taken(hook)]
    wrongs += [f"webhook {key} was acknowledged and is gone" for key in taken if key not in letters]
    return Verdict("G5 nothing accepted is lost", len(told) + len(taken), wrongs)


def _was_taken(hook: Mapping[str, Any]) -> bool:
    return any(attempt.get("status") == requests.codes.ok for attempt in hook["attempts"])
