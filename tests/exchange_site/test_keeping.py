"""Runs are kept for a while and shown."""

from __future__ import annotations

import json
from typing import Any

from click.testing import Result

from bridge.exchange.runs_keeping import failing, recent
from sandbox.onec.site_client import UtClient
from tests.commands import bridge
from tests.exchange_site.conftest import Place
from tests.exchange_site.goods import catalogue
from tests.exchange_site.test_protocol import entered

DAYS = 86_400


def exported(place: Place, **files: bytes) -> None:
    with place.worker():
        UtClient(place.wire("ut")).export_catalogue({f"{name}.xml": body for name, body in files.items()})


def shown(place: Place) -> list[dict[str, Any]]:
    with place.bridge.db.begin() as tx:
        return recent(tx, 10)


def test_a_run_is_shown_with_its_files_counts_reasons_and_time(place: Place) -> None:
    exported(place, a=catalogue("a"), b=b"<half")

    (run,) = shown(place)
    assert (run["node"], run["kind"]) == ("ut", "catalog")
    assert run["bytes"] == len(catalogue("a")) + 5
    assert 0 < run["took_s"] < 60
    good, bad = run["files"]
    assert (good["file"], good["state"], good["report"]["products"]) == ("a.xml", "imported", 1)
    assert (bad["file"], bad["state"]) == ("b.xml", "failed")
    assert "not CommerceML" in bad["error"]


def test_old_runs_go_with_their_bytes_and_young_ones_stay(place: Place) -> None:
    place.add("module", "module31")
    exported(place, a=catalogue("a"))
    place.pass_time(13 * DAYS)
    assert place.bridge.steps["exchange"]() == "0 runs"
    place.pass_time(2 * DAYS)
    exported(place, b=catalogue("b"))

    assert place.bridge.steps["exchange"]() == "1 runs"
    assert [run["files"][0]["file"] for run in shown(place)] == ["b.xml"]
    assert len([path for path in place.folder.rglob("*") if path.is_file()]) == 1
    assert len(list((place.folder / "exchange" / "ut").iterdir())) == 1
    assert place.products() == {"a": True, "b": True}, "what was imported stays"


def test_a_run_that_still_waits_for_a_worker_is_not_old(place: Place) -> None:
    client = entered(place)
    client.wire.send("catalog", "a.xml", catalogue("a"))
    place.run("UPDATE exchange_file SET state = 'waiting', asked_at = clock_timestamp()")
    place.pass_time(100 * DAYS)

    assert place.bridge.steps["exchange"]() == "0 runs"


def test_more_runs_than_one_transaction_takes_are_deleted_at_once(place: Place) -> None:
    exported(place, a=catalogue("a"))
    place.run("INSERT INTO exchange_run (node, kind) SELECT 'ut', 'catalog' FROM generate_series(1, 250)")
    place.pass_time(20 * DAYS)

    assert place.bridge.steps["exchange"]() == "251 runs"
    assert place.rows("SELECT count(*) FROM exchange_run") == [(0,)]


def status(place: Place, *words: str) -> Result:
    return bridge(*words, DATABASE_URL=place.bridge.settings.database_url.get_secret_value())


def test_the_status_command_shows_runs_and_fails_with_the_newest(place: Place) -> None:
    exported(place, a=catalogue("a"))
    good = status(place, "sync", "status")
    exported(place, b=b"<half")
    bad = status(place, "sync", "status", "--json")

    assert good.exit_code == 0, good.stderr
    assert "ut catalog: 1 imported, 1 products, 1 written in" in good.stdout
    assert bad.exit_code == 1
    assert [run["files"][0]["state"] for run in json.loads(bad.stdout)["exchanges"]] == ["failed", "imported"]


def failing_files(place: Place) -> list[str]:
    with place.bridge.db.begin() as tx:
        return [one["file"] for one in failing(tx, 300.0)]


def test_goods_that_failed_are_not_forgotten_because_orders_went_well(place: Place) -> None:
    exported(place, a=b"<half")
    place.pass_time(1)
    orders = UtClient(place.wire("ut"))
    orders.check_auth("sale")
    orders.wire.ask("sale", "query")
    orders.check_auth("catalog")  # as the module does, once more, with nothing to send
    shown_now = status(place, "sync", "status", "--last", "1", "--json")

    assert shown_now.exit_code == 1
    assert [(one["node"], one["kind"], one["file"]) for one in json.loads(shown_now.stdout)["failing"]] == [
        ("ut", "catalog", "a.xml")
    ]


def test_a_portion_that_failed_counts_until_it_came_again_or_the_next_exchange_went_well(place: Place) -> None:
    exported(place, a=b"<half")
    exported(place, b=catalogue("b"))
    assert failing_files(place) == ["a.xml"]
    exported(place, a=catalogue("a"))
    assert failing_files(place) == []
    exported(place, c=b"<half")
    place.pass_time(3600)
    exported(place, b=catalogue("b"))
    assert failing_files(place) == []


def test_a_smaller_exchange_is_accepted_by_a_command(place: Place) -> None:
    place.add("ut", "ut11")
    place.run("UPDATE exchange_node SET whole_files = '[\"import0_2.xml\"]'")

    assert status(place, "sync", "accept", "ut").exit_code == 0
    assert place.rows("SELECT whole_files FROM exchange_node") == [([],)]


def test_a_node_is_added_by_a_command_that_shows_its_password_once(place: Place) -> None:
    first = status(
        place, "node", "add", "office", "--dialect", "unf", "--orders", "--payments", "subordinates", "--json"
    )
    second = status(place, "node", "add", "office", "--dialect", "unf")
    wrong = status(place, "node", "add", "../office", "--dialect", "unf")
    wider = status(place, "node", "set", "office", "--retire-share", "0.5")

    assert first.exit_code == 0, first.stderr
    given = json.loads(first.stdout)
    place.nodes["office"] = (given["login"], given["password"])
    assert place.wire("office").ask("sale", "checkauth").word == "success"
    assert place.rows("SELECT takes_orders, payments FROM exchange_node WHERE node = 'office'") == [
        (True, "subordinates")
    ]
    assert given["password"].encode() not in place.rows("SELECT password_hash FROM exchange_node")[0][0]
    assert (second.exit_code, wrong.exit_code, wider.exit_code) == (1, 1, 0)
    assert place.rows("SELECT retire_share_max FROM exchange_node") == [(0.5,)]


def test_a_node_is_changed_by_a_command_piece_by_piece(place: Place) -> None:
    place.add("office", "ut11")
    done = status(place, "node", "set", "office", "--hides", "never", "--currency", "у.е.=USD", "--currency", "руб=RUB")
    more = status(place, "node", "set", "office", "--which-orders", "all", "--currency", "у.е.=EUR", "--json")
    wrong = status(place, "node", "set", "office", "--currency", "USD")
    nobody = status(place, "node", "set", "elsewhere", "--hides", "never")

    assert (done.exit_code, more.exit_code, wrong.exit_code, nobody.exit_code) == (0, 0, 1, 1)
    query = "SELECT hides, orders_out, currencies FROM exchange_node"
    assert place.rows(query) == [("never", "all", {"у.е.": "EUR", "руб": "RUB"})]
    none_at_all = status(place, "node", "set", "office", "--retire-share", "0", "--json")
    assert json.loads(none_at_all.stdout) == {"name": "office", "retire_share": 0}
