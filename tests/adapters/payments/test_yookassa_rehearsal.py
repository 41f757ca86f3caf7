"""The connector and the sender against the simulated YooKassa, which shares no code with them."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import UUID

import pytest

from adapters.payments.yookassa import YooKassa
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, IntegrityMismatch, Misconfigured, NotSent, Refused, Throttled, Unknown
from bridge.core.http import Request, Response, Sender
from bridge.core.ids import fresh
from bridge.core.money import Money
from bridge.ports.provider import HintKind, NewPayment, NewRefund, PaymentSnapshot, PaymentState, RefundState
from sandbox.providers.yookassa import Config, YooKassaServer
from tests.adapters.payments.samples import PAYMENT, shop

KEY = "test_sandbox_secret"


class Inbox:
    """Keeps webhooks as they came: body and caller."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.letters: list[tuple[bytes, str]] = []
        inbox = self

        class _Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.letters.append((body, self.client_address[0]))
                done = shop().acknowledgement
                self.send_response(done.status)
                self.send_header("Content-Length", str(len(done.body)))
                self.end_headers()
                inbox.arrived.set()

            def log_message(self, *_line: object) -> None:
                """Stay silent."""

        self._server = HTTPServer(("127.0.0.1", 0), _Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks/yookassa/main"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.close()


@pytest.fixture
def provider(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[YooKassaServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    with YooKassaServer(Config(webhook_url=inbox.url, secret_key=KEY)) as server:
        yield server


@pytest.fixture
def connector(provider: YooKassaServer) -> YooKassa:
    return shop(
        secret_key=KEY,
        base_url=f"{provider.url}/v3",
        webhook_networks=["127.0.0.0/8"],
        accepts_test_payments=True,
        timeout_s=5,
    )


def send(request: Request) -> Response:
    return Sender().send(request, Deadline.after(5))


def new_payment() -> NewPayment:
    return dataclasses.replace(PAYMENT, attempt_id=fresh())


def start(connector: YooKassa, payment: NewPayment) -> PaymentSnapshot:
    return connector.read_start(send(connector.start(payment)))


def look_up(connector: YooKassa, ref: str) -> PaymentSnapshot:
    return connector.read_look_up(send(connector.look_up(ref)))


def find(connector: YooKassa, attempt_id: UUID) -> list[PaymentSnapshot]:
    now, page, found = datetime.now(UTC), None, []
    while True:
        window = now - timedelta(hours=1), now + timedelta(hours=1)
        rows, page = connector.read_search(send(connector.search(*window, page)))
        found += [row for row in rows if row.attempt_id == attempt_id]
        if page is None:
            return found


def test_a_payment_is_started_paid_announced_and_partly_given_back(
    connector: YooKassa, provider: YooKassaServer, inbox: Inbox
) -> None:
    payment = new_payment()
    begun = start(connector, payment)
    provider.parts.ledger.pay(begun.provider_ref)
    assert inbox.arrived.wait(5)
    body, caller = inbox.letters[0]

    hint = connector.read_webhook(body, {}, caller)
    paid = look_up(connector, hint.provider_ref)
    refund = NewRefund(fresh(), paid.provider_ref, Money(22_000, "RUB"), "Seat 7 returned")
    given = connector.read_refund(send(connector.refund(refund)))

    assert begun.confirmation_url
    assert begun.confirmation_url.startswith(provider.url)
    assert (hint.kind, hint.provider_ref) == (HintKind.PAYMENT, begun.provider_ref)
    assert (paid.state, paid.amount, paid.attempt_id) == (PaymentState.CAPTURED, payment.amount, payment.attempt_id)
    assert (paid.account_ref, paid.is_test) == (connector.account_ref, True)
    assert (given.state, given.amount) == (RefundState.SUCCEEDED, refund.amount)
    assert connector.read_refund(send(connector.look_up_refund(given.provider_ref))) == given
    assert look_up(connector, paid.provider_ref).refunded == refund.amount


def test_a_repeated_start_and_a_repeated_refund_are_one(connector: YooKassa, provider: YooKassaServer) -> None:
    payment = new_payment()
    first, again = start(connector, payment), start(connector, payment)
    provider.parts.ledger.pay(first.provider_ref)
    refund = connector.refund(NewRefund(fresh(), first.provider_ref, Money(100, "RUB"), "once"))
    refunds = {connector.read_refund(send(refund)).provider_ref for _ in range(2)}

    assert again.provider_ref == first.provider_ref
    assert len(refunds) == 1
    assert look_up(connector, first.provider_ref).refunded == Money(100, "RUB")


@pytest.mark.parametrize("kind", ["commit_then_drop", "http_500", "http_502_html", "garbage_200"])
def test_a_start_whose_answer_is_lost_is_unknown_and_found_by_repeating_or_searching(
    connector: YooKassa, provider: YooKassaServer, kind: str
) -> None:
    payment = new_payment()
    provider.parts.faults.arm({"kind": kind, "on": "payments.create", "executed": True})

    with pytest.raises(Unknown):
        start(connector, payment)
    found = find(connector, payment.attempt_id)

    assert [row.provider_ref for row in found] == [start(connector, payment).provider_ref]


def test_a_start_dropped_before_it_took_effect_is_unknown_too_and_not_found(
    connector: YooKassa, provider: YooKassaServer
) -> None:
    payment = new_payment()
    provider.parts.faults.arm({"kind": "drop", "on": "payments.create"})

    with pytest.raises(Unknown):
        start(connector, payment)

    assert find(connector, payment.attempt_id) == []


def test_a_repeat_with_another_body_is_unknown_because_the_first_exists(connector: YooKassa) -> None:
    payment = new_payment()
    begun = start(connector, payment)

    with pytest.raises(Unknown, match="idempotence_key_in_use"):
        start(connector, dataclasses.replace(payment, return_url="https://shop.example/other"))

    assert [row.provider_ref for row in find(connector, payment.attempt_id)] == [begun.provider_ref]


def test_a_search_goes_through_every_page(connector: YooKassa, provider: YooKassaServer) -> None:
    first = new_payment()
    start(connector, first)
    for _ in range(100):
        start(connector, new_payment())

    assert len(find(connector, first.attempt_id)) == 1


def test_silence_is_unknown_and_a_request_to_wait_says_how_long(connector: YooKassa, provider: YooKassaServer) -> None:
    provider.parts.faults.arm({"kind": "throttle_429", "on": "payments.create", "retry_after_ms": 2500})
    with pytest.raises(Throttled) as caught:
        start(connector, new_payment())
    provider.parts.faults.arm({"kind": "silence", "on": "payments.create"})
    with pytest.raises(Unknown, match="answer_late"):
        Sender().send(connector.start(new_payment()), Deadline.after(0.5))

    assert caught.value.retry_after_s == 2.5


def test_a_payment_with_a_receipt_is_accepted_by_a_strict_reader(connector: YooKassa, provider: YooKassaServer) -> None:
    fiscal = shop(secret_key=KEY, base_url=f"{provider.url}/v3", accepts_test_payments=True, receipt_vat_code=12)

    begun = start(fiscal, dataclasses.replace(new_payment(), buyer_email="b@example.com", description=""))

    assert begun.state is PaymentState.PENDING


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        ({"secret_key": "test_wrong"}, Misconfigured),
        ({"accepts_test_payments": False}, IntegrityMismatch),
        ({"base_url": "http://127.0.0.1:1/v3"}, NotSent),
    ],
)
def test_a_shop_that_is_set_up_wrongly_says_so_at_the_first_payment(
    provider: YooKassaServer, spoil: dict[str, object], kind: type[BridgeError]
) -> None:
    right = {"secret_key": KEY, "base_url": f"{provider.url}/v3", "accepts_test_payments": True}

    with pytest.raises(kind):
        start(shop(**right | spoil), new_payment())


def test_what_the_provider_does_not_know_or_offer_is_refused(connector: YooKassa) -> None:
    with pytest.raises(Refused, match="payment_unknown_to_provider"):
        look_up(connector, "2f0d1a9c-000f-5000-8000-18db351245c7")
    with pytest.raises(Refused, match="refund_unknown_to_provider"):
        connector.read_refund(send(connector.look_up_refund("2f0d1a9c-000f-5000-8000-18db351245c7")))
    with pytest.raises(Refused, match="provider_refused"):  # a test shop has no SBP
        start(connector, dataclasses.replace(new_payment(), method="sbp"))
