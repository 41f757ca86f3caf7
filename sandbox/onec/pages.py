"""What a person sees in the infobase: orders, money documents, and the hall of each performance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from sandbox.onec import texts
from sandbox.onec.infobase import Infobase
from sandbox.onec.records import BOX_OFFICE, HallSeat, Performance, Seat, SeatState

_CELL = 22
_MARGIN = 46


@dataclass(frozen=True, slots=True)
class Mark:
    """A seat on the drawing, in pixels; ``look`` is its style class."""

    id: str
    x: int
    y: int
    look: str
    title: str
    is_accessible: bool
    is_picked: bool


@dataclass(frozen=True, slots=True)
class Label:
    """A word on the drawing, in pixels."""

    x: int
    y: int
    text: str
    look: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A hall drawn with the states of one performance."""

    width: int
    height: int
    marks: list[Mark]
    labels: list[Label]
    counts: Counter[str]


def look_of(seat: Seat) -> str:
    """The state of a seat as the accountant tells them apart."""
    return BOX_OFFICE if seat.state is SeatState.SOLD and seat.owner == BOX_OFFICE else seat.state.value


def draw(hall_seats: tuple[HallSeat, ...], seats: dict[str, Seat], picked: str, say: Callable[[str], str]) -> Drawing:
    """Place every seat of a hall on paper."""
    left = min(seat.x for seat in hall_seats)
    width = _pixels(max(seat.x for seat in hall_seats) - left) + 2 * _MARGIN
    height = _pixels(max(seat.y for seat in hall_seats)) + 2 * _MARGIN
    looks = {seat.id: look_of(seats[seat.id]) for seat in hall_seats}
    marks = [
        Mark(
            id=seat.id,
            x=_pixels(seat.x - left) + _MARGIN,
            y=_pixels(seat.y) + _MARGIN,
            look=looks[seat.id],
            title=f"{seat.section}, {say('row').lower()} {seat.row}, {say('seat').lower()} {seat.number}: "
            f"{say(looks[seat.id]).lower()}",
            is_accessible=seat.is_accessible,
            is_picked=seat.id == picked,
        )
        for seat in hall_seats
    ]
    return Drawing(width, height, marks, _labels(hall_seats, left), Counter(looks.values()))


def _labels(hall_seats: tuple[HallSeat, ...], left: Decimal) -> list[Label]:
    labels: list[Label] = []
    sections: dict[str, list[HallSeat]] = {}
    for seat in hall_seats:
        sections.setdefault(seat.section, []).append(seat)
    for name, seats in sections.items():
        middle = (min(seat.x for seat in seats) + max(seat.x for seat in seats)) / 2
        # Over the middle of the first row, which bends away from the stage.
        top = min((seat for seat in seats if seat.row == seats[0].row), key=lambda seat: abs(seat.x - middle)).y
        labels.append(Label(_pixels(middle - left) + _MARGIN, _pixels(top) + _MARGIN - 18, name, "section"))
        for row in dict.fromkeys(seat.row for seat in seats):
            ends = [seat for seat in seats if seat.row == row]
            if len(ends) < len(seats):
                labels += _row_ends(row, ends, left)
    return labels


def _row_ends(row: str, seats: list[HallSeat], left: Decimal) -> list[Label]:
    first, last = min(seats, key=lambda seat: seat.x), max(seats, key=lambda seat: seat.x)
    return [
        Label(_pixels(seat.x - left) + _MARGIN + shift, _pixels(seat.y) + _MARGIN + 4, row, "row")
        for seat, shift in ((first, -20), (last, 20))
    ]


def _pixels(seats: Decimal) -> int:
    return round(seats * _CELL)


def pages_blueprint(infobase: Infobase) -> Blueprint:
    """The pages; Russian unless ``lang=en`` is asked for."""
    blueprint = Blueprint("pages", __name__, template_folder="templates")

    @blueprint.before_request
    def choose_language() -> None:
        g.lang = "en" if request.args.get("lang") == "en" else "ru"

    @blueprint.app_url_defaults
    def keep_language(_endpoint: str, values: dict[str, Any]) -> None:
        if g.get("lang") == "en":
            values.setdefault("lang", "en")

    @blueprint.context_processor
    def words() -> dict[str, Any]:
        lang = g.lang
        return {
            "lang": lang,
            "say": partial(texts.text, lang=lang),
            "money": partial(texts.money, lang=lang),
            "moment": partial(texts.moment, lang=lang),
            "evening": partial(texts.evening, lang=lang),
            "now": infobase.clock.local(),
            "other": {**request.args, **(request.view_args or {}), "lang": "ru" if lang == "en" else "en"},
        }

    _add_books(blueprint, infobase)
    _add_hall(blueprint, infobase)
    return blueprint


def _add_books(blueprint: Blueprint, infobase: Infobase) -> None:
    @blueprint.get("/")
    def orders() -> str:
        with infobase.open():
            book = infobase.orders
            rows = [(order, book.paid(order.id), book.state(order)) for order in reversed(book.orders.values())]
            return render_template("orders.html", rows=rows, page="orders")

    @blueprint.get("/orders/<order_id>")
    def order(order_id: str) -> str:
        with infobase.open():
            book, season = infobase.orders, infobase.season
            found = book.orders.get(order_id) or abort(404)
            return render_template(
                "order.html",
                order=found,
                paid=book.paid(order_id),
                state=book.state(found),
                documents=book.by_order.get(order_id, []),
                repeated=_repeated(infobase),
                places=[_place(infobase, line.performance_id, line.seat_id) for line in found.lines],
                price_types={price.price_type_id: price.price_type_name for price in season.prices.values()},
                page="orders",
            )

    @blueprint.get("/documents")
    def documents() -> str:
        with infobase.open():
            book = infobase.orders
            return render_template(
                "documents.html",
                documents=book.documents[::-1],
                orders=book.orders,
                repeated=_repeated(infobase),
                page="documents",
            )


def _repeated(infobase: Infobase) -> set[str]:
    return {name for name, found in infobase.orders.by_id.items() if len(found) > 1}


def _place(infobase: Infobase, performance_id: str, seat_id: str) -> tuple[Performance, str, HallSeat]:
    performance = infobase.season.performances[performance_id]
    hall = infobase.season.halls[performance.hall_id]
    seat = next(seat for seat in hall.seats if seat.id == seat_id)
    return performance, infobase.season.events[performance.event_id].name, seat


def _add_hall(blueprint: Blueprint, infobase: Infobase) -> None:
    @blueprint.get("/performances")
    def performances() -> str:
        with infobase.open():
            rows = [
                (
                    each,
                    infobase.season.events[each.event_id],
                    Counter(map(look_of, infobase.seats.seats[each.id].values())),
                )
                for each in sorted(infobase.season.performances.values(), key=lambda each: each.starts_at)
            ]
            return render_template("performances.html", rows=rows, page="performances")

    @blueprint.get("/performances/<performance_id>")
    def performance(performance_id: str) -> str:
        picked = request.args.get("pick", "")
        with infobase.open():
            season = infobase.season
            found = season.performances.get(performance_id) or abort(404)
            seats = infobase.seats.seats[performance_id]
            say = partial(texts.text, lang=g.lang)
            return render_template(
                "performance.html",
                performance=found,
                event=season.events[found.event_id],
                hall=season.halls[found.hall_id],
                drawing=draw(season.halls[found.hall_id].seats, seats, picked, say),
                picked=_place(infobase, performance_id, picked)[2] if picked in seats else None,
                is_free=picked in seats and seats[picked].state is SeatState.FREE,
                result=request.args.get("result", ""),
                page="performances",
            )

    @blueprint.post("/performances/<performance_id>/sell")
    def sell(performance_id: str) -> BaseResponse | Response:
        with infobase.open():
            verdict = infobase.seats.sell_at_box_office(performance_id, [request.form.get("seat", "")])
        result = "was_sold" if verdict.outcome == "done" else "not_sold"
        return redirect(url_for("pages.performance", performance_id=performance_id, result=result), 303)
