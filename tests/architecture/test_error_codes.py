"""Every code the API can answer is in docs/errors.md, with the status it is answered with."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from bridge.rest.problems import HTTP_CODES, STATUSES

ROOT = Path(__file__).parents[2]
FEATURES = ("catalogue", "channels", "erp_calls", "fairness", "orders", "payments", "rest", "seats", "web")
ROW = re.compile(r"^\| (?:<a [^>]*></a>)?`([a-z0-9_]+)` \| (\d{3})")
# Raised only by commands, or never as an answer of the API.
ELSEWHERE = {
    "client_exists",
    "user_exists",
    "channel_unknown",
    "allotment_empty",
    "allotment_of_goods",
    "payment_foreign",
    "nothing_to_decide",
    "nothing_to_post",
    "waiting_room_exists",
    "waiting_room_unknown",
    "payment_never_started",
}


def documented() -> dict[str, int]:
    lines = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").splitlines()
    return {match[1]: int(match[2]) for line in lines if (match := ROW.match(line))}


def refused_in(path: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Refused" and call.args]
    return {call.args[0].value for call in named if isinstance(call.args[0], ast.Constant)}


def test_every_refusal_is_documented_with_its_status() -> None:
    files = [path for feature in FEATURES for path in (ROOT / "bridge" / feature).glob("*.py")]
    raised = set().union(*map(refused_in, files)) - ELSEWHERE
    raised = {code for code in raised if not code.startswith(("statement_", "goods_"))}
    expected = {code: STATUSES.get(code, 422) for code in raised | set(STATUSES)}
    expected |= {code: status for status, code in HTTP_CODES.items()}

    found = documented()

    assert {code: found.get(code) for code in expected} == expected


def test_the_table_is_sorted_and_names_each_code_once() -> None:
    lines = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").splitlines()
    codes = [match[1] for line in lines if (match := ROW.match(line))]

    assert codes == sorted(set(codes))
