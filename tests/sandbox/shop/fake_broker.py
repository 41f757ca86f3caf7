"""A small broker in memory that answers in the shapes of the real one, so that the shop is tested over real HTTP alone."""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from flask import Flask, Response, jsonify, redirect, request
from werkzeug.serving import WSGIRequestHandler, make_server

Json = dict[str, Any]
API_KEY = "brk_test"
PERFORMANCE = "p-1"
PRICES = {"gold": (450000, 320000), "silver": (250000, 180000), "bronze": (120000, 90050)}


def arc(section: str, letter: str, rows: int, count: int, top: float, zone: str) -> Iterator[Json]:
    """Rows of seats bent around a point far behind the audience."""
    for row in range(1, rows + 1):
        for number in range(1, count + row + 1):
            angle = (number - (count + row + 1) / 2) / (30 + row)
            yield {
                "id": f"{letter}-{row:02}-{number:02}",
                "section": section,
                "row": str(row),
                "number": str(number),
                "x": round((30 + row) * math.sin(angle), 2),
                "y": round(top + row - (30 + row) * (1 - math.cos(angle)), 2),
                "accessible": letter == "P" and row == rows and number <= 2,
                "zone": zone,
            }


@dataclass
class Fake:
    """The books of the fake. Tests turn its screws by hand."""

    hold_lasts_s: float = 600.0
    is_down: bool = False
    slow_holds: int = 0
    slow_payments: int = 0
    create_payment_fails: bool = False
    seats: dict[str, Json] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    version: int = 1
    holds: dict[str, Json] = field(default_factory=dict)
    orders: dict[str, Json] = field(default_factory=dict)
    payments: dict[str, Json] = field(default_factory=dict)
    keys: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        blocks = [
            *arc("Партер", "P", 8, 18, 0, "gold"),
            *arc("Амфитеатр", "A", 4, 26, 10, "silver"),
            *arc("Балкон", "B", 3, 28, 16, "bronze"),
        ]
        self.seats = {seat["id"]: seat for seat in blocks}
        self.states = dict.fromkeys(self.seats, "free")
        self.versions = dict.fromkeys(self.seats, 1)

    def forget(self) -> None:
        """Become as new."""
        vars(self).update(vars(Fake()))

    def mark(self, seat: str, state: str) -> None:
        """Change a seat as somebody else would."""
        self.version += 1
        self.states[seat], self.versions[seat] = state, self.version

    def shown_hold(self, hold: Json) -> Json:
        left = hold["ends"] - time.monotonic()
        if hold["state"] == "active" and left <= 0:
            hold["state"] = "expired"
            for seat in hold["seats"]:
                self.mark(seat["id"], "free")
        shown = {name: value for name, value in hold.items() if name not in {"ends", "slow"}}
        return {**shown, "expires_in_s": max(0, round(left)), "expires_at": "2026-12-05T17:00:00Z"}

    def pay(self, order_id: str, state: str = "captured") -> None:
        """Do what the provider's webhook would."""
        order = self.orders[order_id]
        payment = self.payments[order["payments"][-1]["id"]]
        payment["state"] = state
        if state == "captured":
            payment |= {
                "paid_at": "2026-11-21T10:00:00Z",
                "posting": {"state": "posted", "number": "ТБ-17", "posted_at": "x"},
            }
            order["state"] = "paid"


def price_of(fake: Fake, seat: str, kind: str) -> int:
    full, reduced = PRICES[fake.seats[seat]["zone"]]
    return reduced if kind == "reduced" else full


def problem(status: int, code: str, **more: Any) -> Response:
    answer = jsonify({"type": "about:blank", "title": code, "status": status, "code": code, **more})
    answer.status_code = status
    answer.content_type = "application/problem+json"
    return answer


def create_app(fake: Fake) -> Flask:  # noqa: C901  one closure a route
    app = Flask(__name__)
    place = {"id": "h-1", "name": "Большой зал", "venue": "Театр на набережной"}
    when = {"starts_at": "2026-12-05T16:00:00Z", "local_starts_at": "2026-12-05T19:00:00"}

    @app.before_request
    def enter() -> Response | None:
        key = request.headers.get("Idempotency-Key", "")
        fake.requests.append((request.method, request.path, key))
        if request.path.startswith("/pay/"):
            return None
        if fake.is_down:
            return problem(503, "erp_unavailable")
        if request.headers.get("Authorization") != f"Bearer {API_KEY}":
            return problem(401, "unauthorized")
        if request.method == "POST" and not key:
            return problem(400, "idempotency_key_missing")
        if key in fake.keys:
            body, answer = fake.keys[key]
            return problem(422, "idempotency_key_reused") if body != request.get_json() else answer
        return None

    @app.after_request
    def remember(answer: Response) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key and answer.status_code < 400:
            fake.keys[key] = (request.get_json(), answer)
        return answer

    @app.get("/v1/events")
    def events() -> Any:
        performance = {
            "id": PERFORMANCE,
            **when,
            "hall": place,
            "state": "on_sale",
            "price_from_minor": 90050,
            "currency": "RUB",
        }
        later = {"id": "p-2", "starts_at": "2026-12-06T16:00:00Z", "local_starts_at": "2026-12-06T19:00:00"}
        closed = {**performance, **later, "state": "closed", "price_from_minor": None}
        about = "Пьеса в двух действиях. Вишнёвый сад продан, он уже продан, это правда."
        event = {
            "id": "e-1",
            "name": "Вишнёвый сад",
            "description": about,
            "age_limit": 12,
            "performances": [performance, closed],
        }
        second = {"id": "p-3", "starts_at": "2026-12-12T09:00:00Z", "local_starts_at": "2026-12-12T12:00:00"}
        tale = {"id": "e-2", "name": "Сказка о царе Салтане", "description": "", "age_limit": "6+"}
        return jsonify({"events": [event, {**tale, "performances": [{**performance, **second}]}]})

    @app.get("/v1/performances/<performance_id>")
    def performance(performance_id: str) -> Any:
        if performance_id != PERFORMANCE:
            return problem(404, "performance_unknown")
        return jsonify({
            "id": PERFORMANCE,
            "event": {"id": "e-1", "name": "Вишнёвый сад"},
            **when,
            "sales_end_at": "2026-12-05T15:00:00Z",
            "state": "on_sale",
            "hall": {**place, "layout_version": "1", "seats": [{k: v for k, v in s.items() if k != "zone"} for s in fake.seats.values()]},
            "zones": [{"id": "gold", "name": "Партер"}, {"id": "silver", "name": "Амфитеатр"}, {"id": "bronze", "name": "Балкон"}],
            "price_types": [{"id": "full", "name": "Полный"}, {"id": "reduced", "name": "Льготный"}],
            "prices": [
                {"zone": zone, "price_type": kind, "price_minor": minor, "currency": "RUB"}
                for zone, pair in PRICES.items()
                for kind, minor in zip(("full", "reduced"), pair, strict=True)
            ],
        })  # fmt: skip

    @app.get("/v1/performances/<performance_id>/seats")
    def seats(performance_id: str) -> Any:
        since = int(request.args.get("since", "0"))
        rows = [
            {"id": s, "state": fake.states[s], "zone": fake.seats[s]["zone"]}
            for s in fake.seats
            if fake.versions[s] > since
        ]
        return jsonify({"version": str(fake.version), "full": not since, "seats": rows})

    @app.post("/v1/holds")
    def hold() -> Any:
        wish = request.get_json()
        chosen = [seat if isinstance(seat, dict) else {"id": seat} for seat in wish["seats"]]
        lost = [seat["id"] for seat in chosen if fake.states[seat["id"]] != "free"]
        if lost:
            near = [seat for seat, state in fake.states.items() if state == "free"][:2]
            return problem(409, "seats_unavailable", lost=lost, alternatives=near)
        lines = []
        for seat in chosen:
            fake.mark(seat["id"], "held")
            kind = seat.get("price_type", "full")
            lines.append(
                {
                    "id": seat["id"],
                    "price_type": kind,
                    "price_minor": price_of(fake, seat["id"], kind),
                    "currency": "RUB",
                }
            )
        made = {
            "id": f"hold-{uuid.uuid4().hex[:8]}",
            "state": "reserving" if fake.slow_holds else "active",
            "slow": fake.slow_holds,
            "ends": time.monotonic() + fake.hold_lasts_s,
            "performance": wish["performance"],
            "seats": lines,
            "total_minor": sum(line["price_minor"] for line in lines),
            "currency": "RUB",
        }
        fake.holds[made["id"]] = made
        return jsonify(fake.shown_hold(made)), 202 if fake.slow_holds else 201

    @app.get("/v1/holds/<hold_id>")
    def get_hold(hold_id: str) -> Any:
        found = fake.holds[hold_id]
        if found["state"] == "reserving":
            found["slow"] -= 1
            found["state"] = "active" if found["slow"] < 0 else "reserving"
        return jsonify(fake.shown_hold(found))

    @app.delete("/v1/holds/<hold_id>")
    def release(hold_id: str) -> Any:
        fake.holds[hold_id]["state"] = "released"
        for seat in fake.holds[hold_id]["seats"]:
            fake.mark(seat["id"], "free")
        return "", 204

    @app.post("/v1/orders")
    def order() -> Any:
        wish = request.get_json()
        held = fake.shown_hold(fake.holds[wish["holds"][0]])
        if held["state"] != "active":
            return problem(409, "hold_over")
        lines = [
            {"performance": PERFORMANCE, "seat": s["id"], **{k: s[k] for k in ("price_type", "price_minor")}}
            for s in held["seats"]
        ]
        made = {
            "id": f"order-{uuid.uuid4().hex[:8]}",
            "number": "SO-42",
            "state": "awaiting_payment",
            "lines": lines,
            "payments": [],
        }
        made |= {
            "total_minor": held["total_minor"],
            "currency": "RUB",
            "expires_at": "x",
            "expires_in_s": held["expires_in_s"],
        }
        fake.orders[made["id"]] = {**made, "buyer": wish["buyer"]}
        return jsonify(made), 201

    @app.get("/v1/orders/<order_id>")
    def get_order(order_id: str) -> Any:
        found = {name: value for name, value in fake.orders[order_id].items() if name != "buyer"}
        hidden = {"confirmation_url", "return_url"}
        found["payments"] = [
            {k: v for k, v in fake.payments[p["id"]].items() if k not in hidden} for p in found["payments"]
        ]
        return jsonify(found)

    @app.post("/v1/orders/<order_id>/payments")
    def pay(order_id: str) -> Any:
        if fake.create_payment_fails:
            return problem(503, "provider_unavailable")
        payment_id = f"pay-{uuid.uuid4().hex[:8]}"
        made = {
            "id": payment_id,
            "state": "pending",
            "provider": "yookassa",
            "provider_ref": "2d1e6f4c-000f",
            "amount_minor": 1,
        }
        made |= {"paid_at": None, "posting": None, "currency": "RUB", "return_url": request.get_json()["return_url"]}
        is_slow = fake.slow_payments > 0
        made["confirmation_url"] = None if is_slow else f"{request.host_url}pay/{order_id}"
        fake.payments[payment_id] = made
        fake.orders[order_id]["payments"].append({"id": payment_id})
        return jsonify(made), 202 if is_slow else 201

    @app.get("/v1/payments/<payment_id>")
    def get_payment(payment_id: str) -> Any:
        found = fake.payments[payment_id]
        if not found["confirmation_url"]:
            fake.slow_payments -= 1
            if fake.slow_payments <= 0:
                found["confirmation_url"] = f"{request.host_url}pay/later"
        return jsonify(found)

    @app.get("/pay/<order_id>")
    def pay_page(order_id: str) -> Any:
        return (
            f"<title>pay</title><form method=post action=/pay/{order_id}><button autofocus id=pay>Pay</button></form>"
        )

    @app.post("/pay/<order_id>")
    def pay_done(order_id: str) -> Any:
        payment = fake.payments[fake.orders[order_id]["payments"][-1]["id"]]
        threading.Timer(0.7, fake.pay, (order_id,)).start()
        return redirect(payment["return_url"], 303)

    return app


class _Quiet(WSGIRequestHandler):
    def log(self, *_line: object) -> None:
        """Say nothing."""


class FakeBroker(Fake):
    """The fake as a server."""

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, create_app(self), threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
