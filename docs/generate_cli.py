"""Write ``docs/reference/cli.md``: what each command is for, from its own ``--help``, and what it prints."""  # noqa: INP001

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from bridge.cli import main

TARGET = Path(__file__).parent / "reference" / "cli.md"
WIDTH = 100
HEAD = """# The `bridge` command

Made from the commands themselves by `make docs`; do not edit.

Every command that reports takes `--json`: one object on stdout, logs on stderr. Exit status: 0 all went well; 1
something did not, and stderr or the report says what; 2 the call or the settings are wrong.
"""
PRINTS = {
    "allotment add": 'how many seats the channel has now. With `--json`: `{"seats", "channel"}`',
    "allotment end": 'that the unsold seats go back. With `--json`: `{"channel"}`',
    "allotment list": "a line an allotment. With `--json`: "
    '`{"allotments": [{"performance", "channel", "release_at", "seats", "sold"}]}`',
    "house-hold add": 'its number. With `--json`: `{"id", "seats", "channels"}`',
    "house-hold list": "a line a house hold. With `--json`: "
    '`{"house_holds": [{"id", "performance", "seats", "reason", "created_at", "until", "channels"}]}`',
    "house-hold release": 'that it is released. With `--json`: `{"id"}`',
    "maintenance begin": 'that the ERP is not called any more. With `--json`: `{"state", "reason"}`',
    "maintenance end": 'that the ERP is called again. With `--json`: `{"state", "reason"}`',
    "maintenance status": "`closed` (well), `open`, `half_open` or `maintenance`; exit 0 only if well. "
    'With `--json`: `{"state"}`',
    "waiting-room open": 'the room. With `--json`: `{"room", "opens_at"}`',
    "waiting-room close": 'that it is closed. With `--json`: `{"room"}`',
    "waiting-room status": "a line a room that is not closed. With `--json`: "
    '`{"rooms": [{"room", "performance", "event", "state", "waiting", "admitted", "pace_per_s", …}]}`',
    "waiting-room draw": "the seed, its hash, and the lot of each place. With `--json`: "
    '`{"seed", "seed_hash", "lots": [{"place", "lot"}]}`',
    "up": 'one JSON line once everything is ready: `{"ready": true, "broker": …, "console": …, "sandbox": {…}}`',
    "demo": "a line a step: its number, `ok` or `FAIL`, what was seen, seconds. With `--json`: "
    '`{"ok", "steps": [{"number", "title", "is_ok", "seen", "took_s"}]}`',
    "serve": "nothing; logs on stderr",
    "worker": "nothing; logs on stderr",
    "relay": "nothing; logs on stderr",
    "db upgrade": "`The database is at the newest schema.`",
    "config check": "`The settings are right.`, or every mistake with its variable on stderr",
    "config show": "the settings in force as JSON, secrets masked",
    "doctor": '`ok` or `FAIL` and what was seen, a line a check. With `--json`: `{"ok", "checks": {name: words}}`',
    "client add": 'the API key, this once. With `--json`: `{"name", "channel", "scopes", "key"}`',
    "channel set": "every rule as it is afterwards. With `--json`: "
    '`{"channel", "hold_ttl_s", … "fair_use": {"rate_per_s", …}}`',
    "node add": 'login and password, this once. With `--json`: `{"name", "dialect", "login", "password", "warnings"}`',
    "node set": 'that it is changed. With `--json`: `{"name", …}` and what was given; with `--seats` also '
    '`{"performances", "seats_changed", "warnings"}`',
    "user add": 'the password, this once. With `--json`: `{"login", "role", "password"}`',
    "import": "what was read, written and skipped, by file. With `--json`: "
    '`{"files": [{"file", "kind", "products", "offers", "prices", "rests", "skipped": [{"where", "why"}], …}]}`, '
    "and an `error` with `code` and `message` where a file was not taken",
    "sync run": "how many of each were different, and what each visit to the storefront did. With `--json`: "
    '`{"changed": {what: count}, "goods_read", "storefront": {lane: {what: count}}}`',
    "sync status": "the last readings of the ERP and exchanges of nodes: counts, warnings, how long, what failed. "
    'With `--json`: `{"runs": […], "exchanges": [{"run", "node", "kind", "took_s", "bytes", "files": […]}], '
    '"failing": [{"node", "kind", "run", "file", "error"}]}`',
    "sync accept": 'that it is accepted. With `--json`: `{"name"}`',
    "onec check": "each difference with its place and what to do, and a summary. With `--json`: "
    '`{"ok", "mapping", "methods": [name], "problems": [{"where", "what", "to_do"}], "looks_like": [name]}`',
    "onec mapping": "the mapping file",
    "report payments": "a line a day, provider and account. With `--json`: "
    '`{"since", "until", "timezone", "days": [{"day", "provider", "account", "currency", "captured", "captured_minor", '
    '"refunded", "refunded_minor", "posted_minor", "waiting_minor", "dismissed_minor", "exceptions_minor", '
    '"exchanged_minor"}]}`',
    "report exceptions": "a line a payment; exit 1 if there are any. With `--json`: "
    '`{"exceptions": [{"payment_id", "order_number", "amount_minor", "why", "work", …}]}`',
    "reconcile": "a line a difference; exit 1 if there are any. With `--json`: "
    '`{"ok", "compared": {"payments", "postings", "by_exchange"}, '
    '"differences": [{"kind", "subject", "ours", "theirs", "what"}]}`',
    "reconcile seats": "a line a difference; exit 1 if there are any. With `--json`: "
    '`{"ok", "compared": {"performances"}, "differences": [{"kind", "subject", "ours", "theirs", "what"}]}`',
    "payment decide": 'what becomes of it. With `--json`: `{"payment", "decision", "why", "by"}`',
    "alert list": "a line an open alert, the worst first; exit 1 if there are any. With `--json`: "
    '`{"alerts": [{"id", "severity", "code", "subject", "reason", "since", "last", "count"}]}`, with `--closed` also '
    "`closed_at`, `closed_by`, `closed_why`",
    "alert close": 'that it is closed. With `--json`: `{"id", "by", "reason"}`',
    "queue list": 'a line a row of work. With `--json`: `{"rows": […]}`',
    "queue show": "every column of the row",
    "queue retry": 'what was done. With `--json`: `{"id", "did"}`',
    "queue resolve": 'what was done. With `--json`: `{"id", "did"}`',
}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command below ``group``."""
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        if isinstance(found, click.Group):
            if found.invoke_without_command:
                yield (*path, name)
            yield from commands(found, (*path, name))
        else:
            yield (*path, name)


def section(words: tuple[str, ...]) -> str:
    """One command."""
    name = " ".join(words)
    shown = CliRunner().invoke(
        main, [*words, "--help"], prog_name="bridge", terminal_width=WIDTH, max_content_width=WIDTH
    )
    return f"\n## bridge {name}\n\n```text\n{shown.output.strip()}\n```\n\nPrints {PRINTS[name]}.\n"


def text() -> str:
    """The whole page."""
    os.environ.pop("BRIDGE_DATA_DIR", None)  # it would be shown as a default
    return HEAD + "".join(section(words) for words in commands(main))


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")
