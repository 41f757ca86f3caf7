"""The WSDL as the 1C platform publishes it: WSDL 1.1, one file, both bindings, `return` for a result."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from sandbox.onec.schema import NAMESPACE, SCALARS, SERVICE, Field, Fields, Schema

_HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"
		xmlns:soap12bind="http://schemas.xmlsoap.org/wsdl/soap12/"
		xmlns:soapbind="http://schemas.xmlsoap.org/wsdl/soap/"
		xmlns:tns="{NAMESPACE}"
		xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy"
		xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
		xmlns:xsd="http://www.w3.org/2001/XMLSchema"
		xmlns:xsd1="{NAMESPACE}"
		name="{SERVICE}"
		targetNamespace="{NAMESPACE}">
	<types>
		<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xs1="{NAMESPACE}" targetNamespace="{NAMESPACE}" \
attributeFormDefault="unqualified" elementFormDefault="qualified">"""

_OPERATION = """		<operation name="{name}">
			<{prefix}:operation style="document" soapAction="{namespace}#{service}:{name}"/>
			<input>
				<{prefix}:body use="literal"/>
			</input>
			<output>
				<{prefix}:body use="literal"/>
			</output>
		</operation>"""

_CLAIM = """			<documentation>
				<wsi:Claim xmlns:wsi="http://ws-i.org/schemas/conformanceClaim/" \
conformsTo="http://ws-i.org/profiles/basic/1.1"/>
			</documentation>
"""

# Port suffix, prefix of the binding's elements, and whether 1C puts the WS-I claim on the port.
_BINDINGS = (("Soap", "soapbind", True), ("Soap12", "soap12bind", False))


def publish(schema: Schema, address: str) -> bytes:
    """The WSDL of ``schema`` served at ``address``."""
    lines = [_HEAD, *_types(schema), "\t\t</xs:schema>", "\t</types>", *_messages(schema), *_port_type(schema)]
    for suffix, prefix, _ in _BINDINGS:
        lines += _binding(schema, suffix, prefix)
    lines += [*_service(address), "</definitions>", ""]
    return "\n".join(lines).encode()


def _types(schema: Schema) -> Iterator[str]:
    for name, fields in schema.types.items():
        yield f'\t\t\t<xs:complexType name="{name}">'
        yield from _sequence(fields, "\t\t\t\t")
        yield "\t\t\t</xs:complexType>"
    for operation in schema.operations.values():
        yield from _wrapper(operation.name, operation.parameters)
        yield from _wrapper(f"{operation.name}Response", (Field("return", operation.result),))


def _wrapper(name: str, fields: Fields) -> Iterator[str]:
    yield f'\t\t\t<xs:element name="{name}">'
    yield "\t\t\t\t<xs:complexType>"
    yield from _sequence(fields, "\t\t\t\t\t")
    yield "\t\t\t\t</xs:complexType>"
    yield "\t\t\t</xs:element>"


def _sequence(fields: Fields, indent: str) -> Iterator[str]:
    if not fields:
        yield f"{indent}<xs:sequence/>"
        return
    yield f"{indent}<xs:sequence>"
    for field in fields:
        yield f'{indent}\t<xs:element name="{field.name}" type="{_qualified(field.type)}"{_occurs(field)}/>'
    yield f"{indent}</xs:sequence>"


def _qualified(type_name: str) -> str:
    return f"xs:{type_name}" if type_name in SCALARS else f"tns:{type_name}"


def _occurs(field: Field) -> str:
    if field.is_repeated:
        return ' minOccurs="0" maxOccurs="unbounded"'
    return ' minOccurs="0"' if field.is_optional else ""


def _messages(schema: Schema) -> Iterator[str]:
    for name in schema.operations:
        for message, element in ((f"{name}RequestMessage", name), (f"{name}ResponseMessage", f"{name}Response")):
            yield f'\t<message name="{message}">\n\t\t<part name="parameters" element="tns:{element}"/>\n\t</message>'


def _port_type(schema: Schema) -> Iterator[str]:
    yield f'\t<portType name="{SERVICE}PortType">'
    for name in schema.operations:
        yield f'\t\t<operation name="{name}">'
        yield f'\t\t\t<input message="tns:{name}RequestMessage"/>'
        yield f'\t\t\t<output message="tns:{name}ResponseMessage"/>'
        yield "\t\t</operation>"
    yield "\t</portType>"


def _binding(schema: Schema, suffix: str, prefix: str) -> Iterator[str]:
    yield f'\t<binding name="{SERVICE}{suffix}Binding" type="tns:{SERVICE}PortType">'
    yield f'\t\t<{prefix}:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>'
    for name in schema.operations:
        yield _OPERATION.format(name=name, prefix=prefix, namespace=NAMESPACE, service=SERVICE)
    yield "\t</binding>"


def _service(address: str) -> Iterator[str]:
    yield f'\t<service name="{SERVICE}">'
    for suffix, prefix, is_claimed in _BINDINGS:
        yield f'\t\t<port name="{SERVICE}{suffix}" binding="tns:{SERVICE}{suffix}Binding">'
        claim = _CLAIM if is_claimed else ""
        yield f"{claim}\t\t\t<{prefix}:address location={quoteattr(address)}/>\n\t\t</port>"
    yield "\t</service>"
