"""https: which certificates are trusted, and what a refused one proves."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.onec.soap import OneCErp
from bridge.core.deadline import Deadline
from bridge.core.errors import Misconfigured, Unknown
from bridge.ports.erp import Release
from tests.adapters.onec.publication import PING, Publication, answer, drip


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openssl = shutil.which("openssl") or pytest.skip("needs the openssl program to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", folder / "key"]
    subject = ["-subj", "/CN=1c", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-out", folder / "cert"]
    subprocess.run([openssl, "req", "-x509", *key, *subject], check=True, capture_output=True)
    return folder / "cert"


@pytest.fixture
def publication(certificate: Path) -> Iterator[Publication]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key"))
    server = Publication(context)
    server.answers(answer("Ping", PING))
    yield server
    server.close()


def test_a_certificate_named_in_the_settings_is_trusted_and_the_connection_kept(
    publication: Publication, client: Callable[..., OneCErp], certificate: Path
) -> None:
    erp = client(ca_file=certificate)

    for _ in range(2):
        assert erp.ping(Deadline.after(5)).infobase == "Касса"

    assert [request.connection for request in publication.received] == [1, 1]


def test_a_certificate_nobody_vouches_for_calls_for_a_human_and_nothing_is_sent(
    publication: Publication, client: Callable[..., OneCErp]
) -> None:
    with pytest.raises(Misconfigured, match="erp_certificate_refused"):
        client().apply([Release(uuid4(), "P1")], Deadline.after(5))

    assert publication.received == []


def test_no_peer_holds_an_encrypted_call_past_its_deadline(
    publication: Publication, client: Callable[..., OneCErp], certificate: Path
) -> None:
    publication.answers(drip(answer("Ping", PING), 0.02))
    started = time.monotonic()

    with pytest.raises(Unknown):
        client(ca_file=certificate).ping(Deadline.after(0.5))

    assert time.monotonic() - started < 1.5
