"""Files come in parts cut anywhere; nothing is said to be stored that is not."""

from __future__ import annotations

import base64
import socket
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from bridge.exchange.runs_site import Rules
from bridge.exchange.uploads import Limits
from bridge.exchange.uploads_zip import ArchiveLimits
from sandbox.onec.site_client import UtClient
from sandbox.onec.site_client.dialects import ARCHIVE, packed
from tests.exchange_site.conftest import PATH, Place, opened
from tests.exchange_site.goods import BOM, catalogue, offers
from tests.exchange_site.test_protocol import entered


@pytest.mark.parametrize("step", [1, 7, 64, 4096])
def test_parts_may_cut_letters_and_tags(place: Place, step: int) -> None:
    client = entered(place)
    client.file_limit = step
    body = catalogue("a", "b")
    if step == 1:
        body = body[: len(BOM) + 60]
    client.send("catalog", "import0_1.xml", body)

    ((bytes_, file_id, run_id),) = place.rows("SELECT bytes, exchange_file_id, exchange_run_id FROM exchange_file")
    assert bytes_ == len(body)
    assert (place.folder / "exchange" / "ut" / str(run_id) / str(file_id)).read_bytes() == body


def test_init_forgets_what_was_sent_before(place: Place) -> None:
    client = entered(place)
    client.wire.send("catalog", "import0_1.xml", catalogue("a")[:500])
    client.init("catalog")
    client.wire.send("catalog", "import0_1.xml", catalogue("b"))

    with place.worker():
        assert client.wire.ask("catalog", "import", filename="import0_1.xml").word == "success"
    assert place.products() == {"b": True}
    assert sorted(place.states()) == [("import0_1.xml", "dropped"), ("import0_1.xml", "imported")]
    assert len([path for path in place.folder.rglob("*") if path.is_file()]) == 1


def test_a_file_sent_twice_without_init_is_refused_at_import_and_the_next_exchange_heals_it(place: Place) -> None:
    client = entered(place)
    for _ in range(2):
        client.wire.send("catalog", "import0_1.xml", catalogue("a"))
    with place.worker():
        said = client.wire.ask("catalog", "import", filename="import0_1.xml")
        assert said.word == "failure"
        assert place.products() == {}
        assert place.alerts() == [("exchange_file_failed", "ut:import0_1.xml")]
        assert UtClient(place.wire("ut")).export_catalogue({"import0_1.xml": catalogue("a")}).is_ok

    assert place.products() == {"a": True}
    assert place.alerts() == []


def test_a_second_portion_in_one_session_is_a_file_of_its_own(place: Place) -> None:
    client = entered(place)
    with place.worker():
        for ref in ("a", "b"):
            client.wire.send("catalog", "import0_1.xml", catalogue(ref))
            assert client.wire.ask("catalog", "import", filename="import0_1.xml").word == "success"
    assert place.products() == {"a": True, "b": True}


def test_a_body_larger_than_the_limit_of_the_api_is_taken_in_one_piece(place: Place) -> None:
    client = entered(place)
    body = catalogue(*(f"p{number:06}" for number in range(25_000)))
    assert len(body) > place.bridge.settings.web.body_bytes_max * 2

    assert client.wire.send("catalog", "import.xml", body).text == "success"
    assert place.rows("SELECT bytes FROM exchange_file") == [(len(body),)]


def test_a_body_in_chunks_without_a_length_is_taken(place: Place) -> None:
    wire = entered(place).wire
    body = catalogue("a")

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(body), 10):
            yield body[at : at + 10]

    said = requests.post(
        wire.url,
        params={"type": "catalog", "mode": "file", "filename": "import.xml"},
        data=chunks(),
        auth=(wire.login, wire.password),
        headers={"Cookie": wire.cookie},
        timeout=10,
    )
    assert said.text == "success"
    assert place.rows("SELECT bytes FROM exchange_file") == [(len(body),)]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
def test_the_content_type_means_nothing(place: Place, content_type: str) -> None:
    wire = entered(place).wire
    said = requests.post(
        wire.url,
        params={"type": "catalog", "mode": "file", "filename": "import.xml"},
        data=catalogue("a"),
        auth=(wire.login, wire.password),
        headers={"Content-Type": content_type, "Cookie": wire.cookie},
        timeout=10,
    )
    assert said.text == "success"
    assert place.rows("SELECT bytes FROM exchange_file") == [(len(catalogue("a")),)]


def test_a_body_that_breaks_off_leaves_the_file_as_it_was(place: Place) -> None:
    wire = entered(place).wire
    body = catalogue("a")
    wire.send("catalog", "import.xml", body[:300])
    target = urlsplit(wire.url)
    basic = base64.b64encode(f"{wire.login}:{wire.password}".encode()).decode()
    head = (
        f"POST {PATH}?type=catalog&mode=file&filename=import.xml HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {basic}\r\n"
        f"Cookie: {wire.cookie}\r\nContent-Length: {len(body) - 300}\r\n\r\n"
    )
    with socket.create_connection((target.hostname, target.port), timeout=10) as raw:
        raw.sendall(head.encode() + body[300:350])
        raw.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: raw.recv(4096), b""))

    assert b"success" not in answer
    assert place.rows("SELECT bytes FROM exchange_file") == [(300,)]
    assert wire.send("catalog", "import.xml", body[300:]).text == "success"
    with place.worker():
        assert wire.ask("catalog", "import", filename="import.xml").word == "success"


def test_what_a_crash_left_behind_the_known_length_is_written_over(place: Place) -> None:
    wire = entered(place).wire
    body = catalogue("a", "b")
    wire.send("catalog", "import.xml", body[:300])
    (stored,) = [path for path in place.folder.rglob("*") if path.is_file()]
    stored.write_bytes(body[:300] + b"half of a part that was never acknowledged" * 50)

    wire.send("catalog", "import.xml", body[300:])
    assert stored.read_bytes() == body


def test_a_disk_that_takes_nothing_is_a_failure(place: Place) -> None:
    client = entered(place)
    (place.folder / "exchange").write_text("a file where the folder should be")
    said = client.wire.send("catalog", "import.xml", catalogue("a"))

    assert said.word == "failure"
    assert place.states() == []


def test_an_empty_body_is_a_failure(place: Place) -> None:
    client = entered(place)

    assert client.wire.send("catalog", "import.xml", b"").word == "failure"
    assert place.states() == []


@pytest.mark.parametrize(
    "name",
    [
        "../import.xml",
        "a/../../import.xml",
        "..\\import.xml",
        "/etc/passwd",
        "C:\\import.xml",
        "\\\\server\\share",
        "import_files//a.jpg",
        "..",
        "",
        " ",
        "a\nb.xml",
        "a\x00.xml",
        "x" * 300 + ".xml",
        "shell.php",
        "shell.PHP5",
        ".htaccess",
    ],
)
def test_a_name_that_is_a_trick_is_refused(place: Place, name: str) -> None:
    client = entered(place)

    assert client.wire.send("catalog", name, b"x").word == "failure"
    assert client.wire.ask("catalog", "import", filename=name).word == "failure"
    assert place.states() == []
    assert [path for path in place.folder.rglob("*") if path.is_file()] == []


def test_names_never_reach_the_disk(place: Place) -> None:
    client = entered(place)
    client.wire.send("catalog", "import_files/ab/Картинка — 1.jpg", b"\xff\xd8")

    ((file_id,),) = place.rows("SELECT exchange_file_id FROM exchange_file")
    assert [path.name for path in place.folder.rglob("*") if path.is_file()] == [str(file_id)]


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        (Limits(file_bytes=1000), [1001]),
        (Limits(file_bytes=1000), [600, 401]),
        (Limits(run_bytes=1000), [600, 0, 401]),
        (Limits(run_files=1), [1, 0, 1]),
    ],
    ids=["a part", "a file", "a run", "files"],
)
def test_what_is_too_large_is_refused(fresh_database: str, tmp_path: Path, limits: Limits, sizes: list[int]) -> None:
    """A 0 begins the next file."""
    with opened(fresh_database, tmp_path, Rules(limits=limits)) as place:
        client = entered(place)
        words, name = [], "a"
        for size in sizes:
            name += "a" if size == 0 else ""
            words += [client.wire.send("catalog", f"{name}.xml", b"x" * size).word] if size else []
        assert words == ["success"] * (len(words) - 1) + ["failure"]


# Archives


def test_an_archive_in_parts_is_imported_by_the_names_inside(place: Place) -> None:
    client = UtClient(place.wire("ut"), always_zips=True)
    files = {f"import0_{n}.xml": catalogue(*(f"p{n}-{m}" for m in range(100))) for n in range(3)}
    with place.worker():
        report = client.export_catalogue({**files, "import_files/a.jpg": bytes(range(256)) * 20})

    assert report.is_ok, report
    assert len(report.imported) == 3
    assert len(place.products()) == 300
    assert (ARCHIVE, "unpacked") in place.states()
    assert len([path for path in place.folder.rglob("*") if path.is_file()]) == 1


def test_folders_in_an_archive_are_not_part_of_the_name_asked_for(place: Place) -> None:
    client = entered(place)
    client.send("catalog", "v8.zip", packed({"webdata/import.xml": catalogue("a")}))
    with place.worker():
        assert client.wire.ask("catalog", "import", filename="import.xml").word == "success"


def test_an_archive_nobody_asks_about_is_imported_after_a_silence(place: Place) -> None:
    client = UtClient(place.wire("ut"), always_zips=True, asks_for_import=False)
    client.export_catalogue({"offers0_1.xml": offers("a#1"), "import0_1.xml": catalogue("a")})
    place.pass_time(301)
    place.work()

    assert place.products() == {"a": True}
    assert place.rows("SELECT ref FROM offer") == [("a#1",)]


def bomb(name: str = "import.xml", size: int = 3_000_000) -> bytes:
    return packed({name: b"0" * size})


def encrypted() -> bytes:
    raw = bytearray(packed({"import.xml": catalogue("a")}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + at] |= 1
    return bytes(raw)


def liar() -> bytes:
    """An archive that announces less than is in it."""
    raw = bytearray(packed({"import.xml": catalogue(*(f"p{n}" for n in range(100)))}))
    at = raw.index(b"PK\x01\x02") + 24
    raw[at : at + 4] = (200).to_bytes(4, "little")
    return bytes(raw)


def crowded() -> bytes:
    return packed({f"{number}.xml": b"" for number in range(60)})


@pytest.mark.parametrize(
    "archive",
    [
        bomb(),
        bomb("../import.xml", 10),
        bomb("/import.xml", 10),
        encrypted(),
        liar(),
        crowded(),
        packed({"import.xml": catalogue("a")})[:-30],
        b"PK\x03\x04 and nothing more",
        b"",
    ],
    ids=["bomb", "path", "absolute", "encrypted", "liar", "crowded", "cut", "head", "nothing"],
)
def test_a_harmful_or_broken_archive_changes_nothing(fresh_database: str, tmp_path: Path, archive: bytes) -> None:
    with opened(fresh_database, tmp_path, Rules(archives=ArchiveLimits(entries=50))) as place:
        client = entered(place)
        client.wire.send("catalog", "v8.zip", archive)
        with place.worker():
            assert client.wire.ask("catalog", "import", filename="import.xml").word == "failure"
            place.pass_time(301)
        place.work()

        assert place.products() == {}
        assert not [state for state in place.states() if state[1] == "imported"]


def test_an_archive_made_by_another_packer_is_read(place: Place) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("folder\\import.xml".replace("\\", "/")), catalogue("a"))
        archive.comment = b"packed"
    client = entered(place)
    client.send("catalog", "v8.zip", buffer.getvalue())
    with place.worker():
        assert client.wire.ask("catalog", "import", filename="import.xml").word == "success"
