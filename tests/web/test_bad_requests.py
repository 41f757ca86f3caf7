"""Every request that cannot be done answers with a stable code in problem+json, and changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.web.conftest import Exhibit

SEATS = [f"P-01-{number:02}" for number in range(2, 11)] + [f"P-02-{number:02}" for number in range(5, 11)]
GONE = "00000000-0000-4000-8000-000000000000"
BUYER = {"kind": "person", "name": "Anna", "email": "anna@example.org"}
PAY = {"provider": "yookassa", "method": "bank_card", "return_url": "https://shop.example/"}


@dataclass(frozen=True)
class Bad:
    """A request, and what must be answered. ``$name`` stands for an id of the exhibit."""

    title: str
    status: int
    code: str
    body: Any = None
    path: str = "/v1/holds"
    method: str = "POST"
    key: str | None = None
    headers: dict[str, str | None] = field(default_factory=dict)


def hold(**changes: Any) -> dict[str, Any]:
    return {"performance": "$perf", "seats": SEATS[:2], **changes}


def order(*holds: str, **changes: Any) -> dict[str, Any]:
    return {"holds": list(holds), "buyer": BUYER, **changes}


HOLDS = [
    Bad("an unknown seat", 422, "seats_unknown", hold(seats=["P-01-02", "Z-99"])),
    Bad("a seat of another performance", 422, "seats_unknown", hold(seats=["P-01-01"])),
    Bad("no seats", 422, "seats_empty", hold(seats=[])),
    Bad("a seat twice", 422, "seats_doubled", hold(seats=["P-01-02", "P-01-02"])),
    Bad("more seats than the channel allows", 422, "seats_too_many", hold(seats=SEATS[:11])),
    Bad("more seats than anybody may", 422, "request_malformed", hold(seats=[f"s{n}" for n in range(101)])),
    Bad("seats that are no list", 422, "request_malformed", hold(seats="P-01-02")),
    Bad("a seat that is a number", 422, "request_malformed", hold(seats=[7])),
    Bad("an empty seat", 422, "request_malformed", hold(seats=[""])),
    Bad("a performance that is no id", 422, "request_malformed", hold(performance="tonight")),
    Bad("a performance that is not there", 404, "performance_unknown", hold(performance=GONE)),
    Bad("a wait without end", 422, "request_malformed", hold(wait_s=1e9)),
    Bad("a wait that is no number", 422, "request_malformed", hold(wait_s="long")),
    Bad("a wait into the past", 422, "request_malformed", hold(wait_s=-1)),
    Bad("a member nobody knows", 422, "request_malformed", hold(colour="red")),
    Bad("nothing", 422, "request_malformed", {}),
    Bad("an unknown price type", 422, "price_unknown", hold(seats=[{"id": "P-01-02", "price_type": "golden"}])),
    Bad("a seat that is held", 409, "seats_unavailable", hold(seats=["P-02-03", "P-01-02"])),
    Bad("a seat that is sold", 409, "seats_unavailable", hold(seats=["P-02-01"])),
    Bad("a NUL in a name", 400, "json_malformed", hold(seats=["P-01\u0000"])),
    Bad("a NUL in a reference", 400, "json_malformed", hold(customer_ref="a\u0000b")),
    Bad("half a letter", 422, "request_malformed", b'{"performance": "$perf", "seats": ["\\ud800"]}'),
]
ORDERS = [
    Bad("an order over an expired hold", 409, "hold_over", order("$over"), "/v1/orders"),
    Bad("an order over a hold that is not there", 404, "hold_unknown", order(GONE), "/v1/orders"),
    Bad("an order of a hold that has one", 409, "hold_ordered", order("$ordered"), "/v1/orders"),
    Bad("an order over a foreign hold", 404, "hold_unknown", order("$live"), "/v1/orders", key="twin"),
    Bad("an order over a hold of another channel", 404, "hold_unknown", order("$live"), "/v1/orders", key="kiosk"),
    Bad("an order of nothing", 422, "request_malformed", order(), "/v1/orders"),
    Bad("an order of a hold twice", 422, "request_malformed", order("$live", "$live"), "/v1/orders"),
    Bad("a buyer nobody can reach", 422, "buyer_unreachable",
        order("$live", buyer={"kind": "person", "name": "A"}), "/v1/orders"),
    Bad("a company without its number", 422, "buyer_inn_malformed",
        order("$live", buyer={"kind": "company", "name": "A", "email": "a@b.ru", "inn": "123"}), "/v1/orders"),
    Bad("an address that is none", 422, "request_malformed",
        order("$live", buyer={**BUYER, "email": "nobody"}), "/v1/orders"),
    Bad("a kind of buyer nobody knows", 422, "request_malformed",
        order("$live", buyer={**BUYER, "kind": "robot"}), "/v1/orders"),
]  # fmt: skip
MONEY = [
    Bad("a payment of an order that is not there", 404, "order_unknown", PAY, f"/v1/orders/{GONE}/payments"),
    Bad("a payment of a foreign order", 404, "order_unknown", PAY, "/v1/orders/$open/payments", key="twin"),
    Bad("a payment of a paid order", 409, "order_paid", PAY, "/v1/orders/$order/payments"),
    Bad("a provider nobody knows", 422, "provider_unknown", {**PAY, "provider": "acme"}, "/v1/orders/$open/payments"),
    Bad("a method nobody offers", 422, "method_unknown", {**PAY, "method": "cash"}, "/v1/orders/$open/payments"),
    Bad("a way back that is a script", 422, "request_malformed",
        {**PAY, "return_url": "javascript:alert(1)"}, "/v1/orders/$open/payments"),
    Bad("an amount of the caller's own", 422, "request_malformed",
        {**PAY, "amount_minor": 1}, "/v1/orders/$open/payments"),
    Bad("too large a refund", 422, "refund_too_large",
        {"amount_minor": 10**9, "reason": "x"}, "/v1/payments/$payment/refunds"),
    Bad("a refund of nothing", 422, "request_malformed",
        {"amount_minor": 0, "reason": "x"}, "/v1/payments/$payment/refunds"),
    Bad("a refund of a part of a kopeck", 422, "request_malformed",
        {"amount_minor": 0.5, "reason": "x"}, "/v1/payments/$payment/refunds"),
    Bad("a refund of a foreign payment", 404, "payment_unknown",
        {"amount_minor": 1, "reason": "x"}, "/v1/payments/$payment/refunds", key="twin"),
    Bad("a refund without the scope", 403, "scope_missing",
        {"amount_minor": 1, "reason": "x"}, "/v1/payments/$payment/refunds", key="seller"),
]  # fmt: skip
ACCESS = [
    Bad("no key", 401, "key_missing", hold(), headers={"Authorization": None}),
    Bad("a key of no form", 401, "key_missing", hold(), headers={"Authorization": "brk_x"}),
    Bad("another scheme", 401, "key_missing", hold(), headers={"Authorization": "Basic YTpi"}),
    Bad("a wrong key", 401, "key_unknown", hold(), headers={"Authorization": "Bearer brk_wrong"}),
    Bad("a revoked key", 401, "key_unknown", hold(), key="revoked"),
    Bad("a key that may only read", 403, "scope_missing", hold(), key="reader"),
    Bad("a key that may only sell", 403, "scope_missing", path="/v1/events", method="GET", key="seller"),
    Bad("no idempotency key", 400, "idempotency_key_missing", hold(), headers={"Idempotency-Key": None}),
    Bad("an empty idempotency key", 400, "idempotency_key_missing", hold(), headers={"Idempotency-Key": ""}),
    Bad("too long an idempotency key", 400, "idempotency_key_missing", hold(), headers={"Idempotency-Key": "k" * 256}),
    Bad("a foreign hold to read", 404, "hold_unknown", path="/v1/holds/$live", method="GET", key="twin"),
    Bad("a foreign hold to release", 404, "hold_unknown", path="/v1/holds/$live", method="DELETE", key="twin"),
    Bad(
        "a hold of another channel to release",
        404,
        "hold_unknown",
        path="/v1/holds/$live",
        method="DELETE",
        key="kiosk",
    ),
    Bad("a foreign order to read", 404, "order_unknown", path="/v1/orders/$order", method="GET", key="twin"),
    Bad("a foreign payment to read", 404, "payment_unknown", path="/v1/payments/$payment", method="GET", key="twin"),
    Bad("a hold that is not there", 404, "hold_unknown", path=f"/v1/holds/{GONE}", method="DELETE"),
]
FORMS = [
    Bad("half a document", 400, "json_malformed", b'{"performance": '),
    Bad("no document", 400, "json_malformed", b""),
    Bad("a list", 400, "json_malformed", b"[]"),
    Bad("bytes that are no text", 400, "json_malformed", b"\xff\xfe\x00"),
    Bad("a number beyond all numbers", 422, "request_malformed", b'{"performance": "$perf", "seats": ["a"], "wait_s": 1e999}'),
    Bad("a nest without end", 400, "json_malformed", b"[" * 100_000),
    Bad("another type", 415, "media_type_unsupported", b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    Bad("a route that is not there", 404, "not_found", path="/v1/nothing", method="GET"),
    Bad("a method that is not there", 405, "method_not_allowed", path="/v1/holds", method="PUT"),
    Bad("an id that is none", 422, "request_malformed", path="/v1/holds/7", method="GET"),
    Bad("a body beyond all bounds", 413, "request_entity_too_large", b'{"a": "' + b"x" * 1_100_000 + b'"}'),
    Bad("a version that is none", 400, "version_malformed", path="/v1/performances/$perf/seats?since=x", method="GET"),
    Bad("an event that is not there", 404, "event_unknown", path=f"/v1/events/{GONE}", method="GET"),
    Bad("a performance that is not there", 404, "performance_unknown", path=f"/v1/performances/{GONE}", method="GET"),
    Bad("seats of a performance that is not there", 404, "performance_unknown",
        path=f"/v1/performances/{GONE}/seats", method="GET"),
]  # fmt: skip


@pytest.mark.parametrize("bad", [*HOLDS, *ORDERS, *MONEY, *ACCESS, *FORMS], ids=lambda bad: bad.title)
def test_it_answers_with_its_code_and_changes_nothing(exhibit: Exhibit, bad: Bad) -> None:
    before = exhibit.counts()

    answer = ask(exhibit, bad)

    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["status"]) == (bad.status, bad.code, bad.status), problem
    assert {"type", "title", "detail", "request_id"} <= problem.keys()
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert exhibit.counts() == before


def ask(exhibit: Exhibit, bad: Bad) -> Any:
    raw = b"" if bad.body is None else bad.body if isinstance(bad.body, bytes) else json.dumps(bad.body).encode()
    path = bad.path
    for name, value in exhibit.names.items():
        raw, path = raw.replace(f"${name}".encode(), str(value).encode()), path.replace(f"${name}", str(value))
    more = {"api_key": exhibit.keys[bad.key]} if bad.key else {}
    headers = {"Content-Type": "application/json", **bad.headers}
    return exhibit.stage.ask(bad.method, path, data=raw or None, headers=headers, **more)


def test_every_refusal_of_the_form_says_where_and_not_what_was_sent(exhibit: Exhibit) -> None:
    answer = ask(exhibit, Bad("", 422, "", hold(seats=[7], wait_s="secret-word")))

    assert {mistake["where"].split(".")[0] for mistake in answer.json()["errors"]} == {"seats", "wait_s"}
    assert "secret-word" not in answer.text


@pytest.mark.parametrize(
    ("wanted", "word"), [("ru-RU,ru;q=0.9", "Места"), ("en", "seats"), ("zh", "seats"), ("", "seats")]
)
def test_the_text_is_in_the_caller_s_language_and_the_code_is_not(exhibit: Exhibit, wanted: str, word: str) -> None:
    bad = Bad("", 409, "", hold(seats=["P-02-01"]), headers={"Accept-Language": wanted})

    problem = ask(exhibit, bad).json()

    assert problem["code"] == "seats_unavailable"
    assert word.lower() in problem["detail"].lower()
    assert problem["lost"] == ["P-02-01"]


def test_a_405_names_what_is_allowed_and_a_401_how_to_sign_in(exhibit: Exhibit) -> None:
    allowed = ask(exhibit, Bad("", 405, "", path="/v1/holds", method="PUT")).headers["Allow"]

    assert "POST" in allowed
    assert ask(exhibit, Bad("", 401, "", headers={"Authorization": None})).headers["WWW-Authenticate"] == "Bearer"


def test_a_request_id_of_good_form_is_kept_and_another_is_replaced(exhibit: Exhibit) -> None:
    given = [uuid4().hex, "short", "x" * 65, "evil\tvalue-of-a-header"]
    kept = [
        exhibit.stage.ask("GET", "/v1/events", headers={"X-Request-Id": value}).headers["X-Request-Id"]
        for value in given
    ]

    assert kept[0] == given[0]
    assert all(one not in given and UUID(one) for one in kept[1:])
