"""``bridge house-hold`` and ``bridge allotment``: seats taken off sale by hand, seats given to a channel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click
from sqlalchemy import Connection, text

from bridge.channels.service import get_rules
from bridge.cli.common import Failed, bridge, json_option, say
from bridge.exchange.sync import refresh_performance
from bridge.seats.house import Allotment, HouseHold, allot, block, unblock

_REFS = text("SELECT ref FROM performance WHERE performance_id = ANY(:ids)")
_HOUSE_HOLDS = text(
    """
    SELECT house_hold_id AS id, performance_id AS performance, seats, reason, created_at, until, channels
    FROM house_hold
    WHERE released_at IS NULL ORDER BY house_hold_id
    """
)
_ALLOTMENTS = text(
    """
    SELECT a.performance_id AS performance, a.channel, a.release_at, count(s.seat_ref) AS seats,
           count(s.seat_ref) FILTER (WHERE s.state = 'sold') AS sold
    FROM allotment a LEFT JOIN seat s ON s.performance_id = a.performance_id AND s.allotment = a.channel
    WHERE a.released_at IS NULL GROUP BY a.allotment_id ORDER BY a.allotment_id
    """
)
_END = text(
    """
    UPDATE allotment SET release_at = clock_timestamp()
    WHERE performance_id = :performance AND channel = :channel AND released_at IS NULL RETURNING allotment_id
    """
)

moment = click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ"])


@click.group("house-hold")
def house_hold() -> None:
    """Seats taken off sale by hand, with a reason."""


@house_hold.command("add")
@click.argument("performance", type=click.UUID)
@click.argument("seats", nargs=-1, required=True)
@click.option("--reason", required=True)
@click.option("--until", type=moment, help="UTC; without it, until somebody gives them back.")
@click.option("--channel", "channels", multiple=True, help="One that goes on selling them; none does.")
@json_option
def add_house_hold(
    performance: UUID,
    seats: tuple[str, ...],
    reason: str,
    until: datetime | None,
    channels: tuple[str, ...],
    as_json: bool,  # noqa: FBT001
) -> None:
    """Take free SEATS of PERFORMANCE off sale, all of them or none; or off the sale of all channels but some."""
    wish = HouseHold(performance, seats, reason, until.replace(tzinfo=UTC) if until else None, channels)
    with bridge("house-hold") as found, found.db.begin() as tx:
        for channel in channels:
            get_rules(tx, channel)
        number = block(tx, wish)
    but = f" but in {', '.join(channels)}" if channels else ""
    shown = {"id": number, "seats": seats, "channels": channels}
    say(as_json, shown, f"House hold {number}: {len(seats)} seats are off sale{but}.")


@house_hold.command("release")
@click.argument("number", type=int)
@json_option
def release_house_hold(number: int, as_json: bool) -> None:  # noqa: FBT001
    """Give the seats of house hold NUMBER back; the ERP is asked about them again."""
    with bridge("house-hold") as found, found.db.begin() as tx:
        performances = unblock(tx, number)
        if not performances:
            raise Failed(f"There is no house hold {number}.")
        for ref in tx.execute(_REFS, {"ids": list(performances)}).scalars():
            refresh_performance(tx, ref)
    say(as_json, {"id": number}, f"House hold {number} is released.")


@house_hold.command("list")
@json_option
def list_house_holds(as_json: bool) -> None:  # noqa: FBT001
    """Show what is off sale."""
    rows = _rows(_HOUSE_HOLDS)
    lines = [
        f"{row['id']} {row['performance']} {', '.join(row['seats'])}: {row['reason']}"
        + (f" (sold by {', '.join(row['channels'])})" if row["channels"] else "")
        for row in rows
    ]
    say(as_json, {"house_holds": rows}, "\n".join(lines) or "Nothing is off sale.")


@click.group()
def allotment() -> None:
    """Seats that a channel sells by the broker's word alone, also while the ERP is down."""


@allotment.command("add")
@click.argument("performance", type=click.UUID)
@click.argument("channel")
@click.option("--release-at", required=True, type=moment, help="UTC: unsold seats go back to the ERP then.")
@click.option("--seat", "seats", multiple=True, help="All of these or none. Without any, every free seat.")
@click.option(
    "--set-aside", "is_set_aside", is_flag=True, help="Without --seat, every seat that the ERP shows as blocked."
)
@json_option
def add_allotment(
    performance: UUID,
    channel: str,
    release_at: datetime,
    seats: tuple[str, ...],
    is_set_aside: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Give seats of PERFORMANCE to CHANNEL. The ERP must have set them aside for the broker before."""
    wish = Allotment(performance, channel, release_at.replace(tzinfo=UTC), seats or None, is_set_aside)
    with bridge("allotment") as found, found.db.begin() as tx:
        count = allot(tx, wish)
    say(as_json, {"seats": count, "channel": channel}, f"{count} seats are {channel}'s until {release_at}.")


@allotment.command("end")
@click.argument("performance", type=click.UUID)
@click.argument("channel")
@json_option
def end_allotment(performance: UUID, channel: str, as_json: bool) -> None:  # noqa: FBT001
    """Give the unsold seats of an allotment back now; those in a live hold when it ends."""
    with bridge("allotment") as found, found.db.begin() as tx:
        if not tx.execute(_END, {"performance": performance, "channel": channel}).first():
            raise Failed("There is no such allotment.")
    say(as_json, {"channel": channel}, "Its unsold seats go back within a moment.")


@allotment.command("list")
@json_option
def list_allotments(as_json: bool) -> None:  # noqa: FBT001
    """Show allotments that run."""
    rows = _rows(_ALLOTMENTS)
    lines = [
        f"{r['performance']} {r['channel']}: {r['sold']} of {r['seats']} sold, until {r['release_at']}" for r in rows
    ]
    say(as_json, {"allotments": rows}, "\n".join(lines) or "No allotment runs.")


def _rows(query: Any) -> list[dict[str, Any]]:
    with bridge("seats") as found, found.db.begin() as tx:
        return _documents(tx, query)


def _documents(tx: Connection, query: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.execute(query).mappings()]
