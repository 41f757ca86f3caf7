"""What nodes sent and what they were answered, over the API: for admins alone, byte for byte."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
import requests

from bridge.channels.service import Scope, add_client
from sandbox.onec.site_client import UtClient
from tests.exchange_site.conftest import Place
from tests.exchange_site.goods import catalogue, offers
from tests.exchange_site.test_protocol import entered


@pytest.fixture
def keys(place: Place) -> dict[Scope, str]:
    with place.bridge.db.begin() as tx:
        return {scope: add_client(tx, scope.value, "web", [scope]) for scope in (Scope.ADMIN, Scope.SELL)}


def get(place: Place, key: str, path: str = "", **query: Any) -> requests.Response:
    return requests.get(
        f"{place.url}/v1/exchange/runs{path}", params=query, headers={"Authorization": f"Bearer {key}"}, timeout=10
    )


def test_a_run_is_listed_with_its_files_and_what_became_of_them(place: Place, keys: dict[Scope, str]) -> None:
    with place.worker():
        UtClient(place.wire("ut")).export_catalogue({"import.xml": catalogue("a", "b"), "bad.xml": b"<half"})

    (run,) = get(place, keys[Scope.ADMIN], node="ut").json()["runs"]
    assert [(file["file"], file["state"]) for file in run["files"]] == [
        ("import.xml", "imported"),
        ("bad.xml", "failed"),
    ]
    assert run["files"][0]["report"]["products"] == 2
    assert "not CommerceML" in run["files"][1]["error"]
    assert get(place, keys[Scope.ADMIN], node="other").json() == {"runs": []}
    assert get(place, keys[Scope.ADMIN], before=run["run"]).json() == {"runs": []}


def test_the_bytes_of_files_and_answers_are_those_that_went_over_the_wire(place: Place, keys: dict[Scope, str]) -> None:
    body = catalogue("a")
    client = entered(place)
    init = client.wire.ask("catalog", "init")
    client.wire.send("catalog", "import.xml", body)
    refused = client.wire.send("catalog", "../x", b"1")

    admin = keys[Scope.ADMIN]
    (run,) = get(place, admin).json()["runs"]
    details = get(place, admin, f"/{run['run']}").json()
    file = get(place, admin, f"/{run['run']}/files/{details['files'][0]['id']}")
    assert (file.content, file.headers["X-Content-Type-Options"]) == (body, "nosniff")
    said = {reply["request"]: reply for reply in details["replies"]}
    assert said["init"]["text"] == init.text
    assert said["file ../x"]["text"] == refused.text
    raw = get(place, admin, f"/{run['run']}/replies/{said['init']['id']}")
    assert raw.content == init.text.encode()


def test_the_token_of_a_visit_is_not_kept(place: Place, keys: dict[Scope, str]) -> None:
    client = entered(place)
    token = client.wire.cookie.partition("=")[2]
    (run,) = get(place, keys[Scope.ADMIN]).json()["runs"]
    said = get(place, keys[Scope.ADMIN], f"/{run['run']}").text

    assert "checkauth" in said
    assert token
    assert token not in said


def test_the_orders_a_node_was_given_are_kept_as_it_got_them(place: Place, keys: dict[Scope, str]) -> None:
    client = entered(place)
    client.check_auth("sale")
    document = client.wire.ask("sale", "query").text
    run = get(place, keys[Scope.ADMIN]).json()["runs"][0]["run"]
    said = get(place, keys[Scope.ADMIN], f"/{run}").json()["replies"]
    (reply,) = [one for one in said if one["request"] == "query"]

    assert get(place, keys[Scope.ADMIN], f"/{run}/replies/{reply['id']}").text == document


def test_the_same_answer_again_is_counted_and_not_stored_again(place: Place, keys: dict[Scope, str]) -> None:
    client = entered(place)
    for _ in range(3):
        client.wire.ask("catalog", "import", filename="never.xml")
    run = get(place, keys[Scope.ADMIN]).json()["runs"][0]["run"]
    (reply,) = [
        one
        for one in get(place, keys[Scope.ADMIN], f"/{run}").json()["replies"]
        if one["request"] == "import never.xml"
    ]

    assert reply["times"] == 3


def test_a_file_out_of_an_archive_is_that_file(place: Place, keys: dict[Scope, str]) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("offers0_1.xml", offers("a#1"))
    client = entered(place)
    client.wire.send("catalog", "v8_1.zip", packed.getvalue())
    with place.worker():
        assert client.wire.ask("catalog", "import", filename="offers0_1.xml").word == "success"
    run = get(place, keys[Scope.ADMIN]).json()["runs"][0]
    ids = {file["file"]: file["id"] for file in run["files"]}

    assert get(place, keys[Scope.ADMIN], f"/{run['run']}/files/{ids['offers0_1.xml']}").content == offers("a#1")
    assert get(place, keys[Scope.ADMIN], f"/{run['run']}/files/{ids['v8_1.zip']}").content == packed.getvalue()


@pytest.mark.parametrize(
    ("path", "scope", "code"),
    [
        ("", Scope.SELL, "scope_missing"),
        ("/1/files/1", Scope.SELL, "scope_missing"),
        ("/999", Scope.ADMIN, "exchange_run_unknown"),
        ("/999/files/1", Scope.ADMIN, "exchange_file_unknown"),
        ("/999/replies/1", Scope.ADMIN, "exchange_file_unknown"),
    ],
)
def test_others_and_unknown_runs_are_refused_with_a_code(
    place: Place, keys: dict[Scope, str], path: str, scope: Scope, code: str
) -> None:
    assert get(place, keys[scope], path).json()["code"] == code


def test_a_file_of_another_run_is_not_found_under_this_one(place: Place, keys: dict[Scope, str]) -> None:
    entered(place).wire.send("catalog", "a.xml", catalogue("a"))
    entered(place).wire.send("catalog", "b.xml", catalogue("b"))
    newer, older = get(place, keys[Scope.ADMIN]).json()["runs"]

    found = get(place, keys[Scope.ADMIN], f"/{newer['run']}/files/{older['files'][0]['id']}")
    assert found.json()["code"] == "exchange_file_unknown"
