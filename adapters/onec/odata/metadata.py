"""``$metadata``: which sets are published, with which fields. Some 16 MB of it, read without keeping the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import IO, Any

from lxml import etree

from bridge.core.errors import Unknown

COLLECTION = "Collection("
Types = dict[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Metadata:
    """``sets`` leads from a set to its type, ``types`` from a type to its fields and theirs, without namespaces."""

    sets: Mapping[str, str]
    types: Mapping[str, Mapping[str, str]]
    functions: Mapping[str, frozenset[str]]

    def fields(self, set_name: str) -> Mapping[str, str] | None:
        """The fields of a set, or ``None`` if it is not published."""
        kind = self.sets.get(set_name)
        return None if kind is None else self.types.get(kind, {})

    def part(self, set_name: str, name: str) -> Mapping[str, str] | None:
        """The fields of a table part, or ``None`` if there is none."""
        kind = (self.fields(set_name) or {}).get(name, "")
        return self.types.get(kind.removeprefix(COLLECTION).rstrip(")")) if kind.startswith(COLLECTION) else None

    def can(self, set_name: str, function: str) -> bool:
        """Whether objects of a set have ``function``, as documents have ``Post``."""
        return function in self.functions.get(self.sets.get(set_name, ""), ())


@dataclass(slots=True)
class _Found:
    sets: dict[str, str] = field(default_factory=dict)
    types: Types = field(default_factory=dict)
    functions: dict[str, frozenset[str]] = field(default_factory=dict)


def read_metadata(stream: IO[bytes]) -> Metadata:
    """Read a whole ``$metadata``; raise ``Unknown`` if it is cut or is something else."""
    found = _Found()
    try:
        # Its namespace has changed between versions of OData, so elements are known by their names alone.
        tags = [f"{{*}}{name}" for name in _READERS]
        for _, element in etree.iterparse(stream, tag=tags, resolve_entities=False, load_dtd=False, no_network=True):
            _READERS[etree.QName(element).localname](found, element)
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise Unknown("erp_metadata_unreadable", "The $metadata cannot be read.", upstream="onec") from error
    if not found.types:
        raise Unknown("erp_metadata_unreadable", "The $metadata names no types.", upstream="onec")
    return Metadata(found.sets, found.types, found.functions)


def _bare(kind: str) -> str:
    """``Collection(StandardODATA.X)`` as ``Collection(X)``, ``Edm.Guid`` as it is."""
    return intern(kind.replace("StandardODATA.", ""))


def _read_type(found: _Found, element: Any) -> None:
    properties = (each for each in element if etree.QName(each).localname == "Property")
    found.types[_bare(element.get("Name"))] = {intern(each.get("Name")): _bare(each.get("Type")) for each in properties}


def _read_set(found: _Found, element: Any) -> None:
    found.sets[element.get("Name")] = _bare(element.get("EntityType"))


def _read_function(found: _Found, element: Any) -> None:
    name = element.get("Name")
    for each in element:
        if each.get("Name") == "bindingParameter":
            kind = _bare(each.get("Type"))
            found.functions[kind] = found.functions.get(kind, frozenset()) | {name}


_READERS: dict[str, Callable[[_Found, Any], None]] = {
    "EntityType": _read_type,
    "ComplexType": _read_type,
    "EntitySet": _read_set,
    "FunctionImport": _read_function,
}
