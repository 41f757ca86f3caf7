"""SOAP 1.1 and 1.2 envelopes as 1C reads and writes them."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

from lxml import etree

from sandbox.onec.schema import NAMESPACE, SERVICE, Operation, Schema
from sandbox.onec.xdto import NotXdto, Object, parameters_reader, result_writer

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
_CONTENT_TYPES = {SOAP_11: "text/xml; charset=utf-8", SOAP_12: "application/soap+xml; charset=utf-8"}


class SoapFault(Exception):
    """1C answers HTTP 500 with this text."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request whose operation is known and whose parameters are still to be read."""

    version: str
    operation: Operation
    element: etree._Element


def in_module(text: str) -> str:
    """``text`` as 1C shows an exception of the service's module."""
    return f"{{WebСервис.{SERVICE}.Модуль(25)}}: {text}"


def version_of(body: bytes) -> str:
    """Which SOAP the sender speaks, so that even a fault is answered in it; 1.1 if one cannot tell."""
    return SOAP_12 if SOAP_12.encode() in body[:1000] else SOAP_11


def open_envelope(schema: Schema, body: bytes) -> Envelope:
    """Find the operation a message calls; raise ``SoapFault`` if it is no message for this service."""
    try:
        root = etree.fromstring(
            body, etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
        )
    except etree.XMLSyntaxError as error:
        raise SoapFault(in_module(f"Ошибка разбора XML: {error.msg}")) from error
    if b"<!DOCTYPE" in body:
        raise SoapFault(in_module("Ошибка разбора XML: описание DOCTYPE в сообщении SOAP запрещено"))
    version = etree.QName(root).namespace or ""
    if version not in _CONTENT_TYPES or etree.QName(root).localname != "Envelope":
        raise SoapFault(in_module("Сообщение не является сообщением SOAP"))
    payload = root.find(f"{{{version}}}Body/*")
    if payload is None:
        raise SoapFault(in_module("Пустое тело сообщения SOAP"))
    return Envelope(version, _operation(schema, payload), payload)


def _operation(schema: Schema, payload: etree._Element) -> Operation:
    name = etree.QName(payload)
    operation = schema.operations.get(name.localname)
    if name.namespace != NAMESPACE or operation is None:
        raise SoapFault(in_module(f"Операция не найдена: {{{name.namespace or ''}}}{name.localname}"))
    return operation


def read_parameters(schema: Schema, envelope: Envelope) -> Object:
    """The parameters of the call by name; raise ``SoapFault`` if they do not fit the schema."""
    try:
        return parameters_reader(schema, envelope.operation.name)(envelope.element)
    except NotXdto as error:
        raise SoapFault(in_module(str(error))) from error


def write_answer(schema: Schema, envelope: Envelope, result: object) -> bytes:
    """The answer envelope: `XResponse` with one `return`."""
    operation = envelope.operation
    opening = (
        f'<m:return xmlns:xs="http://www.w3.org/2001/XMLSchema"\n\t\t\t\t\t'
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="m:{operation.result}"'
    )
    content = result_writer(schema, operation.name)(result)
    returned = f"{opening}>{content}</m:return>" if content else f"{opening}/>"
    name = f"{operation.name}Response"
    return _envelope(envelope.version, f'<m:{name} xmlns:m="{NAMESPACE}">\n\t\t\t{returned}\n\t\t</m:{name}>')


def write_fault(version: str, text: str) -> bytes:
    """A fault in the form of ``version``."""
    if version == SOAP_12:
        return _envelope(
            version,
            "<soap:Fault>\n\t\t\t<soap:Code><soap:Value>soap:Receiver</soap:Value></soap:Code>\n\t\t\t"
            f'<soap:Reason><soap:Text xml:lang="ru">{escape(text)}</soap:Text></soap:Reason>\n\t\t</soap:Fault>',
        )
    return _envelope(
        version,
        "<soap:Fault>\n\t\t\t<faultcode>soap:Server</faultcode>\n\t\t\t"
        f"<faultstring>{escape(text)}</faultstring>\n\t\t\t<detail/>\n\t\t</soap:Fault>",
    )


def content_type(version: str) -> str:
    """The media type of an answer in ``version``."""
    return _CONTENT_TYPES[version]


def _envelope(version: str, body: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soap:Envelope xmlns:soap="{version}">\n\t<soap:Body>\n\t\t{body}\n\t</soap:Body>\n</soap:Envelope>'
    ).encode()
