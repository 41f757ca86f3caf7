"""YooKassa keeps the contract of every payment connector."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from adapters.payments.yookassa import create
from bridge.core.errors import BridgeError, Misconfigured, Refused, Throttled, Unknown
from bridge.core.http import Response
from bridge.core.money import Money
from bridge.ports.provider import HintKind, PaymentState, Provider, RefundState
from tests.contract.test_provider_contract import PAYMENT, Delivery, ProviderContract


class TestYooKassa(ProviderContract):
    account_ref = "100500"
    secrets = ("live_Zk9fT-secret",)
    payment_ref = "2f0d1a9c-000f-5000-8000-18db351245c7"
    refund_ref = "2f0d2b11-0015-5000-9000-1bc90a1b2c3d"
    payment_words: ClassVar = {
        "pending": PaymentState.PENDING,
        "waiting_for_capture": PaymentState.AUTHORIZED,
        "succeeded": PaymentState.CAPTURED,
        "canceled": PaymentState.CANCELED,
    }
    refund_words: ClassVar = {
        "pending": RefundState.PENDING,
        "succeeded": RefundState.SUCCEEDED,
        "canceled": RefundState.CANCELED,
    }

    def connector(self) -> Provider:
        return create({"account": "main", "shop_id": self.account_ref, "secret_key": self.secrets[0]})

    def payment_json(self, word: str, amount: Money, account_ref: str, attempt_id: UUID | None) -> dict[str, object]:
        return {
            "id": self.payment_ref,
            "status": word,
            "paid": word == "succeeded",
            "amount": {"value": str(amount.decimal), "currency": amount.currency},
            "created_at": "2026-11-21T10:00:00.123Z",
            "metadata": {"attempt_id": str(attempt_id)} if attempt_id else {},
            "recipient": {"account_id": account_ref, "gateway_id": "2000001"},
            "refundable": False,
            "test": False,
        }

    def payment_answer(self, word: str, amount: Money, account_ref: str, attempt_id: UUID | None) -> Response:
        return _json(200, self.payment_json(word, amount, account_ref, attempt_id))

    def search_answer(self, word: str, attempt_ids: Sequence[UUID], next_page: str | None) -> Response:
        items = [self.payment_json(word, PAYMENT.amount, self.account_ref, attempt) for attempt in attempt_ids]
        return _json(200, {"type": "list", "items": items} | ({"next_cursor": next_page} if next_page else {}))

    def refund_json(self, word: str, amount: Money) -> dict[str, object]:
        return {
            "id": self.refund_ref,
            "payment_id": self.payment_ref,
            "status": word,
            "created_at": "2026-11-21T12:00:00.000Z",
            "amount": {"value": str(amount.decimal), "currency": amount.currency},
        }

    def refund_answer(self, word: str, amount: Money) -> Response:
        return _json(200, self.refund_json(word, amount))

    def refunds_answer(self, word: str, amounts: Sequence[Money], next_page: str | None) -> Response:
        items = [self.refund_json(word, amount) for amount in amounts]
        return _json(200, {"type": "list", "items": items} | ({"next_cursor": next_page} if next_page else {}))

    def failures(self) -> Sequence[tuple[Response, type[BridgeError]]]:
        def error(status: int, code: str, **more: object) -> Response:
            return _json(status, {"type": "error", "id": "ab12", "code": code, "description": "No: 100 %", **more})

        return [
            (error(400, "invalid_request", parameter="amount.value"), Refused),
            (error(404, "not_found"), Refused),
            (error(405, "not_supported"), Refused),
            (error(415, "invalid_request"), Refused),
            (error(401, "invalid_credentials"), Misconfigured),
            (error(403, "forbidden"), Misconfigured),
            (Response(401, {}, b""), Misconfigured),
            (error(429, "too_many_requests", retry_after=1800), Throttled),
            (Response(429, {"retry-after": "7"}, b""), Throttled),
            (error(500, "internal_server_error"), Unknown),
            (error(503, "internal_server_error"), Unknown),
            # The key was used before with another body: a payment under it may exist.
            (error(400, "invalid_request", parameter="Idempotence-Key"), Unknown),
            (error(400, "a_word_of_tomorrow"), Unknown),
            (error(409, "invalid_request"), Unknown),
            (_json(202, {"type": "processing", "retry_after": 1800}), Unknown),
            (_json(200, {"type": "error"}), Unknown),
            (_json(200, []), Unknown),
            (_json(200, None), Unknown),
            (Response(200, {}, b""), Unknown),
            (Response(204, {}, b""), Unknown),
            (Response(200, {}, b"[" * 200_000), Unknown),
            (Response(200, {}, b"\xff\xfe{}"), Unknown),
        ]

    def deliveries(self) -> Sequence[tuple[Delivery, HintKind, str]]:
        return [
            (self.notice("payment.succeeded", self.payment_ref), HintKind.PAYMENT, self.payment_ref),
            (self.notice("payment.canceled", self.payment_ref), HintKind.PAYMENT, self.payment_ref),
            (self.notice("payment.waiting_for_capture", self.payment_ref), HintKind.PAYMENT, self.payment_ref),
            (self.notice("refund.succeeded", self.refund_ref), HintKind.REFUND, self.refund_ref),
            (self.notice("payment_method.active", "pm-1"), HintKind.NOTHING, "pm-1"),
            (self.notice("payout.succeeded", "po-1"), HintKind.NOTHING, "po-1"),
            (self.notice("payment.a_word_of_tomorrow", self.payment_ref), HintKind.PAYMENT, self.payment_ref),
        ]

    def forgeries(self) -> Sequence[Delivery]:
        genuine = self.notice("payment.succeeded", self.payment_ref)
        foreign = [
            "8.8.8.8",
            "77.75.156.12",
            "185.71.76.32",
            "2a02:5181::1",
            "::ffff:8.8.8.8",
            "127.0.0.1",
            "",
            "unknown",
        ]
        return [dataclasses.replace(genuine, remote_addr=address) for address in foreign]

    def garbage(self) -> Sequence[Delivery]:
        bodies = [
            b"",
            b"null",
            b"[]",
            b"{",
            b"\xff",
            b"[" * 200_000,
            b'{"type":"notification"}',
            b'{"type":"notification","event":"payment.succeeded"}',
            b'{"type":"notification","event":"payment.succeeded","object":{}}',
            b'{"type":"notification","event":"payment.succeeded","object":{"id":7}}',
            b'{"type":"notification","event":"payment.succeeded","object":{"id":"../me"}}',
            b'{"type":"notification","event":"","object":{"id":"1"}}',
            b'{"type":"notification","event":"payment.succeeded\\n","object":{"id":"1"}}',
            b'{"type":"event","event":"payment.succeeded","object":{"id":"1"}}',
        ]
        return [Delivery(body, {}, "185.71.76.1") for body in bodies]

    def notice(self, event: str, ref: str) -> Delivery:
        body = {"type": "notification", "event": event, "object": {"id": ref, "status": "succeeded"}}
        return Delivery(json.dumps(body).encode(), {"content-type": "application/json"}, "185.71.76.1")


def _json(status: int, body: object) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())
