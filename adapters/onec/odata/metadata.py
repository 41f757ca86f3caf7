"""``$metadata``: which sets are published, with which fields. Some 16 MB of it, read without keeping the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import IO, Any

from lxml import etree

from bridge.core.errors import Unknown

COLLECTION = "Collection("
KEY = "_Key"
Types = dict[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Metadata:
    """``sets`` leads from a set to its type, ``types`` from a type to its fields and theirs, without namespaces.

    ``links`` leads from a type and the name of a reference in it to the type that it leads to, ``lengths`` from a type
    and the name of a text in it to the longest one it takes. 1C rarely says that, if ever.
    """

    sets: Mapping[str, str]
    types: Mapping[str, Mapping[str, str]]
    functions: Mapping[str, frozenset[str]]
    links: Mapping[tuple[str, str], str]
    lengths: Mapping[tuple[str, str], int]

    def fields(self, set_name: str) -> Mapping[str, str] | None:
        """The fields of a set, or ``None`` if it is not published."""
        kind = self.sets.get(set_name)
        return None if kind is None else self.types.get(kind, {})

    def part(self, set_name: str, name: str) -> Mapping[str, str] | None:
        """The fields of a table part, or ``None`` if there is none."""
        kind = (self.fields(set_name) or {}).get(name, "")
        return self.types.get(kind.removeprefix(COLLECTION).rstrip(")")) if kind.startswith(COLLECTION) else None

    def length(self, set_name: str, field: str) -> int | None:
        """The longest text a field takes, or ``None`` if nothing says so."""
        return self.lengths.get((self.sets.get(set_name, ""), field))

    def target(self, set_name: str, field: str) -> str | None:
        """The published set whose objects ``field`` refers to, or ``None`` if nothing says so."""
        kind = self.links.get((self.sets.get(set_name, ""), field.removesuffix(KEY)))
        return kind if kind in self.sets else None  # 1C calls a set of objects as their type

    def can(self, set_name: str, function: str) -> bool:
        """Whether objects of a set have ``function``, as documents have ``Post``."""
        return function in self.functions.get(self.sets.get(set_name, ""), ())


@dataclass(slots=True)
class _Found:
    sets: dict[str, str] = field(default_factory=dict)
    types: Types = field(default_factory=dict)
    functions: dict[str, frozenset[str]] = field(default_factory=dict)
    lengths: dict[tuple[str, str], int] = field(default_factory=dict)
    # Both as (association, role).
    references: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    ends: dict[tuple[str, str], str] = field(default_factory=dict)

    def links(self) -> dict[tuple[str, str], str]:
        return {place: self.ends[end] for place, end in self.references.items() if end in self.ends}


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
    return Metadata(found.sets, found.types, found.functions, found.links(), found.lengths)


def _bare(kind: str) -> str:
    """``Collection(StandardODATA.X)`` as ``Collection(X)``, ``Edm.Guid`` as it is."""
    return intern(kind.replace("StandardODATA.", ""))


def _read_type(found: _Found, element: Any) -> None:
    properties = [each for each in element if etree.QName(each).localname == "Property"]
    kind = _bare(element.get("Name"))
    lengths = {each.get("Name"): each.get("MaxLength", "") for each in properties}
    found.lengths |= {(kind, name): int(length) for name, length in lengths.items() if length.isdecimal()}
    found.types[kind] = {intern(each.get("Name")): _bare(each.get("Type")) for each in properties}
    for each in element.iterchildren("{*}NavigationProperty"):
        association = _bare(each.get("Relationship", ""))
        found.references[kind, each.get("Name")] = association, each.get("ToRole", "")


def _read_association(found: _Found, element: Any) -> None:
    for each in element.iterchildren("{*}End"):
        found.ends[element.get("Name"), each.get("Role")] = _bare(each.get("Type"))


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
    "Association": _read_association,
    "EntitySet": _read_set,
    "FunctionImport": _read_function,
}
