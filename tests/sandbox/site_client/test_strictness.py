"""The simulated 1C as a client is as unforgiving as the real one; played against sites that answer wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from sandbox._base.server import SandboxServer
from sandbox.onec.site_client import Books, ExchangeFailed, UnfClient, UtClient, Wire

GOOD = {"checkauth": "success\nC\nv", "init": "zip=no\nfile_limit=10", "file": "success", "import": "success"}
ROOT = '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация>{}</КоммерческаяИнформация>'


class Site:
    """Answers each mode with the given text, and remembers what it was asked."""

    def __init__(self, answers: dict[str, Any], status: str = "200 OK") -> None:
        self.answers = {**GOOD, **answers}
        self.status = status
        self.asked: list[tuple[str, str, bytes]] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        self.asked.append((query["mode"], environ.get("HTTP_COOKIE", ""), environ["wsgi.input"].read()))
        answer = self.answers[query["mode"]]
        text = answer.pop(0) if isinstance(answer, list) else answer
        start_response(self.status, [("Content-Type", "text/plain; charset=utf-8"), ("Set-Cookie", "other=1")])
        return [text.encode()]


@pytest.fixture
def play() -> Iterator[Callable[..., Any]]:
    opened: list[SandboxServer] = []

    def playing(client: Any, site: Site) -> Any:
        server = SandboxServer(site)
        server.start()
        opened.append(server)
        return client(Wire(server.url, "u", "p", timeout_s=5))

    yield playing
    for server in opened:
        server.stop()


def test_files_are_cut_at_the_limit_under_the_cookie_of_the_body(play: Any) -> None:
    site = Site({"import": ["progress\nстроки 1", "success"]})
    report = play(UtClient, site).export_catalogue({"a.xml": b"0123456789abc"})

    assert report.is_ok
    assert report.progress == 1
    assert [body for mode, _, body in site.asked if mode == "file"] == [b"0123456789", b"abc"]
    assert {cookie for mode, cookie, _ in site.asked if mode != "checkauth"} == {"C=v"}


@pytest.mark.parametrize("init", ["zip=no\nfile_limit=10\n", "zip=no", "zip=no\nfile_limit=10\n\nversion=2.09"])
def test_ut_counts_the_lines_of_init(play: Any, init: str) -> None:
    with pytest.raises(ExchangeFailed, match="Параметры обмена не получены"):
        play(UtClient, Site({"init": init})).export_catalogue({"a.xml": b"x"})


@pytest.mark.parametrize("answer", ["", "ok", "<b>Notice</b>\nsuccess", "\nsuccess", "\ufeffsuccess"])
def test_anything_but_a_status_word_stops_the_upload(play: Any, answer: str) -> None:
    with pytest.raises(ExchangeFailed, match="Не получен статус"):
        play(UtClient, Site({"file": answer})).export_catalogue({"a.xml": b"x"})


def test_a_carriage_return_spoils_the_cookie(play: Any) -> None:
    site = Site({"checkauth": "success\r\nC\r\nv\r\n"})
    with pytest.raises(requests.exceptions.InvalidHeader):
        play(UtClient, site).export_catalogue({"a.xml": b"x"})


def test_ut_goes_on_after_a_failed_file_and_unf_stops(play: Any) -> None:
    files = {"a.xml": b"x", "b.xml": b"x"}
    ut = play(UtClient, Site({"import": ["failure\nx", "success"]})).export_catalogue(files)
    unf = play(UnfClient, Site({"import": ["failure\nx", "success"]})).export_catalogue(files)

    assert (list(ut.failed), list(ut.imported)) == (["a.xml"], ["b.xml"])
    assert (list(unf.failed), list(unf.imported)) == (["a.xml"], [])


def test_unf_takes_another_status_for_silence(play: Any) -> None:
    with pytest.raises(ExchangeFailed, match="Нет ответа"):
        play(UnfClient, Site({}, status="500 Broken")).export_catalogue({"a.xml": b"x"})


def document(
    number: str = "1", currency: str = "RUB", operation: str = "Заказ товара", goods: str = "a", unit: str = "шт"
) -> str:
    return (
        f"<Документ><Ид>x</Ид><Номер>{number}</Номер><ХозОперация>{operation}</ХозОперация><Валюта>{currency}</Валюта>"
        "<Сумма>1</Сумма><Контрагенты><Контрагент><Наименование>n</Наименование></Контрагент></Контрагенты>"
        f"<Товары><Товар><Ид>{goods}</Ид><БазоваяЕдиница>{unit}</БазоваяЕдиница><Сумма>1</Сумма></Товар></Товары></Документ>"
    )


@pytest.mark.parametrize(
    "query",
    [
        "",
        "\n" + ROOT.format(""),
        "\ufeff" + ROOT.format(""),
        "failure\nx",
        ROOT.format(document(number="123456789012")),
        ROOT.format(document(number="A-12")),
        ROOT.format(document() + document()),
        ROOT.format(document(currency="")),
        ROOT.format(document(operation="Отпуск товара")),
        ROOT.format(document(goods="unknown")),
        ROOT.format(document(unit="")),
        ROOT.format(document().replace("<Ид>x</Ид><Номер>1</Номер>", "<Номер>1</Номер><Ид>x</Ид>")),
        ROOT.format(f"<Контейнер>{document()}</Контейнер>"),
        ROOT.format("\u000b" + document()),
        ROOT.format(document())[:-5],
    ],
)
def test_orders_it_cannot_read_are_not_confirmed_and_none_of_them_is_kept(play: Any, query: str) -> None:
    site, books = Site({"query": query, "success": "success"}), Books({"a"})
    with pytest.raises(ExchangeFailed):
        play(UtClient, site).fetch_orders(books)

    assert books.orders == {}
    assert "success" not in [mode for mode, _, _ in site.asked]


def test_orders_it_can_read_are_kept_and_confirmed(play: Any) -> None:
    site, books = Site({"query": ROOT.format(document()), "success": "success"}), Books({"a"})

    assert play(UtClient, site).fetch_orders(books) == ["1"]
    assert [mode for mode, _, _ in site.asked] == ["checkauth", "query", "success"]
