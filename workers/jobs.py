"""What a queue may ask of a worker: to look. The names here are part of what old and new versions share: keep them."""

from __future__ import annotations

import time

import structlog

from bridge.alerts.service import raise_alert, resolve_alert
from bridge.core import lease, schedule
from bridge.core.errors import BridgeError
from bridge.exchange.recurring import Step
from workers.limit import grant_more
from workers.process import bridge_of_this_process

log = structlog.get_logger()

BUDGET_S = 20.0
TURN_LEASE_S = 120.0
FAILURES_BEFORE_ALARM = 3


def look(lane: str) -> int:
    """Perform due work of a lane until there is none or the time for one job is over; return how many rows.

    Work that takes longer than a job may is granted more time as long as it gets on.
    """
    bridge = bridge_of_this_process()
    ends_at = time.monotonic() + BUDGET_S
    performed = 0
    with lease.telling(grant_more):
        while time.monotonic() < ends_at:
            batch = bridge.runner.run_due(lane)
            if batch == 0:
                break
            performed += batch
    return performed


def tick() -> int:
    """Do every recurring step that is due; return how many."""
    turns = 0
    while _take_turn():
        turns += 1
    return turns


def _take_turn() -> bool:
    bridge = bridge_of_this_process()
    with bridge.db.begin() as tx:
        turn = schedule.claim(tx, lease_s=TURN_LEASE_S)
    if turn is None:
        return False
    outcome, is_ok = _do(turn.name, bridge.steps.get(turn.name))
    with bridge.db.begin() as tx:
        failures = schedule.finish(tx, turn, outcome, is_ok=is_ok)
        subject = f"schedule:{turn.name}"
        if is_ok:
            resolve_alert(tx, "recurring_step_failing", subject)
        elif failures >= FAILURES_BEFORE_ALARM:
            raise_alert(tx, "recurring_step_failing", subject, outcome)
    return True


def _do(name: str, step: Step | None) -> tuple[str, bool]:
    """Do a step; what it said, and whether it went well. None of its failures keeps the other steps from their turn."""
    if step is None:
        return "no such step in this version", False
    try:
        return step(), True
    except BridgeError as error:
        log.warning("recurring_step_failed", step=name, error=str(error))
        return str(error), False
    except Exception as fault:
        log.exception("recurring_step_broke", step=name)
        return f"a fault of ours: {type(fault).__name__}", False
