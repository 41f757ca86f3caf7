"""SOAP envelopes, written and read by zeep from the WSDL on disk; no network, ever.

The envelope is parsed here and not by zeep, which in its tolerant mode would also mend a body that was cut short, and
would read a missing answer as an empty list: "no such payment" instead of "nobody knows".
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from lxml import etree
from zeep import Client, Settings
from zeep.exceptions import Error as ZeepError

from adapters.onec.operations import Operation
from bridge.core.errors import Refused, Unknown

WSDL = Path(__file__).with_name("ticket_bridge.wsdl")
SOAP_ENVELOPES = ("{http://schemas.xmlsoap.org/soap/envelope/}", "{http://www.w3.org/2003/05/soap-envelope}")
XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"

# zeep reports a value it cannot read with the value itself, which may be personal.
logging.getLogger("zeep.xsd.types.simple").setLevel(logging.CRITICAL)


class Codec:
    """Turns calls into bytes and answers into values. One per process: reading the WSDL takes a while.

    Safe to share between threads: nothing in it changes after construction.
    """

    def __init__(self, wsdl: Path = WSDL) -> None:
        settings = Settings(
            strict=False, forbid_dtd=True, forbid_external=True, xml_huge_tree=False, xsd_ignore_sequence_order=True
        )
        self._client: Any = Client(str(wsdl), settings=settings)  # type: ignore[no-untyped-call]
        (service,) = self._client.wsdl.services.values()
        port = next(iter(service.ports.values()))
        self._binding: Any = port.binding
        self._namespace = self._binding.name.namespace

    def soap_action(self, operation: Operation) -> bytes:
        """The ``SOAPAction`` header: UTF-8, because names of services and operations may be Cyrillic."""
        return f'"{self._binding.get(operation.name).soapaction}"'.encode()

    def encode(self, operation: Operation, arguments: dict[str, Any]) -> bytes:
        """Write the envelope of a call; raise ``Refused`` if a value cannot be written.

        ``arguments`` are written as they are. zeep's own ``create_message`` would make an object of each structure in
        them first, which takes longer than all the rest.
        """
        envelope = etree.Element(f"{SOAP_ENVELOPES[0]}Envelope", nsmap={"soap-env": SOAP_ENVELOPES[0][1:-1]})
        body = etree.SubElement(envelope, f"{SOAP_ENVELOPES[0]}Body")
        try:
            self._binding.get(operation.name).input.body.render(body, arguments)
        except (TypeError, ValueError, ZeepError) as error:
            raise Refused("erp_request_invalid", "The request cannot be written for 1C.", upstream="onec") from error
        written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        return written

    def decode(self, operation: Operation, body: bytes) -> Any | None:
        """Read the ``return`` of a complete answer, or ``None`` if the body is anything else (a fault, a page).

        An empty ``return`` is an empty dictionary. Raises ``Unknown`` if a value in it cannot be read.
        """
        found = self._find_return(operation, body)
        if found is None:
            return None
        response, returned = found
        try:
            element = self._client.get_element(f"{{{self._namespace}}}{operation.name}Response")
            value = element.parse(response, self._client.wsdl.types)["return"]
        except (ArithmeticError, LookupError, TypeError, ValueError, ZeepError) as error:
            raise Unknown("erp_answer_unreadable", "The answer of 1C cannot be read.", upstream="onec") from error
        if (value is None and len(returned)) or (returned.text or "").strip():
            raise Unknown("erp_answer_unreadable", "The answer of 1C cannot be read.", upstream="onec")
        return {} if value is None else value

    def _find_return(self, operation: Operation, body: bytes) -> tuple[Any, Any] | None:
        root = parse(body)
        if root is None or root.tag not in [f"{soap}Envelope" for soap in SOAP_ENVELOPES]:
            return None
        response = root.find(f"{root.tag[: root.tag.index('}') + 1]}Body/{{{self._namespace}}}{operation.name}Response")
        returned = None if response is None else response.find(f"{{{self._namespace}}}return")
        return None if returned is None or returned.get(XSI_NIL) in ("true", "1") else (response, returned)


def parse(body: bytes) -> Any | None:
    """Parse XML that comes from outside; ``None`` if it is not well-formed to the last byte, or brings a DTD along."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root: Any = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return None if root.getroottree().docinfo.doctype else root
