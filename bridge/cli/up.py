"""``bridge up``: the whole broker on this machine until Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import click
import structlog

from bridge.core.errors import BridgeError
from bridge.local.data_dir import opened
from bridge.local.stack import Plan, start_stack
from bridge.local.supervisor import Stopped, Supervisor
from config import logging


class CannotStart(click.ClickException):
    """One line on stderr and the status of a wrong call: somebody must change something first."""

    exit_code = 2


@click.command()
@click.option(
    "--data",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="BRIDGE_DATA_DIR",
    default=Path(".data"),
    show_default=True,
    help="The folder that keeps everything.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--sandbox", "with_sandbox", is_flag=True, help="Start simulated peers too, and connect to them.")
def up(data_dir: Path, port: int, with_sandbox: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Run everything on this machine until Ctrl-C.

    PostgreSQL and Valkey are started from their wheels unless BRIDGE_DATABASE_URL and BRIDGE_REDIS_URL name others.
    Once the broker is ready, one JSON line on stdout gives its addresses; logs go to stderr and DATA/logs. At SIGUSR1
    it upgrades the database and lets a new version of the broker take over from the old one, part by part.
    """
    logging.configure("info", "up")
    try:
        _run(data_dir, Plan(port, with_sandbox, os.environ))
    except BridgeError as error:
        raise CannotStart(str(error)) from error


def _run(data_dir: Path, plan: Plan) -> None:
    with opened(data_dir) as data:
        supervisor = Supervisor(data.folder("logs"), data.note_pids)
        stop_when_asked(supervisor)
        try:
            stack = start_stack(plan, data, supervisor)
            click.echo(json.dumps(stack.addresses, ensure_ascii=False))
            sys.stdout.flush()
            supervisor.run(stack.before_renewal)
        except Stopped:
            structlog.get_logger().info("stopped_while_starting")
        finally:
            supervisor.stop()


def stop_when_asked(supervisor: Supervisor) -> None:
    """Let signals end what the supervisor runs, or renew it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, supervisor.ask_to_stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asked for that
        signal.signal(signal.SIGHUP, supervisor.ask_to_stop)
    signal.signal(signal.SIGUSR1, supervisor.ask_for_new)
