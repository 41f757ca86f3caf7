"""Whole exchanges of the catalogue, as each configuration of 1C does them."""

from __future__ import annotations

import pytest

from sandbox.onec.site_client import ModuleClient, UnfClient, UtClient
from tests.exchange_site.conftest import Place
from tests.exchange_site.goods import catalogue, offers

PATHS = ("/exchange/1c", "/bitrix/admin/1c_exchange.php", "/exchange/1c/")
REFS = [f"p{number:03}" for number in range(60)]


@pytest.mark.parametrize("path", PATHS)
def test_ut_exports_products_with_offers_and_pictures(place: Place, path: str) -> None:
    client = UtClient(place.wire("ut", path=path))
    files = {
        "offers0_1.xml": offers(*(f"{ref}#a" for ref in REFS)),
        "import0_1.xml": catalogue(*REFS),
        "import_files/ab/p001_1.jpg": b"\xff\xd8" + b"x" * 5000,
    }

    with place.worker():
        report = client.export_catalogue(files)

    assert report.is_ok, report
    assert report.imported == {"offers0_1.xml": "offers 60, prices 60, rests 60", "import0_1.xml": "products 60"}
    assert place.products() == dict.fromkeys(REFS, True)
    assert place.rows("SELECT count(*) FROM offer_price") == [(60,)]
    assert place.alerts() == []


def test_unf_exports_each_file_by_itself(place: Place) -> None:
    place.add("unf", "unf")
    client = UnfClient(place.wire("unf", path="/bitrix/admin/1c_exchange.php"))
    files = {f"offers{n}.xml": offers(f"p{n}#a", namespace="unf") for n in range(3)}
    files |= {f"import{n}.xml": catalogue(f"p{n}", namespace="unf") for n in range(3)}

    with place.worker():
        report = client.export_catalogue(files)

    assert report.is_ok, report
    assert list(report.imported) == [f"{kind}{n}.xml" for kind in ("import", "offers") for n in range(3)]
    assert place.products("unf") == {"p0": True, "p1": True, "p2": True}


def test_the_module_completes_and_hides_what_it_no_longer_mentions(place: Place) -> None:
    place.add("module", "module31")
    with place.worker():
        first = ModuleClient(place.wire("module")).export_catalogue({"goods_1.xml": catalogue(*REFS)})
        place.run("UPDATE import_run SET started_at = started_at - interval '1 hour'")
        second = ModuleClient(place.wire("module")).export_catalogue({"goods_1.xml": catalogue(*REFS[:-2])})

    assert first.is_ok, first
    assert second.is_ok, second
    assert second.imported["deactivate"] == "product 2"
    assert place.products("module") == {ref: ref not in REFS[-2:] for ref in REFS}


def test_ut_that_does_not_wait_for_imports_is_imported_after_a_silence(place: Place) -> None:
    client = UtClient(place.wire("ut"), asks_for_import=False)
    client.export_catalogue({"import0_10.xml": catalogue("b"), "import0_2.xml": catalogue("a"), "a.jpg": b"\xff\xd8"})

    assert place.work() == 0
    place.pass_time(200)
    assert place.work() == 0
    place.pass_time(101)
    place.work()

    assert place.products() == {"a": True, "b": True}
    order = place.rows("SELECT file FROM import_run ORDER BY import_run_id")
    assert order == [("import0_2.xml",), ("import0_10.xml",)]


def test_two_nodes_at_the_same_time_stay_apart(place: Place) -> None:
    one, two = UtClient(place.wire("one")), UtClient(place.wire("two"))
    for client in (one, two):
        client.check_auth("catalog")
        client.init("catalog")
    one.wire.send("catalog", "import0_1.xml", catalogue("of-one"))
    two.wire.send("catalog", "import0_1.xml", catalogue("of-two"))
    with place.worker():
        said = [client.wire.ask("catalog", "import", filename="import0_1.xml").word for client in (one, two)]

    assert said == ["success", "success"]
    assert place.products("one") == {"of-one": True}
    assert place.products("two") == {"of-two": True}


def test_two_exchanges_of_one_node_do_not_wipe_each_other(place: Place) -> None:
    scheduled, button = UtClient(place.wire("ut")), UtClient(place.wire("ut"))
    scheduled.check_auth("catalog")
    scheduled.init("catalog")
    scheduled.wire.send("catalog", "import0_1.xml", catalogue("first"))
    button.check_auth("catalog")
    button.init("catalog")
    button.wire.send("catalog", "import0_1.xml", catalogue("second"))

    with place.worker():
        said = [client.wire.ask("catalog", "import", filename="import0_1.xml").word for client in (scheduled, button)]

    assert said == ["success", "success"]
    assert place.products() == {"first": True, "second": True}
