"""The whole broker with its postings over OData: money ends as one document on its order in a stock 1C."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.bootstrap import build
from bridge.channels.model import Rules
from bridge.channels.service import Scope, add_client, set_rules
from bridge.web.app import create_app
from sandbox.onec.app import OneCSandbox
from sandbox.onec.settings import Settings as OneCSwitches
from sandbox.providers.yookassa import Config, YooKassaServer
from tests.exchange.stage import SECRET, Stage, served, settings_for

A = "P-01-01"


@pytest.fixture(params=["ut11", "bp30", "unf30"])
def stage(request: pytest.FixtureRequest, fresh_database: str) -> Iterator[Stage]:
    switches = OneCSwitches(season="tiny", configuration=request.param, licences=30)
    with OneCSandbox(switches) as onec, YooKassaServer(Config(secret_key=SECRET)) as yoo:
        settings = settings_for(fresh_database, onec, yoo)
        assert settings.onec
        stock = settings.onec.model_copy(update={"postings": "odata", "mapping": request.param})
        bridge = build(settings.model_copy(update={"onec": stock}), connections_max=12)
        found = Stage(bridge, onec, yoo)
        with served(create_app(bridge)) as found.url, found.web:
            yoo.parts.webhooks.url = f"{found.url}/hooks/yookassa/main"
            with bridge.db.begin() as tx:
                set_rules(tx, Rules("web", 600, 5400, 10))
                found.key = add_client(tx, "shop", "web", tuple(Scope))
            found.sync()
            yield found
        bridge.close()


def test_a_sale_ends_as_one_document_with_1c_s_own_number(stage: Stage) -> None:
    order, _ = stage.sold(A)

    (document,) = stage.audit()["documents"]
    (payment,) = stage.get(f"/v1/orders/{order['id']}")["payments"]
    assert (document["order_id"], document["kind"]) == (order["id"], "payment")
    assert (payment["posting"]["state"], payment["posting"]["number"]) == ("posted", document["number"])
    assert stage.undone() == []


@pytest.mark.parametrize("step", ["create", "post"])
def test_a_lost_answer_ends_as_one_document_as_well(stage: Stage, step: str) -> None:
    stage.break_onec(f"odata.{step}", "commit_then_drop")

    order, _ = stage.sold(A)
    assert stage.undone() != []
    stage.work(is_later=True)

    assert len(stage.documents(order)) == 1
    assert sum(map(len, stage.audit()["odata"].values())) == 1
    assert stage.undone() == []
