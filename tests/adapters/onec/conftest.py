"""The client under test, against a web server of the test's own on the loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from adapters.onec.settings import OneCSettings
from adapters.onec.soap import OneCErp, create
from tests.adapters.onec.publication import Publication

LOGIN = "Кассир Ёлкин"
PASSWORD = "пароль-тайна"


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
