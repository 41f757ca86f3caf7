"""How a performance's hall is drawn: places and the price zone of each, under a version, so that it can be kept for
ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.core.errors import Refused

_VERSION = text(
    """
    SELECT md5(h.layout_version || string_agg(s.seat_ref || chr(31) || s.zone_ref, chr(30) ORDER BY s.seat_ref))
    FROM performance p JOIN hall h USING (hall_id) JOIN seat s USING (performance_id)
    WHERE p.performance_id = :performance GROUP BY h.layout_version
    """
)
_DRAWING = text(
    """
    SELECT h.name, h.venue, h.seats, jsonb_object_agg(s.seat_ref, s.zone_ref) AS zones
    FROM performance p JOIN hall h USING (hall_id) JOIN seat s USING (performance_id)
    WHERE p.performance_id = :performance GROUP BY h.hall_id
    """
)


@dataclass(frozen=True, slots=True)
class Layout:
    """A hall as it is drawn for one performance; ``seats`` are places with their zones."""

    version: str
    name: str
    venue: str
    seats: list[dict[str, Any]]


def layout_version(tx: Connection, performance_id: UUID) -> str | None:
    """What changes whenever the drawing or a seat's zone does; none for a performance without seats."""
    return tx.execute(_VERSION, {"performance": performance_id}).scalar()


def layout(tx: Connection, performance_id: UUID, version: str) -> Layout:
    """The drawing of that version. Raises ``Refused`` if it is not the version of today, or there is none."""
    row = tx.execute(_DRAWING, {"performance": performance_id}).first()
    if row is None or layout_version(tx, performance_id) != version:
        raise Refused("layout_unknown", "There is no layout of that version; take the one the seats name.")
    seats = [
        {
            "id": place["ref"],
            "section": place["section"],
            "row": place["row"],
            "number": place["number"],
            "x": place["x"],
            "y": place["y"],
            "accessible": place["is_accessible"],
            "zone": row.zones[place["ref"]],
        }
        for place in row.seats
        if place["ref"] in row.zones
    ]
    return Layout(version, row.name, row.venue, seats)
