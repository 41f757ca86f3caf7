"""How a performance's hall is drawn: places and the price zone of each, under a version, so that it can be kept for
ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.core.errors import Refused

# The version of the drawing of performance ``p`` in hall ``h``, from two columns and not from thousands of seats: a
# trigger writes the transaction into ``drawn_xid`` that last added or removed seats or moved one to another zone
# (migration 0023), and ``changed_at`` is written with everything of a hall that is drawn.
DRAWN = """
    CASE WHEN EXISTS (SELECT FROM seat d WHERE d.performance_id = p.performance_id)
        THEN md5(h.hall_id || ' ' || h.changed_at || ' ' || p.drawn_xid) END
    """
_VERSION = text(f"SELECT {DRAWN} FROM performance p JOIN hall h USING (hall_id) WHERE p.performance_id = :performance")  # noqa: S608
_DRAWING = text(
    f"""
    SELECT {DRAWN} AS version, h.name, h.venue, h.seats,
        (SELECT jsonb_object_agg(s.seat_ref, s.zone_ref) FROM seat s WHERE s.performance_id = p.performance_id) AS zones
    FROM performance p JOIN hall h USING (hall_id) WHERE p.performance_id = :performance
    """  # noqa: S608  the text put in is a constant
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
    if row is None or row.version != version:
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
