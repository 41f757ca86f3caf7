"""The client and what 1C does to callers: each oddity of the interface is survived."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapters.onec.odata import address, values
from adapters.onec.odata.client import OdataClient, Query
from bridge.core.deadline import Deadline
from bridge.core.errors import IntegrityMismatch, Misconfigured, NotSent, Refused, Throttled, Unknown
from sandbox._base.server import SandboxServer
from sandbox.onec.app import OneCSandbox
from sandbox.onec.settings import Settings
from tests.adapters.odata.conftest import CARD, Seller, Stock, told, within

ORDERS = "Document_ЗаказКлиента"
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def card(**fields: Any) -> dict[str, Any]:
    return {"Date": "2026-05-14T12:30:00", "СуммаДокумента": Decimal("1220.10"), "Комментарий": str(uuid4()), **fields}


@pytest.fixture
def odd() -> Iterator[Callable[..., OdataClient]]:
    """A client of a web server that answers one thing to everything."""
    running: list[SandboxServer] = []

    def serve(status: str, body: bytes = b"", **headers: str) -> OdataClient:
        def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            start(status, list(headers.items()))
            return [body]

        running.append(SandboxServer(app))
        running[-1].start()
        return OdataClient(told(running[-1].url))

    yield serve
    for server in running:
        server.stop()


def test_spaces_go_as_percent_20(stock: Stock, seller: Seller) -> None:
    seller.sell()

    assert "+" not in address.query({"$filter": "a eq 'b c'"})
    assert len(list(stock.client.rows(ORDERS, Query("Posted eq true and DeletionMark eq false"), within()))) == 1


@pytest.mark.parametrize("words", ["Ёлки 'и' палки", "100% + 1 & все #1?", "a/b\\c"])
def test_any_text_can_be_looked_for(stock: Stock, words: str) -> None:
    stock.client.create(CARD, card(Комментарий=words), within())

    (row,) = stock.client.rows(CARD, Query(f"Комментарий eq {address.text(words)}"), within())
    (same,) = stock.client.rows(CARD, Query(f"substringof({address.text(words)},Комментарий)"), within())

    assert row["Комментарий"] == words
    assert same == row


def test_literals_are_those_of_odata_3() -> None:
    assert address.guid("6C5F3A0E-54C1-4A55-9D0C-3C1D4F0C1C11") == "guid'6c5f3a0e-54c1-4a55-9d0c-3c1d4f0c1c11'"
    with pytest.raises(ValueError, match="badly formed"):
        address.guid("x' or true")


def test_filters_are_split_before_an_address_grows_too_long() -> None:
    conditions = [f"Ref_Key eq {address.guid(uuid4())}" for _ in range(100)]

    filters = list(address.any_of(conditions))

    assert [one for each in filters for one in each.split(address.OR)] == conditions
    assert all(len(address.query({"$filter": each})) < 2100 for each in filters)
    assert len(filters) < 10


def test_pages_are_read_in_an_order_and_lose_nothing(stock: Stock) -> None:
    written = {stock.client.create(CARD, card(), within())["Ref_Key"] for _ in range(7)}

    ordered = {row["Ref_Key"] for row in stock.client.rows(CARD, Query(), within(), page_rows=3)}
    unordered = {row["Ref_Key"] for row in stock.client.rows(CARD, Query(order_by=""), within(), page_rows=3)}

    assert ordered == written
    assert unordered != written  # control: the order is what saves the rows


def test_amounts_never_pass_through_a_float(odd: Callable[..., OdataClient], stock: Stock) -> None:
    exact = odd("200 OK", b'{"value": [{"a": 0.1000000000000000055511151231257827}]}')

    (row,) = exact.page("X", Query(), within())
    kept = stock.client.create(CARD, card(СуммаДокумента=Decimal("4503599627370.01")), within())

    assert row["a"] == Decimal("0.1000000000000000055511151231257827")
    assert kept["СуммаДокумента"] == Decimal("4503599627370.01")
    assert values.write({"a": Decimal("1220.10"), "б": [True, "я", 1]}) == '{"a":1220.10,"б":[true,"я",1]}'


def test_an_object_that_is_not_there_is_none(stock: Stock) -> None:
    assert stock.client.get(CARD, uuid4(), within()) is None


def test_a_set_that_is_not_ticked_needs_a_human(stock: Stock) -> None:
    stock.control("/_settings", {"odata_unpublished": CARD})

    with pytest.raises(Misconfigured, match="erp_not_published"):
        stock.client.get(CARD, uuid4(), within())


def test_expanding_a_table_part_needs_a_human_and_a_reference_is_expanded(stock: Stock, seller: Seller) -> None:
    seller.sell()

    with pytest.raises(Misconfigured, match="erp_not_supported"):
        stock.client.page(ORDERS, Query(expand=["Товары"]), within())
    (row,) = stock.client.page(
        ORDERS, Query(expand=["Контрагент"], select=["Number", "Контрагент/Description"]), within()
    )
    assert row["Контрагент"]["Description"] == "Ёлкина Анна"


@pytest.mark.parametrize("stock", ["unf30"], indirect=True)
def test_an_address_of_a_new_object_in_raw_cyrillic_breaks_nothing(stock: Stock) -> None:
    # The letter "х" holds the byte 0x85, at which careless readers of headers begin a new line.
    row = stock.client.create("Document_РасходСоСчета", {"Комментарий": "я"}, within())

    assert row["Комментарий"] == "я"


def test_a_stale_version_is_noticed_before_writing_because_1c_does_not(stock: Stock) -> None:
    client = stock.client
    first = client.create(CARD, card(), within())
    client.change(CARD, first["Ref_Key"], {"Комментарий": "их"}, within(), version=first["DataVersion"])

    with pytest.raises(Refused, match="erp_changed_meanwhile"):
        client.change(CARD, first["Ref_Key"], {"Комментарий": "наш"}, within(), version=first["DataVersion"])

    assert stock.drafts()[0]["Комментарий"] == "их"


LOSSES: list[tuple[dict[str, Any], str]] = [
    ({"Выдумка": "x"}, "Выдумка"),
    ({"НазначениеПлатежа": "ш" * 238}, "НазначениеПлатежа"),
    ({"Posted": True}, "Posted"),
    ({"Ref_Key": "11111111-1111-4111-8111-111111111111"}, "Ref_Key"),
    ({"РасшифровкаПлатежа": [{"LineNumber": "1", "Сумма": 1, "Нет": 2}]}, "РасшифровкаПлатежа[1].Нет"),
]


@pytest.mark.parametrize(("fields", "name"), LOSSES)
def test_what_1c_loses_with_200_is_named(stock: Stock, fields: dict[str, Any], name: str) -> None:
    with pytest.raises(IntegrityMismatch) as on_create:
        stock.client.create(CARD, card(**fields), within())
    (draft,) = stock.drafts()
    with pytest.raises(IntegrityMismatch) as on_change:
        stock.client.change(CARD, draft["Ref_Key"], fields, within())

    assert [error.value.params["fields"] for error in (on_create, on_change)] == [name, name]


def test_words_in_a_whole_number_become_zero_and_are_named(stock: Stock, seller: Seller) -> None:
    seller.sell()
    (order,) = stock.client.page(ORDERS, Query(), within())

    with pytest.raises(IntegrityMismatch) as caught:
        stock.client.change(ORDERS, order["Ref_Key"], {"МаксимальныйКодСтроки": "два"}, within())
    assert caught.value.params["fields"] == "МаксимальныйКодСтроки"

    kept = stock.client.change(ORDERS, order["Ref_Key"], {"МаксимальныйКодСтроки": 2}, within())
    assert kept["МаксимальныйКодСтроки"] == "2"


def test_a_reference_to_nothing_comes_back_as_it_was_sent(stock: Stock) -> None:
    nobody = "6c5f3a0e-54c1-4a55-9d0c-3c1d4f0c1c11"

    row = stock.client.create(CARD, card(Контрагент_Key=nobody), within())

    assert row["Контрагент_Key"] == nobody  # so that only the check of a mapping can find it


def test_the_same_value_in_other_clothes_is_no_loss(stock: Stock) -> None:
    row = stock.client.create(
        CARD,
        card(
            Контрагент_Key="6C5F3A0E-54C1-4A55-9D0C-3C1D4F0C1C11",
            РасшифровкаПлатежа=[{"LineNumber": number, "Сумма": Decimal("610.050")} for number in (1, 2)],
        ),
        within(),
    )

    assert row["РасшифровкаПлатежа"][1]["LineNumber"] == "2"


def test_a_table_part_is_replaced_as_a_whole(stock: Stock) -> None:
    rows = [{"LineNumber": str(number), "Сумма": 1} for number in (1, 2, 3)]
    written = stock.client.create(CARD, card(РасшифровкаПлатежа=rows), within())

    changed = stock.client.change(CARD, written["Ref_Key"], {"РасшифровкаПлатежа": rows[:1]}, within())

    assert len(changed["РасшифровкаПлатежа"]) == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"Контрагент_Key": "не ссылка"}, "erp_value_refused"),
        ({"РасшифровкаПлатежа": [{"LineNumber": "2"}]}, "erp_value_refused"),
        ({"СуммаДокумента": Decimal(-1)}, "erp_handler_refused"),
    ],
)
def test_a_refused_value_proves_that_nothing_was_written(stock: Stock, fields: dict[str, Any], error: str) -> None:
    with pytest.raises(Refused, match=error):
        stock.client.create(CARD, card(**fields), within())

    assert stock.drafts() == []


def test_rows_without_a_line_number_are_an_internal_error_which_proves_nothing(stock: Stock) -> None:
    with pytest.raises(Unknown, match="erp_failed"):
        stock.client.create(CARD, card(РасшифровкаПлатежа=[{"Сумма": 1}]), within())


def test_a_write_that_could_not_be_read_back_is_not_reported_as_not_done(stock: Stock) -> None:
    stock.arm("odata.read", "licence")

    with pytest.raises(Unknown, match="erp_not_read_back"):
        stock.client.create(CARD, card(), within())

    assert len(stock.drafts()) == 1


def test_posting_and_unposting_are_believed_only_when_the_document_says_so(stock: Stock) -> None:
    key = stock.client.create("Document_ЗаказКлиента", {"Комментарий": "x"}, within())["Ref_Key"]

    assert stock.client.post(ORDERS, key, within())["Posted"] is True
    assert stock.client.unpost(ORDERS, key, within())["Posted"] is False
    stock.arm("odata.post", "garbage_200")
    with pytest.raises(Unknown, match="erp_not_posted"):
        stock.client.post(ORDERS, key, within())


@pytest.mark.parametrize("kind", ["silence", "late"])
def test_a_deadline_cuts_a_call_and_proves_nothing(stock: Stock, kind: str) -> None:
    stock.arm("odata.create", kind, seconds=3)

    with pytest.raises(Unknown):
        stock.client.create(CARD, card(), within(0.5))


def test_no_time_sends_nothing(stock: Stock) -> None:
    with pytest.raises(NotSent):
        stock.client.create(CARD, card(), Deadline.after(0))

    assert stock.calls("odata.create") == 0


def test_a_redirect_is_not_followed(odd: Callable[..., OdataClient]) -> None:
    client = odd("302 Found", Location="http://127.0.0.1:1/elsewhere")

    with pytest.raises(Misconfigured, match="erp_redirected"):
        client.get(CARD, uuid4(), within())


def test_a_wrong_password_needs_a_human(stock: Stock) -> None:
    client = OdataClient(told(f"{stock.server.url}/infobase", password="не тот"))

    with pytest.raises(Misconfigured, match="erp_unauthorized"):
        client.get(CARD, uuid4(), within())


@pytest.mark.parametrize(
    ("kind", "error"), [("licence", Throttled), ("maintenance", Throttled), ("lock_conflict", Throttled)]
)
def test_what_1c_says_of_itself_means_the_same_as_over_soap(stock: Stock, kind: str, error: type[Exception]) -> None:
    stock.arm("odata.create", kind, times=1)

    with pytest.raises(error):
        stock.client.create(CARD, card(), within())

    assert stock.drafts() == []


def test_a_page_of_a_proxy_is_no_answer(odd: Callable[..., OdataClient]) -> None:
    client = odd("200 OK", b"<html>It works!</html>", **{"Content-Type": "text/html"})

    with pytest.raises(Unknown, match="erp_answer_unreadable"):
        client.page(CARD, Query(), within())


def test_the_published_metadata_is_read(stock: Stock) -> None:
    found = stock.client.metadata(within())

    assert found.fields(ORDERS) is not None
    assert found.part(CARD, "РасшифровкаПлатежа") is not None
    assert found.can(CARD, "Post")
    assert not found.can("Catalog_Контрагенты", "Post")


def test_metadata_of_many_megabytes_is_read(odd: Callable[..., OdataClient]) -> None:
    with OneCSandbox(Settings(season="tiny")) as running:
        small = OdataClient(told(f"{running.url}/infobase")).call("GET", "$metadata", {}, within()).body
    kind = b'<EntityType Name="Catalog_%d">' + b'<Property Name="X" Type="Edm.String"/>' * 50 + b"</EntityType>"
    many = b"".join(kind % number for number in range(4000))
    large = small.replace(b"<EntityContainer ", many + b"<EntityContainer ", 1)
    assert len(large) > 7_000_000

    found = odd("200 OK", large).metadata(within(60))

    assert found.types["Catalog_3999"] == {"X": "Edm.String"}
    assert found.fields(ORDERS) is not None


@pytest.mark.parametrize("body", [b"", b"<html>", b"<a/>", b'{"odata.error": {}}'])
def test_metadata_that_is_none_is_unreadable(odd: Callable[..., OdataClient], body: bytes) -> None:
    with pytest.raises(Unknown, match="erp_metadata_unreadable"):
        odd("200 OK", body).metadata(within())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openssl = shutil.which("openssl") or pytest.skip("needs the openssl program to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", folder / "key"]
    subject = ["-subj", "/CN=1c", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-out", folder / "cert"]
    subprocess.run([openssl, "req", "-x509", *key, *subject], check=True, capture_output=True)
    return folder / "cert"


def test_only_a_certificate_named_in_the_settings_or_a_public_one_is_trusted(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key"))

    def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        return [b'{"value": []}']

    with SandboxServer(app) as server:
        server._listener.socket = context.wrap_socket(server._listener.socket, server_side=True)
        address = server.url.replace("http:", "https:")

        assert OdataClient(told(address, ca_file=certificate)).page("X", Query(), within(5)) == []
        with pytest.raises(Misconfigured, match="certificate_refused"):
            OdataClient(told(address)).page("X", Query(), within(5))
