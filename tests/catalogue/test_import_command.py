"""The ``bridge import`` command as its users run it: its answer, its exit status, its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from sqlalchemy import create_engine, text

from tests.catalogue.goods_files import offer, offers, price, product, seats, write
from tests.commands import bridge

# VmHWM, because ru_maxrss begins with what the process that started it had.
PEAK = (
    "import pathlib, sys\n"
    "from bridge.cli import main\n"
    "try:\n    main(['import', '--json', *sys.argv[1:]])\n"
    "finally:\n"
    "    status = pathlib.Path('/proc/self/status').read_text(errors='replace')\n"
    "    print(status.partition('VmHWM:')[2].split()[0], file=sys.stderr)\n"
)


def run(database: str, *words: str | Path) -> Result:
    return bridge(*words, DATABASE_URL=database)


def peak(database: str, *words: str | Path) -> Any:
    """A process of its own, that says how much memory it had."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    env = {**known, "BRIDGE_DATABASE_URL": database, "BRIDGE_REDIS_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, "-c", PEAK, *map(str, words)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=90, check=False)


def stored(database: str) -> int:
    engine = create_engine(database)
    with engine.connect() as tx:
        found = tx.execute(text("SELECT (SELECT count(*) FROM offer) + (SELECT count(*) FROM product)")).scalar_one()
    engine.dispose()
    return int(found)


def test_one_json_object_tells_of_every_file(fresh_database: str, tmp_path: Path) -> None:
    goods = write(tmp_path / "anything.txt", product("p", "Концерт"))
    prices = write(tmp_path / "import.xml", offers(offer("p#1", price("10")), offer("p#2", price(""))))
    answer = run(fresh_database, "import", "--json", goods, prices)

    assert answer.exit_code == 0, answer.stderr
    first, second = json.loads(answer.stdout)["files"]
    assert (first["file"], first["kind"], first["products"], first["skipped"]) == (str(goods), "catalog", 1, [])
    counted = {name: second[name] for name in ("kind", "products", "offers", "prices", "rests", "orders", "documents")}
    assert counted == {
        "kind": "prices",
        "products": 0,
        "offers": 2,
        "prices": 2,
        "rests": 0,
        "orders": 0,
        "documents": 0,
    }
    (skipped,) = second["skipped"]
    assert skipped["why"] == "the price is empty"
    assert "p#2" in skipped["where"]


def test_a_person_reads_what_was_taken_and_what_was_not(fresh_database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", offers(offer("p#1", price("10")), offer("", price("1")), offer("p", price("x"))))
    answer = run(fresh_database, "import", path)
    assert answer.exit_code == 0, answer.stderr
    assert "3 offers, 3 prices" in answer.stdout
    assert "skipped  1: the id is empty (line 2: offer)" in answer.stdout


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_not_recognised"),
        (b"%PDF-1.7", "file_not_recognised"),
        (b"<html/>", "not_commerceml"),
        ("<!DOCTYPE x><КоммерческаяИнформация/>".encode(), "xml_dtd_refused"),
        ("<КоммерческаяИнформация><Каталог>".encode(), "xml_truncated"),
        ("<КоммерческаяИнформация>\x01</КоммерческаяИнформация>".encode(), "xml_malformed"),
        (None, "file_unreadable"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_a_code(
    fresh_database: str, tmp_path: Path, content: bytes | None, code: str
) -> None:
    bad, good = tmp_path / "bad.xml", write(tmp_path / "good.xml", product("p", "x"))
    if content is not None:
        bad.write_bytes(content)
    answer = run(fresh_database, "import", "--json", bad, good)

    assert answer.exit_code == 1
    failed, taken = json.loads(answer.stdout)["files"]
    assert failed["error"]["code"] == code
    assert str(bad) in failed["error"]["message"]
    assert (failed["kind"], failed["products"]) == ("unknown", 0)
    assert (taken["products"], "error" in taken) == (1, False)
    assert "Traceback" not in answer.stderr


def test_nothing_of_a_truncated_file_is_stored(fresh_database: str, tmp_path: Path) -> None:
    path = tmp_path / "cut.xml"
    path.write_text("".join(seats(3000))[:-30])
    answer = run(fresh_database, "import", path)
    assert answer.exit_code == 1
    assert "nothing was changed" in answer.stdout
    assert "xml_truncated" in answer.stdout
    assert stored(fresh_database) == 0


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", product("p", "x"))
    answer = run("postgresql://nobody@127.0.0.1:1/none", "import", "--json", path)
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["files"][0]["error"]["code"] == "database_unavailable"


def test_memory_does_not_grow_with_the_file(fresh_database: str, tmp_path: Path) -> None:
    peaks_mb = []
    for count in (3_000, 12_000):
        path = tmp_path / f"{count}.xml"
        with path.open("w") as out:
            out.writelines(seats(count))
        with psycopg.connect(fresh_database.replace("+psycopg", ""), autocommit=True) as admin:
            admin.execute("ANALYZE")  # a source nobody counted must not be looked up by an index of the other one
        answer = peak(fresh_database, path, "--source", str(count))
        assert json.loads(answer.stdout)["files"][0]["offers"] == count
        peaks_mb.append(int(answer.stderr.split()[-1]) / 1024)
    assert peaks_mb[1] < peaks_mb[0] + 10
