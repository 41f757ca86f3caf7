"""The whole broker on this machine: servers, peers to try it with, and the broker's own parts."""

from __future__ import annotations

import http.client
import importlib
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bridge.channels.model import Rules
from bridge.channels.service import Scope, add_client, set_rules
from bridge.core.db import Database
from bridge.core.errors import Misconfigured
from bridge.local.account import choose_account
from bridge.local.data_dir import DataDir
from bridge.local.leftovers import MARK
from bridge.local.postgres import prepare_postgres
from bridge.local.process import Part, free_port
from bridge.local.programs import place
from bridge.local.supervisor import Supervisor
from bridge.local.valkey import prepare_valkey

HOST = "127.0.0.1"
ANSWER_S = 5.0
UPGRADE_S = 600.0
REHEARSAL_CAP_S, REHEARSAL_SEATS_MAX = 600, 10
WORKERS = ("worker-1", "worker-2")  # while one makes a slow call, the other does the rest
BRIDGE = (sys.executable, "-m", "bridge")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: ``port`` 0 means a free one; ``environ`` is handed to the parts and may name servers to use."""

    port: int
    with_sandbox: bool
    environ: Mapping[str, str]
    command: Sequence[str] = BRIDGE


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs: ``addresses`` for people, ``env`` with which another process becomes a part of it (with secrets), and
    what is run before its parts are renewed.
    """

    addresses: dict[str, Any]
    env: Mapping[str, str] = field(repr=False)
    before_renewal: Sequence[Part] = field(default=(), repr=False)


def start_stack(plan: Plan, data: DataDir, supervisor: Supervisor) -> Stack:
    """Start servers, peers and the broker, and return where they are once the broker says it is ready.

    Raises ``Misconfigured`` if something is missing or does not start, ``Stopped`` if asked to stop meanwhile; what
    has started then is the caller's to stop.
    """
    port = _claim(plan.port)
    broker_url = f"http://{HOST}:{port}"
    env = {**plan.environ, "BRIDGE_DATA_DIR": str(data.path), MARK: str(data.path)}
    env |= _start_servers(plan.environ, data, supervisor)
    supervisor.run_once(upgrade := Part("upgrade", [*plan.command, "db", "upgrade"], env, ready_timeout_s=UPGRADE_S))
    peers: dict[str, str] = {}
    if plan.with_sandbox:
        rehearsal = importlib.import_module("sandbox").parts(data.path, broker_url)
        admit(rehearsal["clients"], _database_url(env))
        supervisor.start([_peer(spec, plan.environ, data) for spec in rehearsal["peers"]])
        env |= rehearsal["env"]
        peers = rehearsal["addresses"]
    supervisor.start(_broker_parts(plan.command, env, port))
    data.note_env(env)
    return Stack(
        {"ready": True, "broker": broker_url, "console": f"{broker_url}/console", "sandbox": peers}, env, [upgrade]
    )


def admit(clients: Sequence[Mapping[str, Any]], database_url: str) -> None:
    """Give each client of a rehearsal a key in its file, unless an earlier start has done so."""
    db = Database(database_url, connections_max=1)
    try:
        for client in clients:
            if not client["key_file"].exists():
                _admit(db, client)
    finally:
        db.close()


def _admit(db: Database, client: Mapping[str, Any]) -> None:
    with db.begin() as tx:
        if "hold_ttl_s" in client:
            set_rules(tx, Rules(client["channel"], client["hold_ttl_s"], REHEARSAL_CAP_S, REHEARSAL_SEATS_MAX))
        key = add_client(tx, client["name"], client["channel"], list(Scope))
        client["key_file"].touch(mode=0o600)
        client["key_file"].write_text(key, encoding="utf-8")


def _start_servers(environ: Mapping[str, str], data: DataDir, supervisor: Supervisor) -> dict[str, str]:
    """Start the servers nobody gave us, and return where they are."""
    account = choose_account(environ)
    find_place = partial(place, folder=data.path / "programs", account=account)
    parts, found = [], {}
    if not _is_given("BRIDGE_DATABASE_URL", environ):
        postgres = prepare_postgres(data, account, find_place)
        parts.append(postgres.part())
        found["BRIDGE_DATABASE_URL"] = postgres.url()
    if not _is_given("BRIDGE_REDIS_URL", environ):
        valkey = prepare_valkey(data, account, find_place)
        parts.append(valkey.part())
        found["BRIDGE_REDIS_URL"] = valkey.url()
    supervisor.start(parts)
    return found


def _is_given(name: str, environ: Mapping[str, str]) -> bool:
    return bool(environ.get(name) or environ.get(f"{name}_FILE"))


def _database_url(env: Mapping[str, str]) -> str:
    return env.get("BRIDGE_DATABASE_URL") or Path(env["BRIDGE_DATABASE_URL_FILE"]).read_text(encoding="utf-8").strip()


def _broker_parts(command: Sequence[str], env: Mapping[str, str], port: int) -> list[Part]:
    """The broker itself. The web part finishes its requests and the worker its job before they end."""
    ready = partial(is_answering, f"http://{HOST}:{port}/readyz")
    return [
        Part(
            "web",
            [*command, "serve", "--port", str(port)],
            env,
            ready=ready,
            ready_timeout_s=120.0,
            stop_timeout_s=35.0,
            renew_signal=signal.SIGHUP,
        ),
        *(Part(n, [*command, "worker"], env, stop_timeout_s=35.0, renew_signal=signal.SIGTERM) for n in WORKERS),
        Part("relay", [*command, "relay"], env, renew_signal=signal.SIGTERM),
    ]


def _peer(spec: Mapping[str, Any], environ: Mapping[str, str], data: DataDir) -> Part:
    """A peer as the sandbox describes it: ``{name, argv, ready_url, env?}``; of our own settings it is told nothing."""
    inherited = {name: value for name, value in environ.items() if not name.startswith("BRIDGE_")}
    return Part(
        name=spec["name"],
        argv=spec["argv"],
        env={**inherited, **spec.get("env", {}), MARK: str(data.path)},
        ready=partial(is_answering, spec["ready_url"]),
    )


def is_answering(url: str) -> bool:
    """Whether a GET of ``url`` is answered with 200."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or HOST, where.port, timeout=ANSWER_S)
    try:
        connection.request("GET", where.path or "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _claim(port: int) -> int:
    """``port`` if nobody listens on it, any free one for 0."""
    if not port:
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Misconfigured(
                "port_unusable", "Port %(port)s cannot be used: %(why)s", port=port, why=error.strerror
            ) from error
    return port
