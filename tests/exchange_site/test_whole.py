"""Goods that a whole exchange of a node left out are hidden, though the node never asks for it; and when they are not."""

from __future__ import annotations

from uuid import uuid4

import pytest

from bridge.core.errors import Refused
from bridge.exchange import runs_whole
from sandbox.onec.site_client import UnfClient, UtClient
from tests.exchange_site.conftest import Place
from tests.exchange_site.goods import catalogue, offers

REFS = [f"p{number:02}" for number in range(20)]
QUIET_S = 301


def exported(place: Place, **files: bytes) -> None:
    """One portion: a login, files, their imports."""
    with place.worker():
        UtClient(place.wire("ut")).export_catalogue({f"{name}.xml": body for name, body in files.items()})


def exported_whole(place: Place, *refs: str) -> None:
    """Everything, in two portions."""
    exported(place, import0_1=catalogue(*refs[:10], is_full=True))
    exported(place, import0_2=catalogue(*refs[10:]))


def fall_silent(place: Place) -> None:
    place.pass_time(QUIET_S)
    place.work()


@pytest.fixture
def ut(place: Place) -> Place:
    """A node whose whole catalogue came in two portions, of which only the first calls itself whole."""
    exported_whole(place, *REFS)
    fall_silent(place)
    assert all(place.products().values())
    a_day_later(place)
    return place


def a_day_later(place: Place) -> None:
    place.pass_time(86_400)
    place.run("UPDATE import_run SET started_at = started_at - interval '1 day'")
    place.run("UPDATE exchange_file SET created_at = created_at - interval '1 day'")


def hidden(place: Place) -> list[str]:
    return sorted(ref for ref, is_shown in place.products().items() if not is_shown)


def test_what_all_portions_of_a_whole_exchange_left_out_is_hidden_after_a_silence(ut: Place) -> None:
    exported(ut, import0_1=catalogue(*REFS[1:10], is_full=True))
    exported(ut, import0_2=catalogue(*REFS[10:]))
    assert hidden(ut) == []
    fall_silent(ut)

    assert hidden(ut) == ["p00"]
    assert ut.rows("SELECT count(*) FROM product") == [(20,)]


def test_a_file_known_already_still_speaks_of_its_goods(ut: Place) -> None:
    exported(ut, import0_1=catalogue(*REFS[:10], is_full=True))
    exported(ut, import0_2=catalogue(*REFS[10:19]))
    fall_silent(ut)

    assert ut.rows("SELECT count(*) FROM import_run WHERE same_as_run_id IS NOT NULL") == [(1,)]
    assert hidden(ut) == ["p19"]


def test_goods_that_come_back_are_shown_again(ut: Place) -> None:
    exported_whole(ut, *REFS[1:])
    fall_silent(ut)
    assert hidden(ut) == ["p00"]
    exported(ut, import0_1=catalogue(*REFS, is_full=True))

    assert hidden(ut) == []


def test_changes_alone_hide_nothing(ut: Place) -> None:
    exported(ut, import0_1=catalogue("p03"))
    fall_silent(ut)

    assert hidden(ut) == []


def test_a_whole_exchange_with_a_failed_portion_hides_nothing_and_is_told(ut: Place) -> None:
    exported(ut, import0_1=catalogue(*REFS[1:10], is_full=True))
    exported(ut, import0_2=b"<half")
    fall_silent(ut)

    assert hidden(ut) == []
    assert ("exchange_retire_refused", "ut") in ut.alerts()


def test_more_than_the_share_never_vanishes_at_once_and_a_person_is_told(ut: Place) -> None:
    exported_whole(ut, *REFS[5:])
    fall_silent(ut)

    assert hidden(ut) == []
    assert ut.rows("SELECT reason FROM alert WHERE code = 'exchange_retire_refused'")[0][0].startswith(
        "retire_too_many"
    )


def test_a_node_told_never_to_hide_hides_nothing(ut: Place) -> None:
    ut.run("UPDATE exchange_node SET hides = 'never'")
    exported_whole(ut, *REFS[1:])
    fall_silent(ut)

    assert hidden(ut) == []


def test_a_whole_list_of_goods_hides_no_offers(ut: Place) -> None:
    exported(ut, offers0_1=offers(*(f"{ref}#1" for ref in REFS)))
    exported_whole(ut, *REFS[1:])
    fall_silent(ut)

    assert hidden(ut) == ["p00"]
    assert ut.rows("SELECT count(*) FROM offer WHERE is_deleted") == [(0,)]


def test_an_exchange_that_goes_on_is_judged_when_it_ends(ut: Place) -> None:
    exported(ut, import0_1=catalogue(*REFS[:10], is_full=True))
    ut.pass_time(200)
    exported(ut, import0_2=catalogue(*REFS[10:19]))
    ut.pass_time(200)
    ut.work()
    assert hidden(ut) == []
    ut.pass_time(200)
    ut.work()
    assert hidden(ut) == ["p19"]


def test_unf_that_says_whole_in_each_file_is_judged_by_all_of_them(place: Place) -> None:
    place.add("unf", "unf")
    for refs in (REFS, REFS[1:]):
        files = {f"import{n}.xml": catalogue(*refs[n::2], namespace="unf", is_full=True) for n in (0, 1)}
        with place.worker():
            UnfClient(place.wire("unf")).export_catalogue(files)
        fall_silent(place)
        a_day_later(place)

    assert [ref for ref, is_shown in place.products("unf").items() if not is_shown] == ["p00"]


def test_an_infobase_with_new_ids_is_told_before_everything_is_there_twice(place: Place) -> None:
    exported(place, import0_1=catalogue(*(f"old{n}" for n in range(60)), is_full=True))
    exported(place, import0_1=catalogue(*(f"new{n}" for n in range(60)), is_full=True))

    assert place.alerts() == [("exchange_goods_strange", "ut")]


# An exchange that was broken off looks like one that is over


def test_a_whole_exchange_that_breaks_off_as_a_portion_begins_hides_nothing_and_is_told(ut: Place) -> None:
    exported_whole(ut, *REFS[:17])
    third = UtClient(ut.wire("ut"))
    third.check_auth("catalog")
    third.init("catalog")
    fall_silent(ut)

    assert hidden(ut) == []
    assert ut.rows("SELECT reason FROM alert WHERE code = 'exchange_retire_refused'")[0][0].startswith(
        "retire_broken_off"
    )


def test_whoever_checks_the_connection_after_a_whole_exchange_is_not_taken_for_another_portion(ut: Place) -> None:
    exported_whole(ut, *REFS[1:])
    UtClient(ut.wire("ut")).check_auth("catalog")
    fall_silent(ut)

    assert hidden(ut) == ["p00"]


def test_orders_fetched_after_a_whole_exchange_are_not_taken_for_another_portion(ut: Place) -> None:
    exported_whole(ut, *REFS[1:])
    sale = UnfClient(ut.wire("ut"))
    sale.check_auth("sale")
    sale.init("sale")
    fall_silent(ut)

    assert hidden(ut) == ["p00"]


def test_a_whole_exchange_with_fewer_files_than_the_last_hides_nothing_until_a_person_says_so(ut: Place) -> None:
    exported(ut, import0_1=catalogue(*REFS[:17], is_full=True))
    fall_silent(ut)
    assert hidden(ut) == []
    ((reason,),) = ut.rows("SELECT reason FROM alert WHERE resolved_at IS NULL")
    assert "import0_2.xml" in reason
    assert "bridge sync accept ut" in reason

    a_day_later(ut)
    with ut.bridge.db.begin() as tx:
        runs_whole.accept(tx, "ut")
    exported(ut, import0_1=catalogue(*REFS[:17], is_full=True))
    fall_silent(ut)

    assert hidden(ut) == ["p17", "p18", "p19"]


def test_a_person_is_told_of_goods_that_were_hidden_until_an_exchange_hides_nothing(ut: Place) -> None:
    exported_whole(ut, *REFS[1:])
    fall_silent(ut)
    assert ut.alerts() == [("exchange_goods_hidden", "ut")]
    ((reason, details),) = ut.rows("SELECT reason, details FROM alert WHERE resolved_at IS NULL")
    assert "1 product" in reason
    assert details["product"] == 1

    a_day_later(ut)
    exported_whole(ut, *REFS[1:])
    fall_silent(ut)
    assert ut.alerts() == []


def test_files_whose_names_carry_new_ids_each_time_are_the_same_files(place: Place) -> None:
    for refs in (REFS, REFS[1:]):
        exported(place, **{f"goods_1_{uuid4()}": catalogue(*refs, is_full=True)})
        fall_silent(place)
        a_day_later(place)

    assert hidden(place) == ["p00"]


def test_nobody_accepts_for_a_node_there_is_not(place: Place) -> None:
    with place.bridge.db.begin() as tx, pytest.raises(Refused, match="node_unknown"):
        runs_whole.accept(tx, "nobody")
