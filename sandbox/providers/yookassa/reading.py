"""Strict reading of what a shop sends: as the documentation says, and stricter where the real API is silent.

The published OpenAPI file allows unknown fields and any number of decimals; a simulator that let them pass would hide
mistakes, so it refuses both. Limits: https://yookassa.ru/developers/api#create_payment
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.providers.yookassa.errors import ApiError, invalid

Json = dict[str, Any]
AMOUNT = re.compile(r"\d{1,12}\.\d{2}")
IDEMPOTENCE_KEY = re.compile(r"[0-9a-zA-Z+\-_.]{1,64}")
PAYMENT_FIELDS = frozenset(
    [
        "amount",
        "capture",
        "confirmation",
        "description",
        "metadata",
        "payment_method_data",
        "receipt",
        "merchant_customer_id",
        "client_ip",
        "save_payment_method",
    ]
)
REFUND_FIELDS = frozenset({"payment_id", "amount", "description", "receipt", "metadata"})
RECEIPT_FIELDS = frozenset(
    ["customer", "items", "tax_system_code", "phone", "email", "internet", "receipt_industry_details"]
)
METHODS_OF_TEST_SHOP = frozenset({"bank_card", "yoo_money"})


def idempotence_key(value: str | None) -> str:
    """Return the key of a POST, or refuse the POST."""
    if not value:
        raise invalid(
            "Idempotence key is missing. Send the value in accordance with the documentation", "Idempotence-Key"
        )
    if len(value) > 64:
        raise invalid(
            "Idempotence key is too long. Send the value in accordance with the documentation", "Idempotence-Key"
        )
    if not IDEMPOTENCE_KEY.fullmatch(value):
        raise invalid(
            "Idempotence key is invalid. Send the value in accordance with the documentation", "Idempotence-Key"
        )
    return value


def new_payment(body: object) -> Json:
    """Check the body of ``POST /payments`` and return it."""
    payment = _object(body, "body", PAYMENT_FIELDS)
    amount(payment.get("amount"), "amount")
    if not isinstance(payment.get("capture", False), bool):
        raise invalid("Invalid capture value", "capture")
    _confirmation(payment.get("confirmation"))
    _payment_method(payment.get("payment_method_data"))
    _text(payment.get("description"), "description", 128)
    _text(payment.get("merchant_customer_id"), "merchant_customer_id", 200)
    _metadata(payment.get("metadata"))
    _receipt(payment.get("receipt"), payment["amount"])
    return payment


def new_refund(body: object) -> Json:
    """Check the body of ``POST /refunds`` and return it."""
    refund = _object(body, "body", REFUND_FIELDS)
    if not isinstance(refund.get("payment_id"), str):
        raise invalid("Payment id is missing", "payment_id")
    amount(refund.get("amount"), "amount")
    _text(refund.get("description"), "description", 250)
    _metadata(refund.get("metadata"))
    _receipt(refund.get("receipt"), refund["amount"])
    return refund


def capture(body: object) -> Json:
    """Check the body of ``POST /payments/{id}/capture``; it may be empty."""
    captured = _object(body if body is not None else {}, "body", frozenset({"amount", "receipt"}))
    if "amount" in captured:
        amount(captured["amount"], "amount")
    return captured


def amount(value: object, parameter: str) -> Decimal:
    """Return the sum in roubles of ``{"value": "10.00", "currency": "RUB"}``."""
    fields = _object(value, parameter, frozenset({"value", "currency"}))
    text = fields.get("value")
    if not isinstance(text, str) or not AMOUNT.fullmatch(text):
        raise invalid(
            "Invalid amount value: a string with two digits after the point is expected", f"{parameter}.value"
        )
    if fields.get("currency") != "RUB":
        raise invalid("Currency is not supported by the shop", f"{parameter}.currency")
    if Decimal(text) <= 0:
        raise invalid("Amount must be greater than zero", f"{parameter}.value")
    return Decimal(text)


def _object(value: object, parameter: str, allowed: frozenset[str]) -> Json:
    if not isinstance(value, dict):
        raise invalid("An object is expected", parameter)
    unknown = sorted(set(value) - allowed)
    if unknown:
        raise invalid(
            f"Unknown parameter {unknown[0]}", unknown[0] if parameter == "body" else f"{parameter}.{unknown[0]}"
        )
    return value


def _text(value: object, parameter: str, length_max: int) -> None:
    if value is not None and (not isinstance(value, str) or len(value) > length_max):
        raise invalid(f"A string of up to {length_max} characters is expected", parameter)


def _confirmation(value: object) -> None:
    if value is None:
        raise invalid("Confirmation is missing", "confirmation")
    fields = _object(value, "confirmation", frozenset({"type", "return_url", "locale", "enforce"}))
    if fields.get("type") != "redirect":
        raise invalid("Confirmation type is not available", "confirmation.type")
    url = fields.get("return_url")
    if not isinstance(url, str) or not re.match(r"https?://\S+$", url) or len(url) > 2048:
        raise invalid("Return url is missing or invalid", "confirmation.return_url")
    if fields.get("locale", "ru_RU") not in {"ru_RU", "en_US"}:
        raise invalid("Locale is not supported", "confirmation.locale")


def _payment_method(value: object) -> None:
    if value is None:
        return
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise invalid("Payment method type is missing", "payment_method_data.type")
    if value["type"] not in METHODS_OF_TEST_SHOP:
        raise ApiError("invalid_request", "Payment method is not available", "payment_method_data.type")
    _object(value, "payment_method_data", frozenset({"type"}))


def _metadata(value: object) -> None:
    if value is None:
        return
    if not isinstance(value, dict) or len(value) > 16:
        raise invalid("Metadata is an object of at most 16 keys", "metadata")
    for key, text in value.items():
        if not 1 <= len(key) <= 32 or not isinstance(text, str) or len(text) > 512:
            raise invalid(
                "Metadata keys are 1-32 and values up to 512 characters long, strings only", f"metadata.{key[:32]}"
            )


def _receipt(value: object, total: Mapping[str, str]) -> None:
    if value is None:
        return
    fields = _object(value, "receipt", RECEIPT_FIELDS)
    customer = fields.get("customer")
    if not isinstance(customer, dict) or not (customer.get("email") or customer.get("phone")):
        raise invalid("Customer's email or phone is missing", "receipt.customer")
    items = fields.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= 80:
        raise invalid("Receipt items are missing", "receipt.items")
    if sum((_receipt_item(item, number) for number, item in enumerate(items)), Decimal()) != Decimal(total["value"]):
        raise invalid("Receipt amount does not equal payment amount", "receipt.items")


def _receipt_item(item: object, number: int) -> Decimal:
    """Return price of one unit × quantity, as YooKassa counts it."""
    place = f"receipt.items[{number}]"
    if not isinstance(item, dict):
        raise invalid("An object is expected", place)
    if not item.get("description"):
        raise invalid("Item description is missing", f"{place}.description")
    _text(item["description"], f"{place}.description", 128)
    if item.get("vat_code") not in range(1, 13):
        raise invalid("Invalid vat_code", f"{place}.vat_code")
    quantity = item.get("quantity")
    if isinstance(quantity, bool) or not isinstance(quantity, int | Decimal) or quantity <= 0:
        raise invalid("Invalid quantity", f"{place}.quantity")
    return amount(item.get("amount"), f"{place}.amount") * quantity
