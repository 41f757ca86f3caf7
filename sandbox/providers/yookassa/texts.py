"""What the buyer reads."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, Mapping[str, str]] = {
    "ru": {
        "title": "Оплата",
        "to_pay": "К оплате",
        "to_shop": "Магазин",
        "for": "Назначение",
        "number": "Платёж",
        "card": "Тестовая карта",
        "pay": "Оплатить",
        "decline": "Отказ банка: не хватает денег",
        "close": "Вернуться в магазин, не платя",
        "back": "Вернуться в магазин",
        "test": "Учебный платёж: деньги не списываются.",
        "succeeded": "Оплачено",
        "waiting_for_capture": "Деньги удержаны",
        "canceled": "Платёж не прошёл",
        "succeeded_note": "Магазин уже знает об оплате.",
        "waiting_for_capture_note": "Магазин подтвердит оплату.",
        "canceled_note": "Деньги не списаны. Вернитесь в магазин и попробуйте ещё раз.",
        "expired_note": "Время на оплату вышло. Деньги не списаны.",
    },
    "en": {
        "title": "Payment",
        "to_pay": "To pay",
        "to_shop": "Shop",
        "for": "Purpose",
        "number": "Payment",
        "card": "Test card",
        "pay": "Pay",
        "decline": "Decline: insufficient funds",
        "close": "Back to the shop without paying",
        "back": "Back to the shop",
        "test": "A test payment: no money is taken.",
        "succeeded": "Paid",
        "waiting_for_capture": "Money is held",
        "canceled": "The payment did not go through",
        "succeeded_note": "The shop already knows.",
        "waiting_for_capture_note": "The shop will confirm the payment.",
        "canceled_note": "No money was taken. Go back to the shop and try again.",
        "expired_note": "The time to pay has passed. No money was taken.",
    },
}
