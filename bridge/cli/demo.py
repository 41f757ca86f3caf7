"""``bridge demo``: everything on this machine with simulated peers, and the whole story played on it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bridge.channels.users import Role, add_user
from bridge.cli.up import CannotStart, stop_when_asked
from bridge.core.db import Database
from bridge.core.errors import BridgeError
from bridge.local.data_dir import opened
from bridge.local.stack import Plan, Stack, start_stack
from bridge.local.supervisor import Stopped, Supervisor
from config import logging

LOGIN = "demo"


@click.command()
@click.option("--check", is_flag=True, help="Play the story and exit: 0 only if every step held.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout when the story is over.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.")
def demo(check: bool, as_json: bool, port: int) -> None:  # noqa: FBT001  click passes them by name
    """Play the whole story with simulated peers; on a terminal, keep the pages open afterwards."""
    logging.configure("error", "demo")
    stays = not check and sys.stdin.isatty() and sys.stdout.isatty()
    with tempfile.TemporaryDirectory(prefix="ticket-bridge-demo-") as folder:
        try:
            is_ok = _play(Path(folder), Plan(port, with_sandbox=True, environ=os.environ), as_json=as_json, stays=stays)
        except BridgeError as error:
            raise CannotStart(str(error)) from error
    raise SystemExit(0 if is_ok else 1)


def _play(folder: Path, plan: Plan, *, as_json: bool, stays: bool) -> bool:
    results: list[bool] = []
    with opened(folder) as data:
        supervisor = Supervisor(data.folder("logs"), data.note_pids)
        stop_when_asked(supervisor)
        try:
            _say(as_json, "Starting PostgreSQL, Valkey, the simulated peers and the broker…")
            stack = start_stack(plan, data, supervisor)
            _beside(supervisor, lambda: results.append(_tell(stack, as_json=as_json, stays=stays)), stays=stays)
            supervisor.run()
        except Stopped:
            return False
        finally:
            supervisor.stop()
    return results == [True]


def _beside(supervisor: Supervisor, story: Callable[[], None], *, stays: bool) -> None:
    """Tell the story in a thread of its own: this one keeps the processes alive."""

    def run() -> None:
        try:
            story()
        finally:
            if not stays:
                supervisor.ask_to_stop()

    threading.Thread(target=run, name="story", daemon=True).start()


def _tell(stack: Stack, *, as_json: bool, stays: bool) -> bool:
    from sandbox.demo.stage import Stage
    from sandbox.demo.story import Story

    steps = []
    for step in Story(Stage(stack.addresses, stack.env)).tell():
        steps.append(step)
        mark = "ok  " if step.is_ok else "FAIL"
        _say(as_json, f"{step.number}. {mark} {step.title}: {step.seen} [{step.took_s:.1f} s]")
    is_ok = all(step.is_ok for step in steps)
    if as_json:
        click.echo(json.dumps({"ok": is_ok, "steps": [asdict(step) for step in steps]}, ensure_ascii=False))
    else:
        _say(as_json, "Every step held." if is_ok else "The story failed.")
    if stays:
        _show_pages(stack)
    sys.stdout.flush()
    return is_ok


def _show_pages(stack: Stack) -> None:
    db = Database(stack.env["BRIDGE_DATABASE_URL"], connections_max=1)
    with db.begin() as tx:
        password = add_user(tx, LOGIN, Role.ADMIN)
    db.close()
    pages: dict[str, Any] = {**stack.addresses["sandbox"], "console": stack.addresses["console"]}
    pages["console"] += f"   (login {LOGIN}, password {password})"
    pages["api"] = f"{stack.addresses['broker']}/docs"
    click.echo("\nOpen these pages; Ctrl-C ends everything:")
    for name, address in pages.items():
        click.echo(f"  {name:<9} {address}")


def _say(as_json: bool, line: str) -> None:  # noqa: FBT001  the flag of the command line
    """A line for people; beside JSON it goes to stderr."""
    click.echo(line, err=as_json)
