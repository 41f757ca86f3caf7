"""What every payment connector must keep; the numbers are those of the contract in ``bridge.ports.provider``.

A connector inherits ``ProviderContract`` and says in its provider's own bytes what the provider would answer.
"""

from __future__ import annotations

import dataclasses
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bridge.core.errors import BridgeError, Misconfigured, Refused, Unknown
from bridge.core.http import Request, Response
from bridge.core.ids import fresh
from bridge.core.money import Money
from bridge.ports.provider import HintKind, NewPayment, NewRefund, PaymentState, Provider, RefundState

PAYMENT = NewPayment(
    attempt_id=UUID("0f8fad5b-d9cb-469f-a165-70867728950e"),
    order_id=UUID("7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    order_number="SO-42",
    amount=Money(244_000, "RUB"),
    method="bank_card",
    return_url="https://shop.example/orders/SO-42",
    description="Order SO-42",
    buyer_email="buyer@example.com",
)
CREATED_AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@dataclasses.dataclass(frozen=True)
class Delivery:
    """A webhook as it reaches the connector."""

    body: bytes
    headers: Mapping[str, str]
    remote_addr: str


class ProviderContract(ABC):
    """The suite; a subclass gives the connector and its provider's words."""

    account_ref: str
    secrets: Sequence[str]
    payment_ref: str
    refund_ref: str
    payment_words: Mapping[str, PaymentState]
    refund_words: Mapping[str, RefundState]

    @abstractmethod
    def connector(self) -> Provider:
        """The connector of a shop that takes real money."""

    @abstractmethod
    def payment_answer(self, word: str, amount: Money, account_ref: str, attempt_id: UUID | None) -> Response:
        """The answer that shows ``payment_ref`` in the state ``word``."""

    @abstractmethod
    def search_answer(self, word: str, attempt_ids: Sequence[UUID], next_page: str | None) -> Response:
        """The answer that lists payments."""

    @abstractmethod
    def refund_answer(self, word: str, amount: Money) -> Response:
        """The answer that shows ``refund_ref`` in the state ``word``."""

    @abstractmethod
    def refunds_answer(self, word: str, amounts: Sequence[Money], next_page: str | None) -> Response:
        """The answer that lists refunds of ``payment_ref``."""

    @abstractmethod
    def failures(self) -> Sequence[tuple[Response, type[BridgeError]]]:
        """Answers of failure, and what each proves."""

    @abstractmethod
    def deliveries(self) -> Sequence[tuple[Delivery, HintKind, str]]:
        """Genuine webhooks, and what each speaks of."""

    @abstractmethod
    def forgeries(self) -> Sequence[Delivery]:
        """Webhooks that the provider did not send."""

    @abstractmethod
    def garbage(self) -> Sequence[Delivery]:
        """Webhooks from the provider that are not in its form."""

    def paid_answer(self) -> Response:
        word = next(word for word, state in self.payment_words.items() if state is PaymentState.CAPTURED)
        return self.payment_answer(word, PAYMENT.amount, self.account_ref, PAYMENT.attempt_id)

    def new_refund(self) -> NewRefund:
        return NewRefund(UUID(int=7), self.payment_ref, Money(122_000, "RUB"), "One seat returned")

    def every_request(self) -> Sequence[Request]:
        connector = self.connector()
        return [
            *[connector.start(dataclasses.replace(PAYMENT, method=m)) for m in connector.capabilities.methods],
            connector.look_up(self.payment_ref),
            connector.search(CREATED_AT, CREATED_AT + timedelta(hours=1)),
            connector.search(CREATED_AT, CREATED_AT + timedelta(hours=1), "page-2"),
            connector.refunds_of(self.payment_ref, "page-2"),
            connector.refund(self.new_refund()),
            connector.look_up_refund(self.refund_ref),
        ]

    def test_1_starting_an_attempt_again_is_the_same_request_to_the_byte(self) -> None:
        assert self.connector().start(PAYMENT) == self.connector().start(PAYMENT)

    def test_1_the_attempt_is_named_in_its_request_and_another_attempt_is_another_key(self) -> None:
        first = self.connector().start(PAYMENT)
        second = self.connector().start(dataclasses.replace(PAYMENT, attempt_id=fresh()))

        assert str(PAYMENT.attempt_id) in first.headers.values()
        assert first.headers != second.headers

    def test_1_a_refund_again_is_the_same_request_and_another_refund_is_another_key(self) -> None:
        refund = self.new_refund()
        first, again = self.connector().refund(refund), self.connector().refund(refund)
        other = self.connector().refund(dataclasses.replace(refund, refund_id=fresh()))

        assert first == again
        assert str(refund.refund_id) in first.headers.values()
        assert first.headers != other.headers

    def test_2_every_word_of_a_payment_means_what_the_table_says(self) -> None:
        for word, state in self.payment_words.items():
            answer = self.payment_answer(word, PAYMENT.amount, self.account_ref, PAYMENT.attempt_id)
            assert self.connector().read_look_up(answer).state is state, word

        assert set(self.payment_words.values()) >= {PaymentState.PENDING, PaymentState.CAPTURED, PaymentState.CANCELED}

    def test_2_an_unknown_word_of_a_payment_is_pending(self) -> None:
        for word in ("", "frozen", "SUCCEEDED ", "succeeded_partially"):
            answer = self.payment_answer(word, PAYMENT.amount, self.account_ref, PAYMENT.attempt_id)
            assert self.connector().read_start(answer).state is PaymentState.PENDING
            assert self.connector().read_look_up(answer).state is PaymentState.PENDING

    def test_2_every_word_of_a_refund_means_what_the_table_says_and_an_unknown_one_is_pending(self) -> None:
        for word, state in {**self.refund_words, "frozen": RefundState.PENDING}.items():
            snapshot = self.connector().read_refund(self.refund_answer(word, Money(122_000, "RUB")))
            assert snapshot.state is state, word

        assert set(self.refund_words.values()) == set(RefundState)

    @pytest.mark.parametrize(
        ("amount", "account_ref", "attempt_id"),
        [
            (Money(244_000, "RUB"), None, PAYMENT.attempt_id),  # as asked
            (Money(1, "RUB"), None, PAYMENT.attempt_id),  # another amount
            (Money(244_000, "USD"), None, PAYMENT.attempt_id),  # another currency
            (Money(2_440, "JPY"), None, PAYMENT.attempt_id),  # a currency without a minor unit
            (Money(244_000, "RUB"), "999", PAYMENT.attempt_id),  # the money of another shop
            (Money(244_000, "RUB"), None, UUID(int=5)),  # another attempt
            (Money(244_000, "RUB"), None, None),  # no attempt of ours
        ],
    )
    def test_what_integrity_depends_on_is_reported_as_the_provider_says_it(
        self, amount: Money, account_ref: str | None, attempt_id: UUID | None
    ) -> None:
        account_ref = account_ref or self.account_ref
        word = next(iter(self.payment_words))
        connector = self.connector()

        for read in (connector.read_start, connector.read_look_up):
            found = read(self.payment_answer(word, amount, account_ref, attempt_id))
            assert (found.amount, found.account_ref, found.attempt_id) == (amount, account_ref, attempt_id)
            assert found.provider_ref == self.payment_ref
            assert found.created_at.utcoffset() == timedelta(0)

    def test_a_refund_is_reported_with_its_payment_and_its_amount(self) -> None:
        word = next(iter(self.refund_words))
        found = self.connector().read_refund(self.refund_answer(word, Money(122_000, "RUB")))

        assert (found.provider_ref, found.payment_ref) == (self.refund_ref, self.payment_ref)
        assert found.amount == Money(122_000, "RUB")

    def test_a_search_gives_every_payment_of_the_page_and_the_way_to_the_next(self) -> None:
        attempts = [fresh(), fresh(), fresh()]
        word = next(iter(self.payment_words))

        found, page = self.connector().read_search(self.search_answer(word, attempts, "page-2"))
        nothing, end = self.connector().read_search(self.search_answer(word, [], None))

        assert ([payment.attempt_id for payment in found], page) == (attempts, "page-2")
        assert (list(nothing), end) == ([], None)

    def test_a_list_of_refunds_gives_every_one_of_the_page_and_the_way_to_the_next(self) -> None:
        amounts = [Money(100, "RUB"), Money(200, "RUB")]
        word = next(iter(self.refund_words))

        found, page = self.connector().read_refunds_of(self.refunds_answer(word, amounts, "page-2"))
        nothing, end = self.connector().read_refunds_of(self.refunds_answer(word, [], None))

        assert ([one.amount for one in found], page) == (amounts, "page-2")
        assert {one.payment_ref for one in found} == {self.payment_ref}
        assert (list(nothing), end) == ([], None)

    def test_3_a_webhook_says_what_to_look_at_and_says_the_same_each_time(self) -> None:
        for delivery, kind, ref in self.deliveries():
            first = self.connector().read_webhook(delivery.body, delivery.headers, delivery.remote_addr)
            again = self.connector().read_webhook(delivery.body, delivery.headers, delivery.remote_addr)
            assert (first.kind, first.provider_ref) == (kind, ref)
            assert first == again

    def test_3_two_events_never_share_a_key(self) -> None:
        keys = [
            self.connector().read_webhook(delivery.body, delivery.headers, delivery.remote_addr).event_key
            for delivery, _, _ in self.deliveries()
        ]

        assert len(set(keys)) == len(keys) > 1

    def test_3_a_forged_webhook_is_refused_before_it_is_read(self) -> None:
        for forgery in self.forgeries():
            with pytest.raises(Refused, match="webhook_forged"):
                self.connector().read_webhook(forgery.body, forgery.headers, forgery.remote_addr)
            with pytest.raises(Refused, match="webhook_forged"):
                self.connector().read_webhook(b"\xff", forgery.headers, forgery.remote_addr)

    def test_3_a_webhook_that_is_not_in_the_provider_s_form_is_refused(self) -> None:
        for delivery in self.garbage():
            with pytest.raises(Refused, match="webhook_malformed"):
                self.connector().read_webhook(delivery.body, delivery.headers, delivery.remote_addr)

    def test_3_an_accepted_webhook_is_acknowledged(self) -> None:
        assert 200 <= self.connector().acknowledgement.status < 300

    def test_4_a_failure_is_the_class_that_says_what_it_proves(self) -> None:
        connector = self.connector()
        for answer, kind in self.failures():
            for read in (connector.read_start, connector.read_look_up, connector.read_search, connector.read_refund):
                with pytest.raises(BridgeError) as caught:
                    read(answer)
                assert type(caught.value) is kind, (answer.status, answer.body)
                assert caught.value.upstream == connector.name

        assert {kind for _, kind in self.failures()} >= {Refused, Unknown, Misconfigured}

    def test_4_an_answer_cut_at_any_byte_is_unknown(self) -> None:
        whole = self.paid_answer()
        for end in range(len(whole.body)):
            with pytest.raises(Unknown):
                self.connector().read_start(dataclasses.replace(whole, body=whole.body[:end]))

    def test_4_a_page_of_a_proxy_is_unknown_even_under_a_200(self) -> None:
        for status in (200, 302, 400, 404, 502, 504):
            with pytest.raises(Unknown):
                self.connector().read_start(Response(status, {"content-type": "text/html"}, b"<html>Sorry</html>"))

    def test_no_secret_and_no_buyer_shows_when_a_request_is_printed(self) -> None:
        for request in self.every_request():
            shown = repr(request) + str(request)
            assert not [secret for secret in (*self.secrets, PAYMENT.buyer_email) if secret in shown]

    def test_no_secret_is_in_the_address_where_every_proxy_logs_it(self) -> None:
        for request in self.every_request():
            assert not [secret for secret in self.secrets if secret in request.url]

    def test_every_request_has_a_name_of_its_own_and_a_bounded_wait(self) -> None:
        assert {request.upstream for request in self.every_request()} == {self.connector().name}
        assert len({request.operation for request in self.every_request()}) == 6
        assert all(0 < request.timeout_s <= 120 for request in self.every_request())

    def test_every_capability_is_true_and_nothing_else_is_accepted(self) -> None:
        connector = self.connector()
        able = connector.capabilities
        for method in able.methods:
            for currency in able.currencies:
                connector.start(dataclasses.replace(PAYMENT, method=method, amount=Money(100, currency)))

        assert able.methods
        assert able.payment_window_s > 0
        with pytest.raises(Refused):
            connector.start(dataclasses.replace(PAYMENT, method="barter"))
        with pytest.raises(Refused):
            connector.start(dataclasses.replace(PAYMENT, amount=Money(100, "XTS")))

    @pytest.mark.parametrize("minor", [0, -1])
    def test_nothing_and_less_than_nothing_can_be_neither_asked_for_nor_given_back(self, minor: int) -> None:
        with pytest.raises(Refused):
            self.connector().start(dataclasses.replace(PAYMENT, amount=Money(minor, "RUB")))
        with pytest.raises(Refused):
            self.connector().refund(dataclasses.replace(self.new_refund(), amount=Money(minor, "RUB")))

    @pytest.mark.parametrize(
        "ref", ["", "..", "../refunds/1", "a/b", "a?b", "a#b", "a%2Fb", "a b", "a\n", "é", "x" * 500]
    )
    def test_a_reference_that_could_lead_elsewhere_never_reaches_an_address(self, ref: str) -> None:
        for ask in (self.connector().look_up, self.connector().look_up_refund):
            with pytest.raises(Refused):
                ask(ref)
        with pytest.raises(Refused):
            self.connector().refund(dataclasses.replace(self.new_refund(), provider_ref=ref))

    def test_the_connector_has_every_method_of_the_port_with_the_same_parameters(self) -> None:
        methods = [name for name, _ in inspect.getmembers(Provider, inspect.isfunction) if not name.startswith("_")]

        for name in methods:
            ours, asked = getattr(type(self.connector()), name), getattr(Provider, name)
            assert list(inspect.signature(ours).parameters) == list(inspect.signature(asked).parameters)
        assert len(methods) == 12
