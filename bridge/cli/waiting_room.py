"""``bridge waiting-room open | close | status | draw``: who wants seats many want waits for his turn."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from bridge.cli.common import bridge, json_option, say
from bridge.fairness.rooms import Opening, Room, Subject, close_room, draw_of, live_rooms, open_room

moment = click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ"])


@click.group("waiting-room")
def waiting_room() -> None:
    """Queues before performances that many want."""


@waiting_room.command("open")
@click.argument("subject", type=click.UUID)
@click.option("--event", "is_event", is_flag=True, help="SUBJECT is an event: one queue for all its performances.")
@click.option("--opens-at", type=moment, help="UTC; who comes before is put in an order drawn by lot. Default: now.")
@click.option("--reason", required=True)
@json_option
def open_(subject: UUID, is_event: bool, opens_at: datetime | None, reason: str, as_json: bool) -> None:  # noqa: FBT001
    """Make people wait for SUBJECT, a performance's id: from now on a hold needs an admission."""
    with bridge("waiting-room") as found, found.db.begin() as tx:
        given = Subject(event_id=subject) if is_event else Subject(performance_id=subject)
        at = opens_at.replace(tzinfo=UTC) if opens_at else None
        pace = found.settings.fair.room_floor_per_s
        room = open_room(tx, given, Opening(getpass.getuser(), reason, pace, at))
    say(as_json, {"room": room, "opens_at": at}, f"Waiting room {room} is there.")


@waiting_room.command()
@click.argument("room", type=click.UUID)
@json_option
def close(room: UUID, as_json: bool) -> None:  # noqa: FBT001
    """Let everybody hold seats again, without waiting."""
    with bridge("waiting-room") as found, found.db.begin() as tx:
        close_room(tx, room, getpass.getuser())
    say(as_json, {"room": room}, f"Waiting room {room} is closed.")


@waiting_room.command()
@json_option
def status(as_json: bool) -> None:  # noqa: FBT001
    """Show the rooms that are not closed."""
    with bridge("waiting-room") as found, found.db.begin() as tx:
        rooms = [_shown(room) for room in live_rooms(tx)]
    lines = [
        f"{room['room']} {room['state']}: {room['waiting']} wait, {room['admitted']} were let in, "
        f"{room['pace_per_s']:.1f} a second; {room['reason']} ({room['by']})"
        for room in rooms
    ]
    say(as_json, {"rooms": rooms}, "\n".join(lines) or "Nobody has to wait.")


def _shown(room: Room) -> dict[str, Any]:
    return {
        "room": room.id,
        "performance": room.performance_id,
        "event": room.event_id,
        "state": room.state.value,
        "opens_at": room.opens_at,
        "waiting": room.waiting,
        "admitted": room.admitted_turn,
        "pace_per_s": room.pace_per_s,
        "seed_hash": room.seed_hash,
        "reason": room.reason,
        "by": room.opened_by,
    }


@waiting_room.command()
@click.argument("room", type=click.UUID)
@json_option
def draw(room: UUID, as_json: bool) -> None:  # noqa: FBT001
    """Show what proves the draw of ROOM: the seed, its hash that was known before, and the lot of each place."""
    with bridge("waiting-room") as found, found.db.begin() as tx:
        seed, seed_hash, lots = draw_of(tx, room)
    document = {"seed": seed, "seed_hash": seed_hash, "lots": [{"place": place, "lot": lot} for place, lot in lots]}
    lines = [
        f"seed {seed or 'is not told before the draw'}, sha256 {seed_hash}",
        *(f"{lot} {place}" for place, lot in lots),
    ]
    say(as_json, document, "\n".join(lines))
