"""What everybody gets wrong who has never seen a real 1C: one test each."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError
from structlog.testing import capture_logs

from adapters.onec.codec import WSDL, Codec
from adapters.onec.infobase import Infobase, identifier, text
from adapters.onec.operations import PING as PING_OPERATION
from adapters.onec.settings import OneCSettings
from adapters.onec.soap import OneCErp, create
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, Throttled, Unknown
from bridge.ports.erp import Hold, Posting
from tests.adapters.onec.publication import (
    LOGIN,
    NAMESPACE,
    PASSWORD,
    PING,
    Publication,
    answer,
    fault,
    http,
    seat_result,
    silence,
)

MOSCOW = Infobase(ZoneInfo("Europe/Moscow"), "RUB")
BERLIN = Infobase(ZoneInfo("Europe/Berlin"), "EUR")


def test_500_is_not_the_server_being_down_but_whatever_its_text_says(publication: Publication, erp: OneCErp) -> None:
    texts = ["Не обнаружено свободной лицензии!", "Установлена блокировка начала сеансов", "Деление на 0"]
    publication.answers(*[fault(text) for text in texts])
    seen = []

    for _ in texts:
        with pytest.raises(BridgeError) as caught:
            erp.ping(Deadline.after(5))
        seen.append((type(caught.value), caught.value.code))

    assert seen == [(Throttled, "erp_licence_missing"), (Throttled, "erp_maintenance"), (Unknown, "erp_failed")]


def test_dates_go_out_as_the_infobase_s_local_time_without_zone_or_fraction() -> None:
    assert MOSCOW.local(datetime(2026, 5, 14, 21, 30, 15, 999_999, UTC)).isoformat() == "2026-05-15T00:30:15"


def test_a_time_without_a_zone_is_never_written() -> None:
    with pytest.raises(ValueError, match="zone"):
        MOSCOW.local(datetime(2026, 5, 14))  # noqa: DTZ001


@pytest.mark.parametrize("written", [None, datetime(1, 1, 1), datetime(1, 1, 1, 15, 0)])  # noqa: DTZ001
def test_year_one_is_an_empty_date(written: datetime | None) -> None:
    assert MOSCOW.instant(written) is None


def test_a_date_that_comes_with_a_zone_means_what_it_says() -> None:
    assert MOSCOW.instant(datetime(2026, 5, 14, 12, tzinfo=UTC)) == datetime(2026, 5, 14, 12, tzinfo=UTC)


def test_in_the_hour_that_clocks_repeat_the_first_is_meant() -> None:
    assert BERLIN.instant(datetime(2026, 10, 25, 2, 30)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # noqa: DTZ001


def test_in_the_hour_that_clocks_skip_the_offset_before_the_change_holds() -> None:
    assert BERLIN.instant(datetime(2026, 3, 29, 2, 30)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # noqa: DTZ001


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_time_comes_back_as_it_went_but_for_the_fraction(at: datetime) -> None:
    infobase = Infobase(ZoneInfo("Asia/Tashkent"), "UZS")

    back = infobase.instant(infobase.local(at))

    # The repeated hour of a change of offset cannot be told apart without its zone.
    expected = at.replace(microsecond=0)
    assert back is not None
    assert (expected - back).total_seconds() in (0, 3600)


def test_cyrillic_names_of_service_and_operations_go_into_the_soap_action_as_utf_8(tmp_path: Path) -> None:
    wsdl = tmp_path / "service.wsdl"
    wsdl.write_text(WSDL.read_text().replace("#TicketBridge:", "#БилетныйМост:"))

    assert Codec(wsdl).soap_action(PING_OPERATION) == '"urn:ticket-bridge:1.0#БилетныйМост:Ping"'.encode()


def test_a_cyrillic_publication_is_reached(publication: Publication, client: Callable[..., OneCErp]) -> None:
    publication.answers(answer("Ping", PING))

    client(base_url=f"http://127.0.0.1:{publication.port}/Касса", service_path="/ws/Билеты").ping(Deadline.after(5))

    path = "/%D0%9A%D0%B0%D1%81%D1%81%D0%B0/ws/%D0%91%D0%B8%D0%BB%D0%B5%D1%82%D1%8B"
    assert publication.received[0].line == f"POST {path} HTTP/1.1".encode()


def test_one_element_of_a_list_is_a_list(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("ApplySeatCommands", seat_result("refused", "seats_taken", ["А-1"])))

    (result,) = erp.apply([Hold(uuid4(), "P1", ["А-1"], 600, "web")], Deadline.after(5))

    assert result.lost_seat_refs == ("А-1",)


def test_the_wsdl_is_read_from_disk_and_1c_is_not_needed_to_start(publication: Publication) -> None:
    create(OneCSettings.model_validate({"base_url": publication.url, "login": LOGIN, "password": PASSWORD}))

    assert publication.received == []


def test_the_address_in_the_wsdl_is_never_called(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("Ping", PING))

    erp.ping(Deadline.after(5))

    assert publication.received[0].line == b"POST /infobase/ws/ticketbridge.1cws HTTP/1.1"
    assert publication.received[0].headers[b"host"] == f"127.0.0.1:{publication.port}".encode()


def test_the_first_call_after_a_quiet_time_may_take_long(
    publication: Publication, client: Callable[..., OneCErp]
) -> None:
    def wake_up(_: object) -> bytes:
        time.sleep(1)
        return answer("Ping", PING)

    publication.script = wake_up

    assert client(read_s=0.5).ping(Deadline.after(30)).infobase == "Касса"


def test_posting_waits_longer_than_the_click_path(
    publication: Publication, client: Callable[..., OneCErp], posting: Posting
) -> None:
    publication.answers(silence(1.2))
    erp = client(read_s=0.5)
    started = time.monotonic()

    with pytest.raises(Unknown):
        erp.post([posting], Deadline.after(5))

    assert time.monotonic() - started > 1


@pytest.mark.parametrize(
    ("given_text", "written"),
    [
        ("Ёлкина  Анна\r\n", "Ёлкина Анна"),
        ("Анна 🎭 Ёлкина", "Анна Ёлкина"),
        ("a\x00b\x0bc\ufffe\ud800d", "abcd"),
        ("«ООО» <&>", "«ООО» <&>"),
        ("я" * 200, "я" * 150),
    ],
)
def test_text_is_written_as_1c_can_keep_it(given_text: str, written: str) -> None:
    assert text(given_text, 150) == written


@given(st.text())
def test_whatever_the_text_the_request_stays_readable(value: str) -> None:
    element = etree.Element("a")

    element.text = text(value, 50) + identifier(value)

    assert etree.fromstring(etree.tostring(element, encoding="utf-8")).tag == "a"


def test_an_id_that_cannot_be_written_finds_nothing_instead_of_another(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("ApplySeatCommands", seat_result("refused", "unknown_seat")))

    erp.apply([Hold(uuid4(), "P1", ["А-1\x00"], 600, "web")], Deadline.after(5))

    body = etree.fromstring(publication.received[0].body)
    assert [seat.text for seat in body.iter(f"{{{NAMESPACE}}}SeatId")] == ["А-1\ufffd"]


def test_neither_errors_nor_logs_repeat_what_1c_said_or_who_we_are(publication: Publication, erp: OneCErp) -> None:
    secrets = ("Иванов", "creationStack", "77u/", PASSWORD, LOGIN)
    body = '{"#exception":"x","exception":{"descr":"Покупатель Иванов","creationStack":"core83","data":"77u/"}}'
    publication.answers(fault("Покупатель Иванов"), http(500, body, "application/json"), http(200, "Иванов"))
    told = []

    with capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(BridgeError) as caught:
                erp.ping(Deadline.after(5))
            told.append(repr(caught.value) + str(caught.value) + repr(caught.value.params))

    assert len(lines) == 3
    assert not [secret for secret in secrets if secret in f"{told}{lines}"]


def test_a_value_that_cannot_be_read_is_not_logged_by_the_soap_library(
    publication: Publication, erp: OneCErp, caplog: pytest.LogCaptureFixture
) -> None:
    publication.answers(answer("Ping", PING.replace("2026-05-14T12:00:00", "Иванов")))

    with pytest.raises(Unknown):
        erp.ping(Deadline.after(5))

    assert "Иванов" not in caplog.text


def test_the_password_is_not_in_the_settings_repr() -> None:
    settings = OneCSettings.model_validate({"base_url": "http://h/b", "login": LOGIN, "password": PASSWORD})

    assert PASSWORD not in f"{settings!r}{settings}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "ftp://host/base"),
        ("base_url", "http:///base"),
        ("base_url", "http://user:pw@host/base"),
        ("base_url", "http://host/base?wsdl"),
        ("timezone", "Europe/Moskau"),
        ("timezone", "../etc/passwd"),
        ("currency", "руб"),
        ("sessions_max", 0),
        ("read_s", 0),
        ("sessions", "autouse"),
        ("unheard_of", 1),
    ],
)
def test_settings_that_cannot_work_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        OneCSettings.model_validate({"base_url": "http://h/b", "login": LOGIN, "password": PASSWORD, field: value})
