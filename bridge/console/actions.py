"""What an admin may do in the console. Every action has a reason, and is kept with who did it, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.alerts.decisions import close_alert, retry_work, set_work_aside
from bridge.console.sessions import Visitor
from bridge.core.breaker import BreakerState
from bridge.core.errors import Refused
from bridge.exchange.guard import MAINTENANCE, set_state
from bridge.fairness.rooms import Opening, Subject, close_room, open_room

REASON_CHARS_MAX = 500

_KEEP = text(
    """
    INSERT INTO console_action (login, role, action, subject, reason)
    VALUES (:login, :role, :action, :subject, :reason)
    """
)


@dataclass(frozen=True, slots=True)
class Around:
    """What actions are done to: the ERP by its name (empty if there is none), the pace of a new waiting room."""

    erp: str
    room_pace_per_s: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants done to ``subject``, and why."""

    by: str
    subject: str
    reason: str
    opens_at: str
    around: Around


Action = Callable[[Connection, Wish], None]


def act(tx: Connection, name: str, visitor: Visitor, form: Mapping[str, str], around: Around) -> None:
    """Do an action and keep who did it and why. Raises ``Refused``; then nothing was done."""
    action = ACTIONS.get(name)
    reason = " ".join(form.get("reason", "").split())[:REASON_CHARS_MAX]
    if action is None or not visitor.may_act:
        raise Refused("action_forbidden", "This is for admins.")
    if not reason:
        raise Refused("reason_missing", "Say why: it is kept with what you do.")
    wish = Wish(visitor.login, form.get("subject", "").strip(), reason, form.get("opens_at", "").strip(), around)
    action(tx, wish)
    kept = {"login": visitor.login, "role": visitor.role.value, "action": name, "subject": wish.subject}
    tx.execute(_KEEP, kept | {"reason": reason})


def _begin_maintenance(tx: Connection, wish: Wish) -> None:
    set_state(tx, _erp(wish), MAINTENANCE, wish.reason, is_order=True)


def _end_maintenance(tx: Connection, wish: Wish) -> None:
    set_state(tx, _erp(wish), BreakerState.CLOSED.value, wish.reason, is_order=True)


def _erp(wish: Wish) -> str:
    if not wish.around.erp or wish.subject != wish.around.erp:
        raise _wrong(wish)
    return wish.around.erp


def _retry(tx: Connection, wish: Wish) -> None:
    retry_work(tx, _number(wish))


def _set_aside(tx: Connection, wish: Wish) -> None:
    set_work_aside(tx, _number(wish), wish.reason)


def _close_alert(tx: Connection, wish: Wish) -> None:
    close_alert(tx, _number(wish), wish.by, wish.reason)


def _number(wish: Wish) -> int:
    if not wish.subject.isdecimal() or len(wish.subject) > 18:
        raise _wrong(wish)
    return int(wish.subject)


def _open_room(tx: Connection, wish: Wish) -> None:
    try:
        opens_at = datetime.fromisoformat(wish.opens_at).replace(tzinfo=UTC) if wish.opens_at else None
    except ValueError as error:
        raise _wrong(wish) from error
    opening = Opening(wish.by, wish.reason, wish.around.room_pace_per_s, opens_at)
    open_room(tx, Subject(performance_id=_id(wish)), opening)


def _close_room(tx: Connection, wish: Wish) -> None:
    close_room(tx, _id(wish), wish.by)


def _id(wish: Wish) -> UUID:
    try:
        return UUID(wish.subject)
    except ValueError as error:
        raise _wrong(wish) from error


def _wrong(wish: Wish) -> Refused:
    return Refused("action_malformed", "This cannot be done to '%(subject)s'.", subject=wish.subject[:80])


ACTIONS: Mapping[str, Action] = {
    "begin_maintenance": _begin_maintenance,
    "end_maintenance": _end_maintenance,
    "retry": _retry,
    "set_aside": _set_aside,
    "close_alert": _close_alert,
    "open_room": _open_room,
    "close_room": _close_room,
}
