"""Every file of OData that FIXTURES holds: what the metadata reader and the judge of errors make of real bytes.

``FIXTURES`` names a folder with a folder ``onec/odata``; without it these tests are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapters.onec.answer import Answer
from adapters.onec.odata import errors
from adapters.onec.odata.metadata import read_metadata
from bridge.core.errors import BridgeError, Refused, Throttled, Unknown

FOLDER = os.environ.get("FIXTURES")
FILES = sorted(Path(FOLDER, "onec", "odata").glob("*")) if FOLDER else []
METADATA = [path for path in FILES if path.suffix in (".edmx", ".xml") and b"Edmx" in path.read_bytes()[:200]]
# Name of the file, the status it came with, and what it means for a call that reads and for one that writes.
BODIES: dict[str, tuple[int, type[BridgeError], type[BridgeError]]] = {
    "error_404_code9.json": (404, Refused, Refused),
    "error_500.atom.xml": (500, Unknown, Unknown),
    "exception_403_sessions_denied.json": (403, Throttled, Throttled),
    "application_error.html": (500, Unknown, Unknown),
}

pytestmark = pytest.mark.skipif(not FILES, reason="FIXTURES names no folder with OData files")


def test_every_file_is_one_this_module_knows() -> None:
    assert {path.name for path in FILES} == {*BODIES, *(path.name for path in METADATA)}


@pytest.mark.parametrize("path", METADATA, ids=lambda path: path.name)
def test_the_metadata_is_read_as_an_independent_count_finds_it(path: Path, confirmed: Callable[..., None]) -> None:
    tree = etree.parse(path)

    def names(kind: str, *, inside: str = "") -> list[str]:
        return [str(name) for name in tree.xpath(f"//*[local-name()='{kind}']{inside}/@Name")]

    with path.open("rb") as stream:
        found = read_metadata(stream)

    assert sorted(found.types) == sorted(names("EntityType") + names("ComplexType"))
    assert sorted(found.sets) == sorted(names("EntitySet"))
    assert sum(map(len, found.types.values())) == tree.xpath("count(//*[local-name()='Property'])")
    posted = tree.xpath("//*[local-name()='FunctionImport'][@Name='Post']/*[@Name='bindingParameter']/@Type")
    assert [f"StandardODATA.{name}" for name in found.sets if found.can(name, "Post")] == posted
    for name in found.sets:
        parts = [each for each, kind in (found.fields(name) or {}).items() if kind.startswith("Collection(")]
        assert all(found.part(name, part) for part in parts)
    assert {name: found.target(owner, name) for owner, name in found.links} == {
        str(one.get("Name")): leads(one) for one in tree.xpath("//*[local-name()='NavigationProperty']")
    }
    properties = sum(map(len, found.types.values()))
    counts = {"types": len(found.types), "sets": len(found.sets), "properties": properties, "links": len(found.links)}
    confirmed(path.name, "OData: metadata", counts)


def leads(reference: Any) -> str:
    """The set at the other end of the association a reference names."""
    name, role = reference.get("Relationship").partition(".")[2], reference.get("ToRole")
    query = "string(//*[local-name()='Association'][@Name=$name]/*[local-name()='End'][@Role=$role]/@Type)"
    return str(reference.getroottree().xpath(query, name=name, role=role)).partition(".")[2]


@pytest.mark.parametrize("name", BODIES)
def test_each_error_body_is_judged(name: str, confirmed: Callable[..., None]) -> None:
    status, reading, writing = BODIES[name]
    (path,) = (each for each in FILES if each.name == name)
    answer = Answer(status, {}, path.read_bytes())

    assert type(errors.of_answer(answer, 0)) is reading
    assert type(errors.of_answer(answer, 1)) is writing
    confirmed(name, f"OData: {status}, {reading.__name__} when read, {writing.__name__} when written", {})
