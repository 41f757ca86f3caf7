"""The playbill and the seat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, render_template, request

from sandbox.shop import cookie, hall
from sandbox.shop.broker import Broker, BrokerDownError, BrokerRefusedError
from sandbox.shop.config import Config
from sandbox.shop.language import moment, money, plurals, t
from sandbox.shop.prices import Prices

showing = Blueprint("showing", __name__)
Json = dict[str, Any]
COLOURS = 6


@dataclass(frozen=True, slots=True)
class Choice:
    """What the buyer had chosen when the map is shown again, and which of it was lost to others."""

    seats: frozenset[str] = frozenset()
    types: Mapping[str, str] = field(default_factory=dict)
    lost: Sequence[str] = ()
    near: Sequence[str] = ()
    is_empty: bool = False


def broker() -> Broker:
    """Return the app's client of the broker."""
    return cast("Broker", current_app.extensions["broker"])


@showing.get("/_health")
def health() -> Response:
    """Answer that the shop itself runs, whatever becomes of the broker."""
    return jsonify({"ok": True})


@showing.get("/")
def playbill() -> str:
    """Show what is on, in the order of dates."""
    events = [event for event in broker().events() if event["performances"]]
    for event in events:
        event["performances"].sort(key=lambda performance: performance["starts_at"])
    events.sort(key=lambda event: event["performances"][0]["starts_at"])
    return render_template("playbill.html", events=events)


@showing.get("/performances/<performance_id>")
def performance(performance_id: str) -> str:
    """Show the hall."""
    return show_hall(performance_id, Choice())


@showing.get("/performances/<performance_id>/seats.json")
def seats(performance_id: str) -> Response:
    """Pass on which seats changed since a version: the browser does not know the broker's key."""
    try:
        return jsonify(broker().seats(performance_id, request.args.get("since", "")))
    except (BrokerDownError, BrokerRefusedError) as error:
        answer = jsonify({"error": type(error).__name__})
        answer.status_code = 503
        return answer


def show_hall(performance_id: str, choice: Choice) -> str:
    """Return the page of a performance with a choice marked on it."""
    found = broker().performance(performance_id)
    states = broker().seats(performance_id)
    prices = Prices.of(found)
    plan = hall.draw(found["hall"]["seats"], states["seats"])
    names = {s.id: seat_name(s.section, s.row, s.number) for s in plan.spots}
    return render_template(
        "performance.html",
        performance=found,
        plan=plan,
        names=names,
        prices=prices,
        colours={zone: number % COLOURS for number, zone in enumerate(prices.by_zone)},
        choice=choice,
        own_hold=next(iter(cookie.holds_of(performance_id)), None),
        for_browser=_for_browser(performance_id, found, prices, states["version"], choice),
    )


def seat_name(section: str, row: str, number: str) -> str:
    """Name a seat as people do."""
    return t("seat_name", section=section, row=row, number=number)


def seat_names(found: Json) -> dict[str, str]:
    """Name all seats of a performance."""
    return {s["id"]: seat_name(s["section"], s["row"], s["number"]) for s in found["hall"]["seats"]}


def _for_browser(performance_id: str, found: Json, prices: Prices, version: str, choice: Choice) -> Json:
    config: Config = current_app.config["SHOP"]
    words = ("free", "taken", "chosen", "said_added", "said_removed", "said_lost", "said_total", "map_stale")
    more = ("remove", "price_type", "nothing_chosen", "accessible")
    return {
        "performance": performance_id,
        "version": version,
        "refresh_ms": round(config.refresh_s * 1000),
        "on_sale": found["state"] == "on_sale",
        "currency": prices.currency,
        "types": [{"id": key, "name": name} for key, name in prices.types.items()],
        "prices": prices.minor,
        "spoken": {
            zone: {kind: money(minor, prices.currency) for kind, minor in row.items()}
            for zone, row in prices.minor.items()
        },
        "chosen_types": dict(choice.types),
        "seats": plurals("seats"),
        "t": {key: _raw(key) for key in (*words, *more)},
        "when": moment(found).isoformat(),
    }


def _raw(key: str) -> str:
    """Return a text with its blanks left for the browser to fill."""
    return t(key, seat="{seat}", seats="{seats}", sum="{sum}")
