"""The ``bridge`` command, one file a command; each is imported when it is called."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

import click

COMMANDS = {
    "up": "bridge.cli.up:up",
    "demo": "bridge.cli.demo:demo",
    "serve": "bridge.cli.parts:serve",
    "worker": "bridge.cli.parts:worker",
    "relay": "bridge.cli.parts:relay",
    "db": "bridge.cli.db:db",
    "config": "bridge.cli.config:config",
    "doctor": "bridge.cli.doctor:doctor",
    "client": "bridge.cli.client:client",
    "channel": "bridge.cli.channel:channel",
    "user": "bridge.cli.user:user",
    "node": "bridge.cli.node:node",
    "import": "bridge.cli.import_files:import_",
    "sync": "bridge.cli.sync:sync",
    "report": "bridge.cli.report:report",
    "reconcile": "bridge.cli.reconcile:reconcile",
    "payment": "bridge.cli.payment:payment",
    "alert": "bridge.cli.alert:alert",
    "queue": "bridge.cli.queue:queue",
    "house-hold": "bridge.cli.seats:house_hold",
    "allotment": "bridge.cli.seats:allotment",
    "maintenance": "bridge.cli.maintenance:maintenance",
    "waiting-room": "bridge.cli.waiting_room:waiting_room",
}
# Where adapters announce commands of their own; each is given ``settings`` of this module as its object.
GROUP = "bridge.commands"


class Commands(click.Group):
    """Finds a command's code when it is asked for, so that ``bridge --help`` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command."""
        del ctx
        return sorted({*COMMANDS, *entry_points(group=GROUP).names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return next((announced.load() for announced in entry_points(group=GROUP, name=cmd_name)), None)
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


def settings() -> Any:
    """The settings, for commands that may not import them; the log goes to stderr from here on."""
    from bridge.cli.common import settings as read
    from config import logging

    found = read()
    logging.configure(found.log_level, "command")
    return found


@click.group(cls=Commands)
@click.version_option(package_name="ticket-bridge")
@click.pass_context
def main(ctx: click.Context) -> None:
    """The broker between the ERP, storefronts, payment providers and points of sale."""
    ctx.obj = settings
