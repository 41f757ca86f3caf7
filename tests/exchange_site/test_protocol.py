"""The frame of the exchange: what every answer must look like for a 1C that is not forgiving."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
import requests

from bridge.exchange.nodes import Change, change_node
from sandbox.onec.site_client import ModuleClient, UnfClient, UtClient
from tests.exchange_site.conftest import PATH, Place, opened
from tests.exchange_site.goods import catalogue


def entered(place: Place, node: str = "ut", **more: object) -> UtClient:
    """A client that has logged in and initialised."""
    client = UtClient(place.wire(node, **more))
    client.check_auth("catalog")
    client.init("catalog")
    return client


def test_checkauth_says_the_cookie_in_its_body_and_in_its_header(place: Place) -> None:
    wire = place.wire("ut")
    said = wire.ask("catalog", "checkauth")

    assert "\r" not in said.text
    word, name, value = said.lines
    assert word == "success"
    assert said.headers["Set-Cookie"].startswith(f"{name}={value};")
    assert re.fullmatch(r"[A-Z_]+=[0-9a-f]{32}", f"{name}={value}")


def test_only_the_module_is_told_a_session_id_and_the_time(place: Place) -> None:
    place.add("module", "module31")
    place.add("unf", "unf")

    assert len(place.wire("unf").ask("catalog", "checkauth").lines) == 3
    _, _, token, sessid, timestamp = place.wire("module").ask("catalog", "checkauth").lines
    assert re.fullmatch(r"sessid=[0-9a-f]{32}", sessid)
    assert sessid != f"sessid={token}", "addresses are logged on the way: what stands in them lets nobody in"
    assert re.fullmatch(r"timestamp=\d{10}", timestamp)


@pytest.mark.parametrize(
    ("dialect", "client"),
    [("ut11", partial(UtClient, repeats_session_id=True)), ("unf", UnfClient), ("module31", ModuleClient)],
)
def test_a_session_id_that_is_switched_on_must_be_repeated(place: Place, dialect: str, client: Any) -> None:
    place.add("node", dialect)
    switch(place, "node", on=True)
    with place.worker():
        assert client(place.wire("node")).export_catalogue({"import.xml": catalogue("a")}).is_ok

    silent = place.wire("node")
    silent.ask("catalog", "checkauth")
    for arguments in ({}, {"sessid": "x"}, {"sessid": "й"}):
        said = silent.ask("catalog", "init", **arguments)
        assert said.lines == [
            "failure",
            "Идентификатора сессии нет, или он от другого обмена: включите его в 1С или выключите у узла.",
        ]
        assert silent.send("catalog", "b.xml", catalogue("b"), **arguments).word == "failure"
    assert place.states() == [("import.xml", "imported")]

    switch(place, "node", on=False)
    assert silent.ask("catalog", "init").word == "zip=no"


def test_the_session_id_of_another_exchange_does_not_do(place: Place) -> None:
    place.add("ut", "ut11")
    switch(place, "ut", on=True)
    one, two = (UtClient(place.wire("ut"), repeats_session_id=True) for _ in range(2))
    one.check_auth("catalog")
    two.check_auth("catalog")
    one.wire.echo, two.wire.echo = two.wire.echo, one.wire.echo

    assert [client.wire.ask("catalog", "init").word for client in (one, two)] == ["failure", "failure"]


def switch(place: Place, node: str, *, on: bool) -> None:
    with place.bridge.db.begin() as tx:
        change_node(tx, node, Change(wants_echo=on))


def test_init_is_two_lines_with_nothing_behind_them(place: Place) -> None:
    wire = place.wire("ut")
    wire.ask("catalog", "checkauth")

    for arguments in ({}, {"version": "2.09"}, {"cmlVersion": "2.10", "sessid": "x"}):
        assert wire.ask("catalog", "init", **arguments).text == "zip=no\nfile_limit=1000"


def test_post_is_as_good_as_get_for_every_mode(place: Place) -> None:
    client = entered(place, posts_everything=True)
    client.wire.send("catalog", "import0_1.xml", catalogue("a"))
    with place.worker():
        assert client.wire.ask("catalog", "import", filename="import0_1.xml").word == "success"
    assert client.wire.ask("catalog", "complete").word == "success"


def test_a_cookie_alone_carries_the_login(place: Place) -> None:
    client = entered(place, sends_basic=False)

    assert client.wire.send("catalog", "a.xml", catalogue("a")).text == "success"


def test_a_cookie_from_the_header_works_like_one_from_the_body(place: Place) -> None:
    login, password = place.wire("ut").login, place.nodes["ut"][1]
    with requests.Session() as browserlike:
        url = place.url + PATH
        browserlike.get(url, params={"type": "catalog", "mode": "checkauth"}, auth=(login, password), timeout=10)
        said = browserlike.get(url, params={"type": "catalog", "mode": "init"}, timeout=10)
    assert said.text.startswith("zip=no")


def test_basic_alone_finds_the_exchange_it_began(place: Place) -> None:
    wire = place.wire("ut")
    wire.ask("catalog", "checkauth")
    wire.ask("catalog", "init")
    wire.send("catalog", "import.xml", catalogue("a"))
    with place.worker():
        assert wire.ask("catalog", "import", filename="import.xml").word == "success"


def test_the_session_is_not_renewed_after_the_login(place: Place) -> None:
    client = entered(place)
    said = client.wire.send("catalog", "a.xml", catalogue("a"))

    assert "Set-Cookie" not in said.headers


@pytest.mark.parametrize(
    "login_and_password",
    [("ut", "wrong"), ("nobody", ""), ("", ""), ("ut' OR ''='", "x"), ("\u0442", "\u043f")],
)
def test_a_wrong_login_is_a_failure_with_status_200(place: Place, login_and_password: tuple[str, str]) -> None:
    wire = place.wire("ut")
    wire.login, wire.password = (text.encode() for text in login_and_password)  # type: ignore[assignment]
    for mode in ("checkauth", "init", "file", "import"):
        said = wire.ask("catalog", mode)
        assert (said.status, said.word, len(said.lines)) == (200, "failure", 2)


def test_a_proxy_that_drops_the_authorization_is_named(place: Place) -> None:
    said = requests.get(place.url + PATH, params={"type": "catalog", "mode": "checkauth"}, timeout=10)

    assert said.text.startswith("failure\n")
    assert "Authorization" in said.text


def test_the_cookie_of_another_node_is_refused(place: Place) -> None:
    one, two = entered(place, "one"), entered(place, "two")
    two.wire.cookie = one.wire.cookie

    assert two.wire.send("catalog", "a.xml", catalogue("a")).word == "failure"
    assert place.states() == []


def test_a_login_of_yesterday_is_over(place: Place) -> None:
    client = entered(place, sends_basic=False)
    place.pass_time(90_000)

    assert client.wire.ask("catalog", "init").word == "failure"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "type=catalog",
        "mode=init",
        "type=catalog&mode=nonsense",
        "type=crm&mode=query",
        "type=listen",
        "type=get_catalog&mode=query",
        "type=catalog&mode=%00",
        "type=%D0%BF&mode=%FF%FE",
        "type=reference&mode=deactivate",
        "type=catalog&mode=deactivate",
        "type=catalog&mode=deactivate&timestamp=999999999999",
        "type=catalog&mode=deactivate&timestamp=-1",
        "type=catalog&mode=file",
        "type=catalog&mode=import",
    ],
)
def test_what_is_not_understood_is_a_failure_that_says_so(place: Place, query: str) -> None:
    wire = place.wire("ut")
    auth = (wire.login, wire.password)
    for method in ("GET", "POST"):
        said = requests.request(method, f"{place.url}{PATH}?{query}", auth=auth, timeout=10)
        assert said.status_code == 200
        word, explanation = said.text.split("\n")
        assert word == "failure"
        assert 10 < len(explanation) < 255
        assert "<" not in explanation


def test_every_answer_declares_its_charset(place: Place) -> None:
    client = entered(place)
    for said in (client.wire.ask("catalog", "init"), client.wire.ask("чушь", "init"), client.wire.ask("catalog", "x")):
        assert said.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert "Content-Encoding" not in said.headers


def test_import_called_by_hand_in_a_browser_answers_a_word(place: Place) -> None:
    said = requests.get(f"{place.url}{PATH}?type=catalog&mode=import&filename=import.xml", timeout=10)

    assert said.text.startswith("failure\n")


def test_any_process_serves_any_request(place: Place, fresh_database: str) -> None:
    with opened(fresh_database, place.folder) as other:
        client = entered(place)
        here, there = client.wire.url, other.url + PATH
        body = catalogue(*(f"p{n}" for n in range(30)))
        for number, at in enumerate(range(0, len(body), 1000)):
            client.wire.url = (here, there)[number % 2]
            assert client.wire.send("catalog", "import0_1.xml", body[at : at + 1000]).text == "success"
        with other.worker():
            assert client.wire.ask("catalog", "import", filename="import0_1.xml").word == "success"

    assert len(place.products()) == 30


def test_the_database_away_is_a_failure_and_no_success(place: Place) -> None:
    client = entered(place)
    place.run("ALTER TABLE exchange_file RENAME TO away")
    said = client.wire.send("catalog", "a.xml", catalogue("a"))
    place.run("ALTER TABLE away RENAME TO exchange_file")

    assert (said.status, said.word) == (200, "failure")


def test_the_contract_of_the_api_does_not_speak_of_the_protocol_of_nodes(place: Place) -> None:
    contract = requests.get(f"{place.url}/openapi.json", timeout=10).json()

    assert not [path for path in contract["paths"] if "/exchange/1c" in path]
