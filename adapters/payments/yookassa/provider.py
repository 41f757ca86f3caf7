"""The connector of one YooKassa shop. It opens no socket: see ``bridge.ports.provider`` for the contract."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from pydantic import ValidationError

from adapters.payments.yookassa import wire
from adapters.payments.yookassa.errors import UPSTREAM, refusal, unreadable
from adapters.payments.yookassa.settings import YooKassaSettings
from bridge.core.errors import IntegrityMismatch, Refused
from bridge.core.http import Request, Response
from bridge.ports.provider import (
    Acknowledgement,
    Capabilities,
    Hint,
    HintKind,
    NewPayment,
    NewRefund,
    PaymentSnapshot,
    RefundSnapshot,
)

OK = 200
SEARCH_PAGE_ROWS = 100
# The time YooKassa gives the buyer; it cannot be set.
PAYMENT_WINDOW_S = 3600
HINTS = {"payment": HintKind.PAYMENT, "refund": HintKind.REFUND}

PartT = TypeVar("PartT", bound=wire.Part)


class YooKassa:
    """One shop at YooKassa. Stateless: the same arguments always build the same request."""

    def __init__(self, settings: YooKassaSettings) -> None:
        self._settings = settings
        self.name = UPSTREAM
        self.account = settings.account
        self.account_ref = settings.shop_id
        self.capabilities = Capabilities(
            methods=tuple(wire.METHODS), currencies=("RUB",), has_refunds=True, payment_window_s=PAYMENT_WINDOW_S
        )

    def start(self, payment: NewPayment) -> Request:
        """Build ``POST /payments``, captured at once; raise ``Refused`` if this shop cannot take such a payment."""
        self._check(payment)
        body = wire.payment_body(payment, self._receipt(payment))
        return self._request("start", "POST", "/payments", body, key=str(payment.attempt_id))

    def read_start(self, response: Response) -> PaymentSnapshot:
        """Read the payment that was created, or that the same key created before."""
        return self._payment(_read(response, wire.Payment, "payment_unknown_to_provider"))

    def look_up(self, provider_ref: str) -> Request:
        """Build ``GET /payments/{id}``."""
        return self._request("look_up", "GET", f"/payments/{_segment(provider_ref)}")

    def read_look_up(self, response: Response) -> PaymentSnapshot:
        """Read one payment; raise ``Refused`` with ``payment_unknown_to_provider`` if YooKassa has none such."""
        return self._payment(_read(response, wire.Payment, "payment_unknown_to_provider"))

    def search(self, created_from: datetime, created_to: datetime, page: str | None = None) -> Request:
        """Build ``GET /payments`` for a half-open time window. YooKassa cannot search by metadata: match the answer."""
        query = {
            "created_at.gte": wire.moment_text(created_from),
            "created_at.lt": wire.moment_text(created_to),
            "limit": str(SEARCH_PAGE_ROWS),
        }
        return self._request("search", "GET", f"/payments?{urlencode(query | ({'cursor': page} if page else {}))}")

    def read_search(self, response: Response) -> tuple[Sequence[PaymentSnapshot], str | None]:
        """Read a page of payments, those of other programs in the same shop included."""
        found = _read(response, wire.PaymentList, "provider_refused")
        return tuple(self._payment(item) for item in found.items), found.next_cursor or None

    def refund(self, refund: NewRefund) -> Request:
        """Build ``POST /refunds``."""
        if refund.amount.minor <= 0:
            raise Refused("amount_not_positive", "An amount must be greater than zero.", upstream=UPSTREAM)
        _segment(refund.provider_ref)
        return self._request("refund", "POST", "/refunds", wire.refund_body(refund), key=str(refund.refund_id))

    def read_refund(self, response: Response) -> RefundSnapshot:
        """Read a refund; raise ``Refused`` with ``refund_unknown_to_provider`` if YooKassa has none such."""
        found = _read(response, wire.Refund, "refund_unknown_to_provider")
        try:
            return wire.refund_snapshot(found)
        except ValueError as error:
            raise unreadable("amount") from error

    def look_up_refund(self, provider_ref: str) -> Request:
        """Build ``GET /refunds/{id}``."""
        return self._request("look_up_refund", "GET", f"/refunds/{_segment(provider_ref)}")

    def refunds_of(self, provider_ref: str, page: str | None = None) -> Request:
        """Build ``GET /refunds?payment_id=…``, a hundred a page."""
        asked = {"payment_id": _segment(provider_ref), "limit": str(SEARCH_PAGE_ROWS)}
        return self._request("list_refunds", "GET", f"/refunds?{urlencode(asked | ({'cursor': page} if page else {}))}")

    def read_refunds_of(self, response: Response) -> tuple[Sequence[RefundSnapshot], str | None]:
        """Read a page of refunds."""
        found = _read(response, wire.RefundList, "provider_refused")
        try:
            return [wire.refund_snapshot(item) for item in found.items], found.next_cursor or None
        except ValueError as error:
            raise unreadable("amount") from error

    def read_webhook(self, body: bytes, headers: Mapping[str, str], remote_addr: str) -> Hint:  # noqa: ARG002 - the port
        """Take the event and the id, no more: YooKassa signs nothing, so its address and a look-up are the proof."""
        if not self._is_from_provider(remote_addr):
            raise Refused("webhook_forged", "The webhook came from a foreign address.", upstream=UPSTREAM)
        try:
            notice = wire.Notification.model_validate_json(body)
        except ValidationError as error:
            raise _malformed() from error
        kind = HINTS.get(notice.event.partition(".")[0], HintKind.NOTHING)
        ref = notice.object.id or ""
        if kind is not HintKind.NOTHING and not re.fullmatch(wire.REF_PATTERN, ref):
            raise _malformed()
        return Hint(kind, ref, f"{notice.event}:{ref}")

    @property
    def acknowledgement(self) -> Acknowledgement:
        """Any 200 stops the repeats; YooKassa does not read the body."""
        return Acknowledgement(OK, b"", "text/plain")

    def _check(self, payment: NewPayment) -> None:
        if payment.method not in self.capabilities.methods:
            raise Refused("method_unsupported", "This payment method is not offered.", upstream=UPSTREAM)
        if payment.amount.currency not in self.capabilities.currencies:
            raise Refused("currency_unsupported", "This currency is not accepted.", upstream=UPSTREAM)
        if payment.amount.minor <= 0:
            raise Refused("amount_not_positive", "An amount must be greater than zero.", upstream=UPSTREAM)

    def _receipt(self, payment: NewPayment) -> Mapping[str, Any] | None:
        vat_code = self._settings.receipt_vat_code
        if vat_code is None:
            return None
        if not (payment.buyer_email or payment.buyer_phone):
            raise Refused("receipt_contact_missing", "A receipt needs an email or a phone.", upstream=UPSTREAM)
        return wire.receipt_json(payment, vat_code, self._settings.receipt_tax_system_code)

    def _payment(self, payment: wire.Payment) -> PaymentSnapshot:
        """Snapshot a payment, but never let one without real money pass for a paid one."""
        if payment.test and not self._settings.accepts_test_payments:
            raise IntegrityMismatch(
                "test_payment", "A test payment came from a shop that takes real money.", upstream=UPSTREAM
            )
        try:
            return wire.payment_snapshot(payment)
        except ValueError as error:
            raise unreadable("amount") from error

    def _is_from_provider(self, remote_addr: str) -> bool:
        try:
            address = ip_address(remote_addr)
        except ValueError:
            return False
        # A dual-stack server sees an IPv4 caller as ::ffff:a.b.c.d.
        address = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
        return any(address in network for network in self._settings.webhook_networks)

    def _request(self, operation: str, method: str, path: str, body: bytes | None = None, key: str = "") -> Request:
        settings = self._settings
        return Request(
            upstream=UPSTREAM,
            operation=operation,
            method=method,
            url=settings.base_url + path,
            headers={"Content-Type": "application/json", "Idempotence-Key": key} if body else {},
            body=body,
            auth=(settings.shop_id.encode(), settings.secret_key.get_secret_value().encode()),
            timeout_s=settings.timeout_s,
        )


def _read(response: Response, kind: type[PartT], absent_code: str) -> PartT:
    """Read a 200; an empty or cut body, which a broken wire can leave under a 200, is ``Unknown``."""
    if response.status != OK:
        raise refusal(response, absent_code)
    try:
        return kind.model_validate_json(response.body)
    except ValidationError as error:
        places = sorted({".".join(map(str, problem["loc"])) or "body" for problem in error.errors(include_input=False)})
        raise unreadable(", ".join(places)) from None


def _segment(provider_ref: str) -> str:
    """A provider's id made safe for a path; raise ``Refused`` if it cannot be one of YooKassa's."""
    if not re.fullmatch(wire.REF_PATTERN, provider_ref):
        raise Refused("provider_ref_malformed", "This is not an id of the provider.", upstream=UPSTREAM)
    return quote(provider_ref, safe="")


def _malformed() -> Refused:
    return Refused("webhook_malformed", "The webhook is not in the provider's form.", upstream=UPSTREAM)
