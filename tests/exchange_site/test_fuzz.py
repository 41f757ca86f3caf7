"""Whatever is sent, the answer is a word of the protocol, nothing breaks, and nothing leaves the exchange's folder."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from flask_openapi3 import OpenAPI
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from bridge.exchange.runs_site import Rules
from bridge.local.postgres import Postgres
from bridge.web.app import create_app
from tests.conftest_servers import _create
from tests.exchange_site.conftest import PATH, Place, opened
from tests.exchange_site.goods import catalogue
from tests.fuzzing import bounded

pytestmark = pytest.mark.fuzz

KINDS = st.sampled_from(["catalog", "sale", "reference", "crm", ""]) | st.text(max_size=20)
MODES = st.sampled_from(["checkauth", "init", "file", "import", "query", "success", "info", "complete", "deactivate"])
NAMES = st.sampled_from(["import.xml", "a.zip", "../x", "a/b.jpg"]) | st.text(max_size=40)
BODIES = st.binary(max_size=300) | st.sampled_from(
    [catalogue("a"), catalogue("a")[:200], catalogue("a")[200:], b"PK\x03\x04"]
)
STEPS = st.lists(st.tuples(KINDS, MODES | st.text(max_size=10), NAMES, BODIES, st.text(max_size=12)), max_size=8)
WORDS = {"success", "failure", "progress", "zip=no"}


@pytest.fixture(scope="module")
def house(
    postgres_server: Postgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("fuzz")
    with opened(
        postgres_server.url(_create(postgres_server, template_database)), folder / "data", Rules(hold_s=0.01)
    ) as place:
        place.add("ut", "ut11")
        yield place


@pytest.fixture(scope="module")
def app(house: Place) -> OpenAPI:
    return create_app(house.bridge)


@bounded(100)
@given(steps=STEPS)
def test_any_sequence_of_requests_is_answered_in_words_of_the_protocol(
    house: Place, app: OpenAPI, steps: list[tuple[str, ...]]
) -> None:
    client = Client(app)
    login, password = house.nodes["ut"]
    basic = "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()
    house.run("UPDATE exchange_run SET touched_at = touched_at - interval '2 hours'")
    for kind, mode, name, body, stamp in steps:
        query = {"type": kind, "mode": mode, "filename": name, "timestamp": stamp}
        said = client.post(PATH, query_string=query, data=body, headers={"Authorization": basic})
        assert said.status_code == 200
        if said.text.startswith("<?xml"):
            assert mode in {"query", "info"}
        else:
            assert said.text.split("\n")[0] in WORDS
            assert "Наша ошибка" not in said.text, said.text
        house.work()
    outside = [path for path in house.folder.parent.rglob("*") if path.is_file() and house.folder not in path.parents]
    assert outside == []


@bounded(200)
@given(headers=st.dictionaries(st.sampled_from(["Authorization", "Cookie", "Content-Type"]), st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)))  # fmt: skip
def test_any_header_is_a_failure_or_a_success(house: Place, app: OpenAPI, headers: dict[str, str]) -> None:
    client = Client(app)
    said = client.get(PATH, query_string={"type": "catalog", "mode": "init"}, headers=headers)

    assert said.status_code == 200
    assert said.text.split("\n")[0] == "failure"
    assert "Наша ошибка" not in said.text, (headers, said.text)
