"""The buyer's page: shop, order, sum, and three buttons. Works without JavaScript; the shop's return_url learns nothing."""

from __future__ import annotations

from decimal import Decimal

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from sandbox.providers.yookassa.errors import ApiError, invalid
from sandbox.providers.yookassa.model import Payment
from sandbox.providers.yookassa.parts import parts
from sandbox.providers.yookassa.texts import TEXTS

checkout = Blueprint("checkout", __name__, url_prefix="/checkout/payments", template_folder="templates")


@checkout.get("/<payment_id>")
def page(payment_id: str) -> str:
    """Show the payment as it stands."""
    return _render(parts().ledger.payment(payment_id))


@checkout.post("/<payment_id>")
def choose(payment_id: str) -> Response | str:
    """Do what the buyer chose and send them back; a payment that is already over is shown instead."""
    ledger = parts().ledger
    choice = request.form.get("choice")
    try:
        match choice:
            case "pay":
                ledger.pay(payment_id)
            case "decline":
                ledger.decline(payment_id, request.form.get("reason", "insufficient_funds"))
            case "close":
                ledger.payment(payment_id)
            case _:
                raise invalid("choice is pay, decline or close", "choice")
    except ApiError as refusal:
        if refusal.parameter != "payment_id" or refusal.status != 400:
            raise
        return _render(ledger.payment(payment_id))
    return redirect(_return_url(ledger.payment(payment_id)), 303)


def _return_url(payment: Payment) -> str:
    url: str = payment.request["confirmation"]["return_url"]
    return url


def _render(payment: Payment) -> str:
    asked = payment.request
    language = "en" if asked["confirmation"].get("locale") == "en_US" else "ru"
    return render_template(
        "checkout.html",
        payment=payment,
        text=TEXTS[language],
        language=language,
        shop_name=parts().config.shop_name,
        sum=_spoken(payment.amount, language),
        return_url=_return_url(payment),
    )


def _spoken(amount: Decimal, language: str) -> str:
    """Write ``1220.00`` as ``1 220,00 ₽`` with non-breaking spaces, or as ``1,220.00 ₽``."""
    text = f"{amount:,.2f}"
    if language == "ru":
        text = text.replace(",", "\u00a0").replace(".", ",")
    return f"{text}\u00a0₽"
