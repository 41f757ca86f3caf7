"""The client under test, against a web server of the test's own on the loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from adapters.onec.settings import OneCSettings
from adapters.onec.soap import OneCErp, create
from bridge.core.money import Money
from bridge.ports.erp import Posting, PostingKind
from tests.adapters.onec.publication import LOGIN, PASSWORD, Publication


@pytest.fixture
def publication() -> Iterator[Publication]:
    server = Publication()
    yield server
    server.close()


@pytest.fixture
def client(publication: Publication) -> Iterator[Callable[..., OneCErp]]:
    """Makes clients; each is closed at the end."""
    made: list[OneCErp] = []

    def make(**changes: object) -> OneCErp:
        told = {"base_url": publication.url, "login": LOGIN, "password": PASSWORD, "sessions": "none"} | changes
        made.append(create(OneCSettings.model_validate(told)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def erp(client: Callable[..., OneCErp]) -> OneCErp:
    """A client that asks for no sessions."""
    return client()


@pytest.fixture
def posting() -> Posting:
    return Posting(
        id=uuid4(),
        order_id=uuid4(),
        kind=PostingKind.PAYMENT,
        amount=Money(122_000, "RUB"),
        happened_at=datetime(2026, 5, 14, 9, 30, 15, 999_999, UTC),
        provider="yookassa",
        provider_ref="2c5d-000f",
        method="bank_card",
    )
