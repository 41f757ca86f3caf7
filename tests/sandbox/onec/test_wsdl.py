from __future__ import annotations

from pathlib import Path

import pytest
import requests
import zeep
from lxml import etree
from zeep.transports import Transport

CONTRACT = Path(__file__).parents[3] / "adapters" / "onec" / "ticket_bridge.wsdl"
ADDRESS = "{http://schemas.xmlsoap.org/wsdl/soap/}address"


def canonical(raw: bytes) -> str:
    root = etree.fromstring(raw)
    for place in root.iter("{*}address"):
        place.set("location", "")
    return etree.canonicalize(etree.tostring(root).decode(), strip_text=True)


def test_the_wsdl_is_the_contract_that_ships_with_the_adapter(onec):
    published = onec.http.get(onec.sandbox.service_url + "?wsdl")

    assert published.status_code == 200
    assert canonical(published.content) == canonical(CONTRACT.read_bytes())


def test_the_wsdl_names_the_address_it_is_served_at(onec):
    published = etree.fromstring(onec.http.get(onec.sandbox.service_url + "?wsdl").content)

    assert {each.get("location") for each in published.iter("{*}address")} == {onec.sandbox.service_url}


def test_a_wrong_address_can_be_published_as_behind_a_proxy(onec):
    onec.control("/_settings", wsdl_address="http://srv-1c.local/infobase/ws/ticketbridge.1cws")

    published = etree.fromstring(onec.http.get(onec.sandbox.service_url + "?wsdl").content)

    assert published.find(f".//{ADDRESS}").get("location") == "http://srv-1c.local/infobase/ws/ticketbridge.1cws"


def test_a_drifted_wsdl_and_its_answers_carry_one_field_more(onec):
    onec.arm("drift")

    published = onec.http.get(onec.sandbox.service_url + "?wsdl").text
    seats = onec.send("GetSeats", PerformanceId=onec.performance).text

    assert '<xs:element name="Category" type="xs:string"/>' in published
    assert "<m:Category/>" in seats


def test_the_wsdl_needs_the_same_credentials(onec):
    refused = requests.get(onec.sandbox.service_url + "?wsdl", timeout=5)

    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "text/html" in refused.headers["Content-Type"]


@pytest.mark.parametrize("binding", ["TicketBridgeSoapBinding", "TicketBridgeSoap12Binding"])
def test_zeep_speaks_with_it_over_either_binding(onec, binding):
    client = zeep.Client(str(CONTRACT), transport=Transport(session=onec.http))
    service = client.create_service(f"{{urn:ticket-bridge:1.0}}{binding}", onec.sandbox.service_url)

    changes = service.GetChanges(Cursor="", Limit=1000)

    assert len(changes.Seats.Seat) == 40
    assert changes.Performances.Performance[0].StartsAt.tzinfo is None
