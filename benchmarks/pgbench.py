"""The same SQL without the broker: the statements of one hold, recorded as they are sent, played by pgbench.

Nothing is copied from the code, so nothing can drift: a hold is placed through the application in this process, what
reaches the driver is written down, and only the values that differ from hold to hold become expressions.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import sql
from sqlalchemy import event

from benchmarks.load import HOST, Spoilt
from benchmarks.seating import PAIRS_EACH, allotted_pairs
from benchmarks.stack import Stack
from bridge.bootstrap import Bridge, build
from bridge.core.db import _connect_args
from bridge.local.postgres import DATABASE, OWNER
from bridge.local.programs import find_postgres
from bridge.web.app import create_app
from config.settings import Settings

CLIENTS = 16
TIMEOUT_S = 40
ONCE = "recorded-hold"
_PARAMETER = re.compile(r"%\((\w+)\)s")
_TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_FAILED = re.compile(r"number of failed transactions: (\d+)")
_TEXT_OF_N = "CAST(:n AS text)"
# What makes each hold another one: its number ``n`` counts on in each of pgbench's clients.
_NUMBER = f"""\\set k :k + 1
\\set n :first + :client_id * :each + :k
\\set performance :n / {PAIRS_EACH} + 1
\\set a 2 * (:n % {PAIRS_EACH}) + 1
\\set b :a + 1
"""

Statement = tuple[str, Mapping[str, Any]]


def statements_of_a_hold(stack: Stack, key: str, number: int) -> list[Statement]:
    """Place the hold of allotted pair ``number`` in this process and return every statement with its values."""
    settings = Settings(database_url=stack.postgres.url(), redis_url=stack.environ["BRIDGE_REDIS_URL"])
    bridge = build(settings)
    try:
        client = create_app(bridge).test_client()
        headers = {"Authorization": f"Bearer {key}"}
        client.get("/v1/events", headers=headers)  # so that the key is known, as it is to a server at work
        performance, *seats = next(allotted_pairs(number, 1))
        with _recording(bridge) as found:
            body = {"performance": performance, "seats": seats}
            answer = client.post("/v1/holds", json=body, headers={**headers, "Idempotency-Key": ONCE})
        if answer.status_code != 201:
            raise Spoilt(f"the hold to be recorded was answered {answer.status_code}")
    finally:
        bridge.close()
    return found


@contextmanager
def _recording(bridge: Bridge) -> Iterator[list[Statement]]:
    found: list[Statement] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        found.append((statement, dict(parameters)))

    event.listen(bridge.db.engine, "before_cursor_execute", note)
    yield found
    event.remove(bridge.db.engine, "before_cursor_execute", note)


def script(statements: Sequence[Statement], pair: tuple[str, str, str], hold_id: UUID) -> str:
    """The statements as one transaction of pgbench."""
    performance, first, second = pair
    varying = {
        str(hold_id): f"CAST(CAST(md5({_TEXT_OF_N}) AS uuid) AS text)",
        performance: "CAST(CAST(lpad(CAST(:performance AS text), 32, '0') AS uuid) AS text)",
        ONCE: _TEXT_OF_N,
        f'"{first}"': """'"' || CAST(:a AS text) || '"'""",
        f'"{second}"': """'"' || CAST(:b AS text) || '"'""",
    }
    bodies = [_PARAMETER.sub(lambda name: _spell(values[name[1]], varying), each) for each, values in statements]  # noqa: B023
    return "".join([_NUMBER, "BEGIN;\n", *(f"{body.strip()};\n" for body in bodies), "COMMIT;\n"])


def _spell(value: Any, varying: Mapping[str, str]) -> str:
    """A value as SQL, of which the parts that differ from hold to hold are expressions."""
    if not isinstance(value, str):
        return sql.Literal(value).as_string(None)
    parts = re.split("(" + "|".join(map(re.escape, varying)) + ")", value)
    return "(" + " || ".join(varying.get(part) or _quoted(part) for part in parts if part) + ")"


def _quoted(text: str) -> str:
    """A text as SQL. pgbench takes what follows a colon for a variable, so colons are spelt out."""
    literal = sql.Literal(text).as_string(None)
    return literal.replace(":", "' || chr(58) || '")


def played_per_s(stack: Stack, key: str, first: int, each: int) -> tuple[float, int]:
    """Holds a second that pgbench gets from the same SQL, and how many statements one hold is.

    It takes the allotted pairs from ``first`` on: ``each`` for each of its clients.
    """
    statements = statements_of_a_hold(stack, key, first)
    hold_id = next(UUID(json.loads(values["holds"])[0]["hold_id"]) for _, values in statements if "holds" in values)
    file = stack.data.path / "hold.sql"
    file.write_text(script(statements, next(allotted_pairs(first, 1)), hold_id), encoding="utf-8")
    return _play(stack, file, first, each), len(statements) + 2


def _options() -> str:
    """What the broker itself asks of its connections, so that the same plans are made."""
    return str(_connect_args()["options"])


def _play(stack: Stack, file: Path, first: int, each: int) -> float:
    command = [str(find_postgres().path.with_name("pgbench")), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1"]
    command += ["-t", str(each), "-D", "k=0", "-D", f"first={first}", "-D", f"each={each}", "-f", str(file)]
    command += ["-h", HOST, "-p", str(stack.postgres.port), "-U", OWNER, DATABASE]
    environ = {**os.environ, "PGPASSWORD": stack.postgres.password, "PGOPTIONS": _options()}
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S, env=environ)
    tps, failed = _TPS.search(ran.stdout), _FAILED.search(ran.stdout)
    if ran.returncode or not tps or not failed or int(failed[1]):
        raise Spoilt(f"pgbench failed: {ran.stderr.strip()[-500:]} {ran.stdout[-500:]}")
    return float(tps[1])
