"""Plays the checkout of a Bitrix site whose payment system is a REST handler in the mode Checkout.

As the site's own ``RestHandler`` does: the fields of ``CHECKOUT_DATA`` (which the buyer's browser may overwrite) and the
system parameters (which it may not) go as a form in PHP's words; any status but 200 counts as an empty answer; without
both ``PAYMENT_URL`` and ``PAYMENT_ID`` the errors are shown, or a general one; ``PAYMENT_ID`` is kept and sent again as
``EXTERNAL_PAYMENT_ID``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus

import requests

GENERAL_ERROR = "Ошибка регистрации заказа в платёжной системе"
TIMEOUT_S = 60


@dataclass(slots=True)
class Payment:
    """A payment of an order of the site; ``invoice`` is what the payment system called it."""

    id: int
    amount: float
    currency: str = "RUB"
    invoice: str | None = None


class CheckoutFailed(Exception):
    """What the buyer sees instead of the button."""


@dataclass(slots=True)
class Checkout:
    """The payment system of one site: ``fields`` are the business values of the order."""

    action_uri: str
    fields: Mapping[str, str] = field(default_factory=dict)
    return_url: str = "https://site.example/personal/order/payment/?ORDER_ID=42&access=9f"
    encoding: str = "utf-8"
    paysystem_id: int = 14

    def pay(self, payment: Payment, browser: Mapping[str, str] | None = None) -> str:
        """The address behind the button "Pay". ``browser`` is what the buyer's browser sends along."""
        overwritten = {name: value for name, value in (browser or {}).items() if name in self.fields}
        system = {
            "RETURN_URL": self.return_url,
            "PAYSYSTEM_ID": str(self.paysystem_id),
            "PAYMENT_ID": str(payment.id),
            "SUM": php_number(payment.amount),
            "CURRENCY": payment.currency,
        }
        if payment.invoice is not None:
            system["EXTERNAL_PAYMENT_ID"] = payment.invoice
        named = {f"BX_SYSTEM_PARAMS[{name}]": value for name, value in system.items()}
        said = self.send({**self.fields, **overwritten, **named})
        return self._read(said, payment)

    def send(self, form: Mapping[str, str]) -> object:
        """Post a form as PHP's ``http_build_query`` writes it; the decoded answer, empty unless the status is 200."""
        body = "&".join(f"{self._quoted(name)}={self._quoted(value)}" for name, value in form.items())
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
        answer = requests.post(
            self.action_uri, body.encode("ascii"), headers=headers, timeout=TIMEOUT_S, allow_redirects=False
        )
        return answer.json() if answer.status_code == 200 else {}

    def _read(self, said: object, payment: Payment) -> str:
        if not isinstance(said, dict):
            raise CheckoutFailed(GENERAL_ERROR)
        url, invoice = said.get("PAYMENT_URL"), said.get("PAYMENT_ID")
        if not url or not invoice:
            errors = said.get("PAYMENT_ERRORS")
            raise CheckoutFailed(*(errors if errors and isinstance(errors, list) else [GENERAL_ERROR]))
        if '"' in url:
            raise CheckoutFailed("the site writes the address into a page as it is")
        payment.invoice = str(invoice)
        return str(url)

    def _quoted(self, text: str) -> str:
        return quote_plus(text, encoding=self.encoding)


def php_number(number: float) -> str:
    """A number as PHP writes it into a form."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
