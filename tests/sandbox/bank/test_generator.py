"""The simulated bank's statements, checked by bytes and through the product's own import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from adapters.onec import bank
from bridge.catalogue.goods_import import ImportReport
from bridge.core.db import Database
from bridge.payments.statements import import_statement
from bridge.payments.statements_tables import bank_document
from sandbox.bank.delivery import ALTERED, generate
from sandbox.bank.text import BROKEN_DATE, ENCODINGS, LF, NO_END, UTF8_END

DAYS = 10
CODECS = {name: codec for name, (codec, _) in ENCODINGS.items()}


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    found = Database(fresh_database, connections_max=1)
    yield found
    found.close()


def load(db: Database, path: Path) -> ImportReport:
    with path.open("rb") as stream, db.begin() as tx:
        return import_statement(tx, bank.read(stream, path.name), file=path.name)


def key(payment: dict[str, Any]) -> tuple[Any, ...]:
    names = ("direction", "booked_on", "drawn_on", "number", "amount_minor", "inn", "account")
    return (*(payment[name] for name in names), payment["purposes"][-1], *payment["purposes"][:-1])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_store_holds_each_payment_of_the_truth_once(db: Database, tmp_path: Path, encoding: str) -> None:
    truth = generate(DAYS, 7, encoding, tmp_path)
    reports = {one["file"]: load(db, tmp_path / one["file"]) for one in truth["files"]}

    assert {name: report.documents for name, report in reports.items()} == {
        one["file"]: one["documents"] for one in truth["files"]
    }
    assert [report.skipped for report in reports.values() if report.skipped] == []
    c = bank_document.c
    with db.begin() as tx:
        stored = [
            (
                *(row.direction, row.booked_on.isoformat(), row.drawn_on.isoformat(), row.number, row.amount_minor),
                *(row.counterparty_inn, row.counterparty_account, row.purpose, *row.earlier_purposes),
            )
            for row in tx.execute(select(bank_document).where(c.account == truth["account"]))
        ]
    assert Counter(stored) == Counter(map(key, truth["payments"]))


def test_importing_everything_again_in_any_order_writes_nothing(db: Database, tmp_path: Path) -> None:
    files = [tmp_path / one["file"] for one in generate(DAYS, 3, "cp1251", tmp_path)["files"]]
    for path in files:
        load(db, path)
    assert [load(db, path).written for path in reversed(files)] == [0] * len(files)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_truth_agrees_with_the_bytes(tmp_path: Path, encoding: str) -> None:
    for one in generate(DAYS, 5, encoding, tmp_path)["files"]:
        text = (tmp_path / one["file"]).read_bytes().decode(CODECS[encoding], errors="replace")
        sums = [int(amount.replace(".", "")) for amount in re.findall(r"^Сумма=([0-9.]+)\r?$", text, re.MULTILINE)]
        assert len(sums) == one["documents"]
        assert sum(sums) == one["in_minor"] + one["out_minor"]


def test_every_trap_is_there(tmp_path: Path) -> None:
    truth = generate(DAYS, 1, "cp1251", tmp_path)
    raw = {trap: (tmp_path / one["file"]).read_bytes() for one in truth["files"] for trap in one["traps"]}
    assert set(raw) == {BROKEN_DATE, NO_END, LF, UTF8_END, ALTERED}
    assert b"23.08.201819202122" in raw[BROKEN_DATE]
    assert "КонецФайла".encode("cp1251") not in raw[NO_END]
    assert b"\r" not in raw[LF]
    assert raw[UTF8_END].endswith("КонецФайла".encode())
    assert "уточнено".encode("cp1251") in raw[ALTERED]
    assert {payment["origin"] for payment in truth["payments"]} == {"order", "twin", "acquiring", "fee", "returned"}


def test_the_command_writes_the_same_bytes_for_the_same_seed(tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        words = ["generate", "--days", "3", "--seed", "9", "--encoding", "cp866", "--out", str(folder)]
        command = [sys.executable, "-m", "sandbox.bank", *words]
        said = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
        assert said["files"] == len(list(folder.glob("*.txt"))) == 4
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert contents[0] == contents[1]
