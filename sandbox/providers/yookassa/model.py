"""Payments and refunds of the simulated shop, and how they look in an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.providers.yookassa.clock import iso
from sandbox.providers.yookassa.config import Config

Json = dict[str, Any]
KOPECK = Decimal("0.01")
CONFIRM_WITHIN = timedelta(hours=1)
HOLD_LASTS = timedelta(days=7)
CARD = {
    "first6": "555555",
    "last4": "4444",
    "expiry_month": "07",
    "expiry_year": "2030",
    "card_type": "MasterCard",
    "issuer_country": "RU",
    "issuer_name": "Sberbank",
}
WALLET = {"account_number": "410011758831136", "title": "YooMoney wallet 410011758831136"}
PARTY_BY_REASON = {
    "insufficient_funds": "payment_network",
    "card_expired": "payment_network",
    "general_decline": "payment_network",
    "3d_secure_failed": "payment_network",
    "issuer_unavailable": "payment_network",
    "country_forbidden": "yoo_money",
    "expired_on_confirmation": "yoo_money",
    "expired_on_capture": "yoo_money",
    "canceled_by_merchant": "merchant",
    "internal_timeout": "yoo_money",
}


@dataclass(slots=True)
class Refund:
    """Money going back. A pending one settles at ``settles_at`` with ``outcome``."""

    id: str
    payment_id: str
    amount: Decimal
    created_at: datetime
    request: Json
    status: str = "succeeded"
    reason: str = ""
    settles_at: datetime | None = None

    def as_json(self) -> Json:
        """Return the object as the API shows it."""
        shown: Json = {
            "id": self.id,
            "status": self.status,
            "amount": rub(self.amount),
            "created_at": iso(self.created_at),
            "payment_id": self.payment_id,
            **{name: self.request[name] for name in ("description", "metadata") if name in self.request},
        }
        if self.status == "canceled":
            shown["cancellation_details"] = {"party": "yoo_money", "reason": self.reason}
        return shown

    def is_over(self, now: datetime) -> bool:
        """Say whether it is time to settle."""
        return self.settles_at is not None and now >= self.settles_at


@dataclass(slots=True)
class Payment:
    """One payment. ``refunds`` holds what was asked back; only succeeded ones count as refunded."""

    id: str
    amount: Decimal
    created_at: datetime
    request: Json
    status: str = "pending"
    captured_at: datetime | None = None
    hold_expires_at: datetime | None = None
    reason: str = ""
    method: str = "bank_card"
    refunds: list[Refund] = field(default_factory=list)

    def is_over(self, now: datetime) -> bool:
        """Say whether the buyer, or the shop that holds the money, has let the time pass."""
        return now >= (self.hold_expires_at or self.created_at + CONFIRM_WITHIN)

    @property
    def expiry_reason(self) -> str:
        """The reason shown if time runs out in the present status."""
        return "expired_on_confirmation" if self.status == "pending" else "expired_on_capture"

    @property
    def refunded(self) -> Decimal:
        """What has gone back."""
        return sum((r.amount for r in self.refunds if r.status == "succeeded"), Decimal())

    @property
    def refundable_rest(self) -> Decimal:
        """What may still be asked back; a pending refund is already spoken for."""
        taken = sum((r.amount for r in self.refunds if r.status != "canceled"), Decimal())
        return self.amount - taken if self.status == "succeeded" else Decimal()

    def as_json(self, config: Config, base_url: str) -> Json:
        """Return the object as the API shows it."""
        is_paid = self.status in {"waiting_for_capture", "succeeded"}
        shown: Json = {
            "id": self.id,
            "status": self.status,
            "paid": is_paid,
            "amount": rub(self.amount),
            "created_at": iso(self.created_at),
            "metadata": self.request.get("metadata") or {},
            "recipient": {"account_id": config.shop_id, "gateway_id": "100700"},
            "refundable": self.refundable_rest > 0,
            "test": True,
        }
        if self.request.get("description"):
            shown["description"] = self.request["description"]
        shown |= self._confirmation(base_url) | self._after_paying(is_paid=is_paid) | self._after_capture(config)
        if self.reason:
            shown["cancellation_details"] = {"party": PARTY_BY_REASON[self.reason], "reason": self.reason}
        return shown

    def _confirmation(self, base_url: str) -> Json:
        if self.status != "pending":
            return {}
        asked = self.request["confirmation"]
        url = f"{base_url}/checkout/payments/{self.id}"
        return {"confirmation": {"type": "redirect", "return_url": asked["return_url"], "confirmation_url": url}}

    def _after_paying(self, *, is_paid: bool) -> Json:
        paid_by = {"card": CARD, "title": "Bank card *4444"} if self.method == "bank_card" else WALLET
        method = {"type": self.method, "id": self.id, "saved": False, "status": "inactive", **paid_by}
        shown: Json = {"payment_method": method} if is_paid or self._was_tried else {}
        if is_paid:
            shown["authorization_details"] = {
                "rrn": str(int(self.id[:8], 16)).rjust(12, "1"),
                "auth_code": self.id[-6:],
                "three_d_secure": {"applied": False},
            }
        if self.status == "waiting_for_capture" and self.hold_expires_at:
            shown["expires_at"] = iso(self.hold_expires_at)
        return shown

    @property
    def _was_tried(self) -> bool:
        """Whether a card was put in, as opposed to the buyer never coming."""
        return self.status == "canceled" and PARTY_BY_REASON[self.reason] == "payment_network"

    def _after_capture(self, config: Config) -> Json:
        if self.status != "succeeded" or not self.captured_at:
            return {}
        shown: Json = {
            "captured_at": iso(self.captured_at),
            "income_amount": rub(self.amount - self.fee(config)),
            "refunded_amount": rub(self.refunded),
        }
        return shown | ({"receipt_registration": "pending"} if "receipt" in self.request else {})

    def fee(self, config: Config) -> Decimal:
        """Return YooKassa's commission with the VAT that is taken on it since 2026-01-01."""
        commission = (self.amount * Decimal(config.commission_rate)).quantize(KOPECK, ROUND_HALF_UP)
        return commission + (commission * Decimal(config.vat_on_commission_rate)).quantize(KOPECK, ROUND_HALF_UP)


def rub(amount: Decimal) -> Json:
    """Write roubles as YooKassa does."""
    return {"value": f"{amount:.2f}", "currency": "RUB"}
