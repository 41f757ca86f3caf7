"""What nginx passes on: everything the broker serves, once, with the address it came from."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import requests

from benchmarks import nginx
from bridge.web.app import create_app
from tests.behind_nginx.conftest import GUESSES_MAX, Front, Fronts

BELIEVES_CALLERS = {"X-Forwarded-For $remote_addr;": "X-Forwarded-For $http_x_forwarded_for;"}
REPEATS_ALL = {"proxy_next_upstream error;": "proxy_next_upstream error non_idempotent;"}
FOR_OTHERS = {"allow 127.0.0.1; ": "allow 127.0.0.9; "}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nOK"


def test_every_page_of_the_broker_can_be_reached(front: Front) -> None:
    rules = [rule for rule in create_app(front.stage.bridge).url_map.iter_rules() if rule.methods]
    paths = {re.sub(r"<[^>]+>", "1", rule.rule): min(rule.methods - {"HEAD", "OPTIONS"}) for rule in rules}
    for path, method in paths.items():
        front.ask(path, method, allow_redirects=False)

    assert len(paths) > 30
    assert {path for path in paths if not front.times(path)} == set()


@pytest.mark.parametrize("path", ["/", "/v2/events", "/wp-login.php", "/consoles", "/metrics/all"])
def test_what_the_broker_does_not_have_does_not_come_to_it(front: Front, path: str) -> None:
    assert front.ask(path).status_code == 404
    assert front.asked == []


def test_pages_for_the_house_are_shut_to_strangers(fronts: Fronts) -> None:
    with fronts(FOR_OTHERS) as front:
        for path in ("/console", "/console/orders", "/metrics", "/healthz", "/readyz"):
            assert front.ask(path).status_code == 403, path

        assert front.asked == []


def guesses(front: Front) -> list[int]:
    """What somebody is answered who tries keys, each time from another address if he is believed."""
    return [
        front.ask("/v1/orders/1", key=f"brk_{n}", headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code
        for n in range(2 * GUESSES_MAX)
    ]


def test_nobody_chooses_the_address_he_comes_from(front: Front) -> None:
    assert guesses(front) == [401] * GUESSES_MAX + [429] * GUESSES_MAX


def test_control_a_proxy_that_believes_its_callers_lets_them_guess_for_ever(fronts: Fronts) -> None:
    with fronts(BELIEVES_CALLERS) as front:
        assert guesses(front) == [401] * 2 * GUESSES_MAX


def test_the_broker_itself_refuses_a_body_that_is_too_large(front: Front) -> None:
    told = {"Idempotency-Key": "large", "Content-Type": "application/json"}
    limit = front.stage.bridge.settings.web.body_bytes_max

    refused = front.ask("/v1/holds", "POST", data=b" " * limit, headers=told)
    turned_away = front.ask("/v1/holds", "POST", data=b" " * 2 * limit, headers=told)

    assert (refused.status_code, refused.json()["code"]) == (413, "request_entity_too_large")
    assert turned_away.status_code == 413
    assert front.times("/v1/holds") == 1


def test_a_file_of_an_exchange_is_for_the_broker_to_judge_whatever_its_size(front: Front) -> None:
    answer = front.ask("/exchange/1c?type=catalog&mode=file&filename=import.xml", "POST", data=b"x" * 5_000_000)

    assert answer.content.startswith(b"failure")  # nobody has said who he is
    assert front.times("/exchange/1c") == 1


@dataclass
class Mortal:
    """A broker that answers ``good`` requests of a connection, and dies in the middle of the next."""

    good: int
    port: int = 0
    taken: list[bytes] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            with wire:
                for _ in range(self.good):
                    self.taken.append(wire.recv(65_536))
                    wire.sendall(OK)
                if last := wire.recv(65_536):
                    self.taken.append(last)


@contextmanager
def mortal(good: int) -> Iterator[Mortal]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Mortal(good, listener.getsockname()[1])
        server = threading.Thread(target=found.serve, args=(listener,), daemon=True)
        server.start()
        yield found
        listener.shutdown(socket.SHUT_RDWR)
    server.join(5)


def post_after_get(broker: Mortal, changes: dict[str, str] | None = None) -> tuple[int, int]:
    """How a POST is answered whose connection to the broker was good for a GET; how often the broker took it."""
    with nginx.before(broker.port, changes) as port:
        url = f"http://127.0.0.1:{port}/v1/holds"
        if broker.good:
            assert requests.get(url, timeout=10).status_code == 200
        status = requests.post(url, json={}, timeout=10).status_code
    return status, sum(1 for request in broker.taken if request.startswith(b"POST"))


@pytest.mark.parametrize("good", [0, 1])
def test_a_post_is_not_repeated_when_the_broker_dies_in_the_middle_of_it(good: int) -> None:
    with mortal(good) as broker:
        assert post_after_get(broker) == (502, 1)


def test_control_a_proxy_that_repeats_everything_would_repeat_it() -> None:
    with mortal(good=1) as broker:
        assert post_after_get(broker, REPEATS_ALL)[1] == 2


def test_a_get_is_repeated_when_a_kept_connection_has_ended() -> None:
    with mortal(good=1) as broker, nginx.before(broker.port) as port:
        answers = [requests.get(f"http://127.0.0.1:{port}/v1/orders/1", timeout=10).status_code for _ in range(3)]

    assert answers == [200] * 3
    assert len(broker.taken) == 5
