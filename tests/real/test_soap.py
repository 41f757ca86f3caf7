"""Every file of SOAP that FIXTURES holds: contracts 1C published, and messages, as the adapter's own parser reads them.

``FIXTURES`` names a folder with ``onec/wsdl`` and ``onec/soap``; without it these tests are skipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET  # another parser than the adapter's

import pytest
from zeep import Client, Settings

from adapters.onec.codec import SOAP_ENVELOPES, parse

FOLDER = os.environ.get("FIXTURES")
CONTRACTS = sorted(Path(FOLDER, "onec", "wsdl").glob("*.wsdl")) if FOLDER else []
MESSAGES = sorted(Path(FOLDER, "onec", "soap").glob("*.xml")) if FOLDER else []
TAG = re.compile(r"<(?![!?/])[^<>]*>")
HIDDEN = re.compile(r"<!\[CDATA\[.*?\]\]>|<!--.*?-->", re.DOTALL)

pytestmark = pytest.mark.skipif(not CONTRACTS, reason="FIXTURES names no folder with SOAP files")


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.name)
def test_a_contract_1c_published_is_read_with_every_operation(path: Path, confirmed: Callable[..., None]) -> None:
    content = path.read_text(encoding="utf-8-sig")
    (port_type,) = re.findall(r"<(?:\w+:)?portType\b.*?</(?:\w+:)?portType>", content, re.DOTALL)
    written = set(re.findall(r"<(?:\w+:)?operation name=\"([^\"]+)\"", port_type))
    services = set(re.findall(r"<(?:\w+:)?service name=\"([^\"]+)\"", content))

    wsdl = Client(str(path), settings=Settings(strict=False, forbid_dtd=True, forbid_external=True)).wsdl
    assert set(wsdl.services) == services
    for service in wsdl.services.values():
        for port in service.ports.values():
            assert set(port.binding.all()) == written
    confirmed(path.name, "SOAP: contract", {"operations": len(written), "services": len(services)})


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.name)
def test_a_message_is_read_with_every_element_value_and_attribute(path: Path, confirmed: Callable[..., None]) -> None:
    raw = path.read_bytes()
    tags = len(TAG.findall(HIDDEN.sub("", raw.decode("utf-8-sig"))))

    whole = b"<e xmlns:m='m'>" + raw + b"</e>"  # some are only the inside of an envelope
    root = parse(whole)
    assert root is not None
    assert sum(1 for _ in root.iter()) == tags + 1
    other = ET.fromstring(whole)
    assert values(root) == values(other)
    envelopes = [one for one in root.iter() if one.tag in [f"{name}Envelope" for name in SOAP_ENVELOPES]]
    assert len(envelopes) == len(re.findall(rb"<(?:\w+:)?Envelope\b", raw))
    said = sum(1 for _, text, attributes in values(root) if text or attributes)
    confirmed(path.name, "SOAP: messages", {"elements": tags, "values": said, "envelopes": len(envelopes)})


def values(root: Any) -> list[tuple[str, str, dict[str, str]]]:
    """Each element with its text and its attributes."""
    return [(one.tag, (one.text or "").strip(), dict(one.attrib)) for one in root.iter()]
