"""Objects as 1C writes them: JSON if it was asked for, Atom if not; `$metadata`; errors in the form of the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from flask import Response
from werkzeug.datastructures import Headers

from sandbox.onec.odata_errors import ODataError
from sandbox.onec.odata_schema import EDM, NAMESPACE, Configuration, Entity, Fields

JSON_TYPE = "application/json;odata=minimalmetadata;streaming=true;charset=utf-8"
ATOM_TYPE = "application/atom+xml;type=feed;charset=utf-8"
_D = "http://schemas.microsoft.com/ado/2007/08/dataservices"
_M = f"{_D}/metadata"
_FEED = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xmlns:d="{_D}" xmlns:m="{_M}">'
)
Row = Mapping[str, Any]


class RawResponse(Response):
    """A response whose `Location` keeps its Cyrillic in raw UTF-8, as 1C sends it."""

    def get_wsgi_headers(self, environ: Any) -> Headers:
        """The headers, with `Location` as it was given."""
        headers = super().get_wsgi_headers(environ)
        if "Location" in self.headers:
            headers["Location"] = self.headers["Location"].encode().decode("latin-1")
        return headers


def collection(url: str, set_name: str, rows: Sequence[Row], count: int | None) -> Response:
    """A set as JSON; the count is a string."""
    body: dict[str, Any] = {"odata.metadata": f"{url}$metadata#{set_name}"}
    if count is not None:
        body["odata.count"] = str(count)
    return _json({**body, "value": rows})


def single(url: str, set_name: str, row: Row, status: int = 200, location: str = "") -> Response:
    """One object as JSON, with the address of a new one."""
    response = _json({"odata.metadata": f"{url}$metadata#{set_name}/@Element", **row}, status)
    if location:
        response.headers["Location"] = location
    return response


def feed(url: str, entries: Sequence[tuple[str, Row]]) -> Response:
    """Objects as an Atom feed: what is answered without `$format=json`, and always by `SelectChanges`."""
    body = "".join(_entry(url, set_name, row) for set_name, row in entries)
    return RawResponse(f"{_FEED}{body}</feed>", content_type=ATOM_TYPE)


def error(problem: ODataError, *, as_json: bool) -> Response:
    """A refusal, in JSON or as Atom."""
    if as_json:
        message = {"lang": "ru", "value": problem.text}
        return _json({"odata.error": {"code": problem.code, "message": message}}, problem.status)
    words = f"<m:code>{problem.code}</m:code><m:message>{escape(problem.text)}</m:message>"
    body = f'<m:error xmlns:m="{_M}">{words}</m:error>'
    return RawResponse(body, problem.status, content_type="application/xml;charset=utf-8")


def metadata(configuration: Configuration, hidden: frozenset[str]) -> Response:
    """The `$metadata` of what is published, with its byte order mark."""
    shown = [entity for name, entity in configuration.entities.items() if name not in hidden]
    lines = [
        '<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">',
        f'<edmx:DataServices xmlns:m="{_M}" m:DataServiceVersion="3.0" m:MaxDataServiceVersion="3.0">',
        f'<Schema xmlns="http://schemas.microsoft.com/ado/2009/11/edm" Namespace="{NAMESPACE}">',
        *(line for entity in shown for line in _types(entity)),
        *(line for entity in shown for line in _associations(entity, hidden)),
        '<EntityContainer Name="EnterpriseV8" m:IsDefaultEntityContainer="true">',
        *(line for entity in shown for line in _sets(entity)),
        *(line for entity in shown if entity.is_document for line in _functions(entity)),
        "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>",
    ]
    return RawResponse("\ufeff" + "\n".join(lines), content_type="application/xml;charset=utf-8")


def _json(body: Row, status: int = 200) -> Response:
    text = json.dumps(body, ensure_ascii=False, default=_plain)
    return RawResponse(text, status, content_type=JSON_TYPE)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"not JSON: {value!r}")


def _entry(url: str, set_name: str, row: Row) -> str:
    address = escape(f"{url}{quote(set_name)}(guid'{row.get('Ref_Key', '')}')")  # a record of a register has none
    fields = "".join(_element(set_name, *item) for item in row.items())
    return (
        f'<entry><id>{address}</id><category term="{NAMESPACE}.{set_name}" scheme="{_D}/scheme"/><title/>'
        f'<content type="application/xml"><m:properties>{fields}</m:properties></content></entry>'
    )


def _element(set_name: str, name: str, value: Any) -> str:
    if isinstance(value, list):
        rows = "".join(
            f"<d:element>{''.join(_element('', *item) for item in row.items())}</d:element>" for row in value
        )
        return f'<d:{name} m:type="Collection({NAMESPACE}.{set_name}_{name}_RowType)">{rows}</d:{name}>'
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return f"<d:{name}>{escape(text)}</d:{name}>"


def _types(entity: Entity) -> Iterator[str]:
    parts = (
        f'<Property Name="{part}" Type="Collection({NAMESPACE}.{entity.name}_{part}_RowType)" Nullable="true"/>'
        for part in entity.parts
    )
    yield f'<EntityType Name={quoteattr(entity.name)}><Key><PropertyRef Name="Ref_Key"/></Key>'
    yield from (*_properties(entity.fields), *parts, *_references(entity.name, entity.fields), "</EntityType>")
    for part, fields in entity.parts.items():
        name = f"{entity.name}_{part}"
        yield f'<EntityType Name="{name}"><Key><PropertyRef Name="Ref_Key"/></Key>'
        yield from (*_properties(fields), *_references(name, fields), "</EntityType>")
        yield f'<ComplexType Name="{entity.name}_{part}_RowType">'
        yield from (*_properties(fields), "</ComplexType>")


def _properties(fields: Fields) -> Iterator[str]:
    for field in fields.values():
        yield f'<Property Name="{field.name}" Type="{EDM[field.type]}" Nullable="{str(field.name != "Ref_Key").lower()}"/>'


def _targets(fields: Fields) -> Iterator[tuple[str, str]]:
    return (
        (field.name[:-4], field.target) for field in fields.values() if field.target and field.name.endswith("_Key")
    )


def _references(owner: str, fields: Fields) -> Iterator[str]:
    for name, _ in _targets(fields):
        relationship = f"{NAMESPACE}.{owner}_{name}"
        yield f'<NavigationProperty Name="{name}" Relationship="{relationship}" FromRole="Begin" ToRole="End"/>'


def _associations(entity: Entity, hidden: frozenset[str]) -> Iterator[str]:
    """Where references lead, as far as that is published."""
    owners = {entity.name: entity.fields, **{f"{entity.name}_{part}": fields for part, fields in entity.parts.items()}}
    for owner, fields in owners.items():
        for name, target in _targets(fields):
            if target not in hidden:
                yield f'<Association Name="{owner}_{name}">'
                yield f'<End Role="Begin" Type="{NAMESPACE}.{owner}" Multiplicity="*"/>'
                yield f'<End Role="End" Type="{NAMESPACE}.{target}" Multiplicity="0..1"/></Association>'


def _sets(entity: Entity) -> Iterator[str]:
    for name in (entity.name, *(f"{entity.name}_{part}" for part in entity.parts)):
        yield f'<EntitySet Name="{name}" EntityType="{NAMESPACE}.{name}"/>'


def _functions(entity: Entity) -> Iterator[str]:
    for name in ("Post", "Unpost"):
        yield f'<FunctionImport Name="{name}" IsBindable="true" IsSideEffecting="true">'
        yield f'<Parameter Name="bindingParameter" Type="{NAMESPACE}.{entity.name}"/>'
        yield '<Parameter Name="PostingModeOperational" Type="Edm.Boolean"/></FunctionImport>'
