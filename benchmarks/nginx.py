"""nginx with the configuration we ship, as an ordinary user in a folder of its own: for the benchmark and the tests."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bridge.core.deadline import Deadline
from bridge.local.account import choose_account, give
from bridge.local.process import Part, free_port, spawn

SHIPPED = Path(__file__).parents[1] / "config/nginx/bridge.conf"
HOST = "127.0.0.1"
START_S = 10.0
POLL_S = 0.02
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 16384; }}
http {{
{temporary}
    access_log off;
    include {folder}/bridge.conf;
}}
"""


def program() -> str | None:
    """Where nginx is, if it is installed: Debian keeps it where an ordinary user's shell does not look."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def before(broker_port: int, changes: Mapping[str, str] | None = None) -> Iterator[int]:
    """The port of an nginx that stands before the broker on ``broker_port`` until the block ends. ``changes`` are words
    of the shipped file and what stands in their place.

    Raises ``ValueError`` if one of them is not there just once, ``TimeoutError`` with what nginx says if it does not
    start.
    """
    port, account = free_port(), choose_account(os.environ)
    with TemporaryDirectory(prefix="bridge-nginx-") as name:
        folder = Path(name)
        command = _configured(folder, {**_places(folder, port, broker_port), **(changes or {})})
        give(folder, account)
        with (folder / "log").open("wb") as log:
            process = spawn(Part("nginx", command, {}, run_as=account), log)
        try:
            _await(port, folder / "log")
            yield port
        finally:
            process.terminate()
            process.wait(START_S)


def _configured(folder: Path, changes: Mapping[str, str]) -> list[str]:
    """Write the configuration; what to run."""
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in changes.items():
        if text.count(old) != 1:
            raise ValueError(f"{SHIPPED} does not have {old!r} just once")
        text = text.replace(old, new)
    (folder / "bridge.conf").write_text(text, encoding="utf-8")
    temporary = "\n".join(f"    {name}_temp_path {folder}/{name};" for name in TEMPORARY)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, temporary=temporary), encoding="utf-8")
    return [program() or "nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def _places(folder: Path, port: int, broker_port: int) -> dict[str, str]:
    return {
        "listen 80;": f"listen {HOST}:{port};",
        "server 127.0.0.1:8080;": f"server {HOST}:{broker_port};",
        "/run/ticket-bridge-pages": f"{folder}/pages",
    }


def _await(port: int, log: Path) -> None:
    deadline = Deadline.after(START_S)
    while not deadline.is_over:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(POLL_S)
    raise TimeoutError(log.read_text(encoding="utf-8", errors="replace"))
