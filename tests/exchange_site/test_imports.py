"""Imports happen in the background, once, in order, whatever is asked when, and a bad file stops nobody else."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from bridge.catalogue.goods_import import lock_source
from bridge.core import outbox
from sandbox.onec.site_client import ModuleClient, Report, UtClient
from tests.exchange_site.conftest import Place
from tests.exchange_site.goods import catalogue, document, offers, prices
from tests.exchange_site.test_protocol import entered


def sent(place: Place, *bodies: bytes, name: str = "import0_1.xml") -> UtClient:
    client = entered(place)
    for number, body in enumerate(bodies):
        client.wire.send("catalog", name if number == 0 else f"{number}{name}", body)
    return client


def test_progress_is_said_at_once_while_nobody_has_time(busy: Place) -> None:
    client = sent(busy, catalogue("a"))
    began = time.monotonic()
    said = client.wire.ask("catalog", "import", filename="import0_1.xml")

    assert said.word == "progress"
    assert 0.3 < time.monotonic() - began < 5
    busy.work()
    assert client.wire.ask("catalog", "import", filename="import0_1.xml").text == "success\nproducts 1"


def test_ut_that_repeats_without_a_pause_is_held_and_served_once(busy: Place) -> None:
    client = sent(busy, catalogue("a"))
    said = [client.wire.ask("catalog", "import", filename="import0_1.xml").word for _ in range(3)]
    busy.work()
    said += [client.wire.ask("catalog", "import", filename="import0_1.xml").word for _ in range(3)]

    assert said == ["progress"] * 3 + ["success"] * 3
    assert busy.rows("SELECT count(*) FROM import_run") == [(1,)]


def test_a_file_that_never_came_is_a_failure(place: Place) -> None:
    said = sent(place, catalogue("a")).wire.ask("catalog", "import", filename="import0_2.xml")

    assert said.word == "failure"
    assert "import0_2.xml" in said.explanation


def test_after_an_hour_of_nobody_the_answer_is_failure_and_the_import_still_happens(busy: Place) -> None:
    client = sent(busy, catalogue("a"))
    client.wire.ask("catalog", "import", filename="import0_1.xml")
    busy.pass_time(3601)

    assert client.wire.ask("catalog", "import", filename="import0_1.xml").word == "failure"
    busy.work()
    assert busy.products() == {"a": True}


@pytest.mark.parametrize(
    "body",
    [
        catalogue("a")[:-20],
        b"<html>502 Bad Gateway</html>",
        document("<!-- " + "x" * 10 + " -->")[:40],
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>' + document("&b;")[3:],
        b"\x00" * 1000,
        document("<Каталог><Ид>c</Ид><Товары><Товар><Ид>" + "x" * 11_000_000),
    ],
    ids=["cut", "html", "stub", "entities", "zeros", "one long line"],
)
def test_a_file_that_cannot_be_read_is_set_aside_and_blocks_nobody(place: Place, body: bytes) -> None:
    client = sent(place, body, catalogue("b"))
    with place.worker():
        bad = client.wire.ask("catalog", "import", filename="import0_1.xml")
        again = client.wire.ask("catalog", "import", filename="import0_1.xml")
        good = client.wire.ask("catalog", "import", filename="1import0_1.xml")

    assert (bad.word, again.word, good.word) == ("failure", "failure", "success")
    assert len(bad.lines) == 2
    assert 20 < len(bad.explanation) < 255
    assert place.products() == {"b": True}
    assert place.alerts() == [("exchange_file_failed", "ut:import0_1.xml")]
    assert place.rows("SELECT count(*) FROM outbox WHERE status NOT IN ('done', 'ready')") == [(0,)]


def test_a_file_that_ends_the_process_three_times_is_set_aside(busy: Place) -> None:
    client = sent(busy, catalogue("poison"), catalogue("b"))
    client.wire.ask("catalog", "import", filename="import0_1.xml")
    client.wire.ask("catalog", "import", filename="1import0_1.xml")
    for _ in range(3):
        with busy.bridge.db.begin() as tx:
            assert outbox.claim_due(tx, "exchange.import", rows_max=1, lease_s=0.0)
    busy.work()

    assert client.wire.ask("catalog", "import", filename="import0_1.xml").word == "failure"
    assert busy.products() == {"b": True}
    assert busy.alerts() == [("exchange_file_failed", "ut:import0_1.xml")]


def test_a_worker_that_dies_at_work_is_made_up_for(busy: Place) -> None:
    client = sent(busy, catalogue("a"))
    client.wire.ask("catalog", "import", filename="import0_1.xml")
    with busy.bridge.db.begin() as tx:
        outbox.claim_due(tx, "exchange.import", rows_max=1, lease_s=0.0)
    busy.work()

    assert client.wire.ask("catalog", "import", filename="import0_1.xml").word == "success"
    assert busy.rows("SELECT count(*) FROM import_run") == [(1,)]


def test_bytes_that_are_gone_are_told(place: Place) -> None:
    client = sent(place, catalogue("a"))
    for path in [path for path in place.folder.rglob("*") if path.is_file()]:
        path.unlink()
    with place.worker():
        said = client.wire.ask("catalog", "import", filename="import0_1.xml")

    assert said.word == "failure"
    assert "папка данных" in said.explanation


def test_a_silence_after_some_imports_brings_in_the_rest(place: Place) -> None:
    client = sent(place, catalogue("a"), catalogue("b"), b"<half")
    with place.worker():
        client.wire.ask("catalog", "import", filename="import0_1.xml")
    place.pass_time(301)
    place.work()

    assert place.products() == {"a": True, "b": True}
    assert place.alerts() == [("exchange_file_failed", "ut:2import0_1.xml")]


def test_offers_may_come_before_their_products_and_prices_alone(place: Place) -> None:
    client = entered(place)
    with place.worker():
        for name, body in {"p.xml": prices("a#1"), "o.xml": offers("a#1"), "i.xml": catalogue("a")}.items():
            client.wire.send("catalog", name, body)
            assert client.wire.ask("catalog", "import", filename=name).word == "success"
    assert place.rows("SELECT o.ref, p.price_minor FROM offer o JOIN offer_price p USING (offer_id)") == [
        ("a#1", 10000)
    ]


# Nothing is hidden by being absent, unless a whole exchange says so


def test_a_full_flag_describes_one_file_and_hides_nothing(place: Place) -> None:
    with place.worker():
        UtClient(place.wire("ut")).export_catalogue({"import0_1.xml": catalogue("a", "b")})
        UtClient(place.wire("ut")).export_catalogue({"import0_1.xml": catalogue("a", is_full=True)})

    assert place.products() == {"a": True, "b": True}


REFS = [f"p{number:02}" for number in range(20)]


@pytest.fixture
def module(place: Place) -> Place:
    place.add("module", "module31")
    with place.worker():
        files = {"goods.xml": catalogue(*REFS), "offers.xml": offers(*(f"{ref}#1" for ref in REFS))}
        assert ModuleClient(place.wire("module")).export_catalogue(files).is_ok
    place.run("UPDATE import_run SET started_at = started_at - interval '1 hour'")
    place.run("UPDATE exchange_file SET created_at = created_at - interval '1 hour'")
    return place


def exported(place: Place, *refs: str, **more: bytes) -> Report:
    files = {"goods.xml": catalogue(*refs)} | {name.replace("_", "."): body for name, body in more.items()}
    with place.worker():
        return ModuleClient(place.wire("module")).export_catalogue(files)


def test_goods_that_come_back_are_shown_again_though_nothing_about_them_changed(module: Place) -> None:
    exported(module, *REFS[1:])
    hidden = module.products("module")["p00"]
    exported(module, *REFS)

    assert (hidden, module.products("module")["p00"]) == (False, True)


def test_more_than_a_fifth_never_vanishes_at_once(module: Place) -> None:
    report = exported(module, *REFS[5:])

    assert "5" in report.failed["deactivate"]
    assert all(module.products("module").values())
    assert module.alerts() == [("exchange_retire_refused", "module")]
    exported(module, *REFS[1:])
    assert module.alerts() == [("exchange_goods_hidden", "module")]


def test_an_exchange_with_a_failed_file_hides_nothing(module: Place) -> None:
    report = exported(module, *REFS[1:], broken_xml=b"<half")

    assert "broken.xml" in report.failed["deactivate"]
    assert all(module.products("module").values())


def test_an_exchange_of_prices_alone_hides_nothing(module: Place) -> None:
    with module.worker():
        report = ModuleClient(module.wire("module")).export_catalogue({"prices.xml": prices("p00#1")})

    assert report.is_ok
    assert all(module.products("module").values())


def test_goods_alone_hide_no_offers(module: Place) -> None:
    exported(module, *REFS[1:])

    assert module.rows("SELECT count(*) FROM offer WHERE is_deleted") == [(0,)]


def test_a_time_taken_after_the_exchange_hides_nothing(module: Place) -> None:
    exported(module, *REFS)
    client = UtClient(module.wire("module"))
    client.check_auth("catalog")
    later = int((datetime.now(UTC) + timedelta(hours=1)).timestamp())

    assert client.wire.ask("catalog", "deactivate", timestamp=str(later)).word == "success"
    assert all(module.products("module").values())


def test_hiding_waits_for_imports_under_way(busy: Place) -> None:
    busy.add("module", "module31")
    client = ModuleClient(busy.wire("module"))
    told = dict(line.split("=", 1) for line in client.check_auth("catalog") if "=" in line)
    client.wire.send("catalog", "goods.xml", catalogue("a"))
    client.wire.ask("catalog", "import", filename="goods.xml")

    assert client.wire.ask("catalog", "deactivate", timestamp=told["timestamp"]).word == "progress"
    busy.work()
    assert client.wire.ask("catalog", "deactivate", timestamp=told["timestamp"]).word == "success"


def told_to_hide(place: Place, client: ModuleClient, timestamp: str) -> str:
    client.check_auth("catalog")
    return client.wire.ask("catalog", "deactivate", timestamp=timestamp).word


def test_hiding_waits_for_a_file_that_was_sent_and_never_asked_for(busy: Place) -> None:
    busy.add("module", "module31")
    client = ModuleClient(busy.wire("module"))
    with busy.worker():
        assert client.export_catalogue({"g1.xml": catalogue(*REFS[:17]), "g2.xml": catalogue(*REFS[17:])}).is_ok
        busy.run("UPDATE import_run SET started_at = started_at - interval '1 hour'")
        busy.run("UPDATE exchange_file SET created_at = created_at - interval '1 hour'")
        told = dict(line.split("=", 1) for line in client.check_auth("catalog") if "=" in line)
        client.init("catalog")
        client.wire.send("catalog", "g1.xml", catalogue(*REFS[:17]))
        client.wire.ask("catalog", "import", filename="g1.xml")
    for name, body in {"g2.xml": catalogue(*REFS[17:]), "a.jpg": b"\xff\xd8"}.items():
        client.check_auth("catalog")
        client.init("catalog")
        client.wire.send("catalog", name, body)

    assert told_to_hide(busy, client, told["timestamp"]) == "progress"
    assert all(busy.products("module").values())
    busy.pass_time(301)
    busy.work()
    assert told_to_hide(busy, client, told["timestamp"]) == "success"
    assert all(busy.products("module").values())


def test_hiding_waits_for_an_import_of_the_same_goods_from_elsewhere(busy: Place) -> None:
    busy.add("module", "module31")
    client = ModuleClient(busy.wire("module"))
    told = dict(line.split("=", 1) for line in client.check_auth("catalog") if "=" in line)
    with busy.bridge.db.begin() as tx:
        lock_source(tx, "module")
        assert told_to_hide(busy, client, told["timestamp"]) == "progress"

    assert told_to_hide(busy, client, told["timestamp"]) == "success"
    assert busy.alerts() == []


def test_orders_that_failed_keep_no_goods_from_being_hidden(module: Place) -> None:
    client = ModuleClient(module.wire("module"))
    with module.worker():
        told = dict(line.split("=", 1) for line in client.check_auth("catalog") if "=" in line)
        client.return_orders("orders.xml", b"<half></half>")
        client.check_auth("catalog")
        client.init("catalog")
        client.wire.send("catalog", "goods.xml", catalogue(*REFS[1:]))
        client.wire.ask("catalog", "import", filename="goods.xml")
        assert told_to_hide(module, client, told["timestamp"]) == "success"

    assert module.products("module")["p00"] is False


def test_a_file_that_comes_after_the_silence_has_a_silence_of_its_own(place: Place) -> None:
    client = sent(place, catalogue("a"))
    place.pass_time(301)
    place.work()
    assert place.products() == {"a": True}
    client.wire.send("catalog", "later.xml", catalogue("b"))
    place.pass_time(301)
    place.work()

    assert place.products() == {"a": True, "b": True}


def test_many_files_of_a_run_are_one_look_at_its_silence(place: Place) -> None:
    sent(place, *(catalogue(f"p{number}") for number in range(5)))

    assert place.rows("SELECT count(*) FROM outbox WHERE kind = 'quiet'") == [(1,)]


def test_a_busy_import_elsewhere_is_waited_for(busy: Place) -> None:
    client = sent(busy, catalogue("a"))
    client.wire.ask("catalog", "import", filename="import0_1.xml")
    with busy.bridge.db.begin() as tx:
        lock_source(tx, "ut")
        for _ in range(5):
            busy.pass_time(6)
            busy.work()
    assert busy.products() == {}
    busy.pass_time(6)
    busy.work()
    assert busy.products() == {"a": True}
