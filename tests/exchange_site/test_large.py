"""A gigabyte in parts, and files made to do harm, against the real server as its own process."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from bridge.bootstrap import build
from bridge.exchange.nodes import Dialect, add_node
from bridge.local.postgres import Postgres
from bridge.local.process import free_port
from config.settings import Settings
from sandbox.onec.site_client import UtClient, Wire
from tests.conftest_servers import _create
from tests.exchange_site.conftest import PATH
from tests.exchange_site.goods import document

PART = bytes(16 * 1024**2)
PARTS = 64  # a gigabyte
GROWTH_MB_MAX = 24


@dataclass
class Site:
    """``bridge serve`` and what knows its files."""

    url: str
    process: subprocess.Popen[bytes]
    folder: Path
    login: tuple[str, str]

    def client(self) -> UtClient:
        """A node that has logged in and initialised."""
        found = UtClient(Wire(self.url + PATH, *self.login, timeout_s=60))
        found.check_auth("catalog")
        found.init("catalog")
        return found

    def files(self) -> set[Path]:
        """What lies on the disk, here and above."""
        return {path for path in self.folder.rglob("*") if path.is_file() and "metrics" not in path.parts}

    def peaks_mb(self) -> dict[int, float]:
        """The most memory each of its processes ever had in use."""
        return {pid: _peak_mb(pid) for pid in _family(self.process.pid)}


def _family(pid: int) -> list[int]:
    """A process and its children's children."""
    children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [pid, *(each for child in children for each in _family(child))]


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _settings(database: str, folder: Path) -> dict[str, str]:
    return {"database_url": database, "redis_url": "redis://127.0.0.1:1/0", "data_dir": str(folder)}


@contextmanager
def worker(database: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Imports while the block lasts; gives the login of a node."""
    bridge = build(Settings(**_settings(database, folder)))  # type: ignore[arg-type]
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.05):
            bridge.runner.run_due("exchange.import")

    with bridge.db.begin() as tx:
        login = add_node(tx, "ut", Dialect.UT11)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield login
    finally:
        over.set()
        thread.join(20)
        bridge.close()


@pytest.fixture(scope="module")
def site(postgres_server: Postgres, template_database: str) -> Iterator[Site]:
    port = free_port()
    database = postgres_server.url(_create(postgres_server, template_database))
    with tempfile.TemporaryDirectory() as path, worker(database, Path(path)) as login:
        given = {f"BRIDGE_{name.upper()}": value for name, value in _settings(database, Path(path)).items()}
        env = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")} | given
        command = [sys.executable, "-m", "bridge", "serve", "--port", str(port)]
        with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
            found = Site(f"http://127.0.0.1:{port}", process, Path(path), login)
            try:
                _await(found.url)
                yield found
            finally:
                process.terminate()
                process.wait(30)


def _await(url: str) -> None:
    ends_at = time.monotonic() + 60
    while time.monotonic() < ends_at:
        try:
            if requests.get(f"{url}/healthz", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


def test_a_gigabyte_in_parts_does_not_grow_the_server(site: Site) -> None:
    client = site.client()
    for _ in range(4):
        assert client.wire.send("catalog", "small.xml", PART[: 1024**2]).word == "success"
    before = site.peaks_mb()
    for _ in range(PARTS):
        assert client.wire.send("catalog", "import0_1.xml", PART).word == "success"
    after = site.peaks_mb()

    sizes = {path.stat().st_size for path in site.files()}
    client.init("catalog")  # frees the disk
    assert PARTS * len(PART) in sizes
    assert set(after) == set(before)
    assert max(after[pid] - before[pid] for pid in after) < GROWTH_MB_MAX, (before, after)


def bomb() -> bytes:
    """Much that was packed to nearly nothing."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("import0_1.xml", "w") as entry:
        for _ in range(192):
            entry.write(b" " * 1024**2)
    return packed.getvalue()


DTD = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + document("")[3:].partition(b"?>")[2]
)
LONG = document(
    f"<Каталог><Ид>c</Ид><Товары><Товар><Ид>a</Ид><Наименование>{'x' * 11_000_000}</Наименование></Товар></Товары></Каталог>"
)


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("v8_1.zip", bomb(), "Архив не принят"),
        ("import0_1.xml", DTD, "DOCTYPE"),
        ("import0_1.xml", LONG, "слишком длинный текст"),
    ],
    ids=["a bomb", "a DTD", "a line of 11 MB"],
)
def test_what_is_made_to_do_harm_is_refused_in_words_that_say_why(
    site: Site, name: str, body: bytes, words: str
) -> None:
    client = site.client()
    client.file_limit = 4 * 1024**2
    client.send("catalog", name, body)
    before = site.peaks_mb()
    said = client.wire.ask("catalog", "import", filename="import0_1.xml")
    while said.word == "progress":
        said = client.wire.ask("catalog", "import", filename="import0_1.xml")

    assert said.word == "failure"
    assert words in said.explanation, said.explanation
    grown = {pid: peak - before[pid] for pid, peak in site.peaks_mb().items()}
    assert max(grown.values()) < GROWTH_MB_MAX


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "..\\x.xml", "a.php", "a/../../b.xml"])
def test_a_path_trick_is_refused_in_words_that_say_why(site: Site, name: str) -> None:
    before = site.files()
    said = site.client().wire.send("catalog", name, b"x")

    assert said.word == "failure"
    assert said.explanation.startswith(("Имя файла выводит", "Файлы такого вида")), said.explanation
    assert site.files() == before
