"""What Bitrix sends: a form in PHP's words, ``BX_SYSTEM_PARAMS[SUM]=1700``, in UTF-8 or, on old sites, windows-1251.

Format: https://apidocs.bitrix24.com/api-reference/pay-system/sale-pay-system-handler-add.html (mode Checkout).
``BX_SYSTEM_PARAMS`` comes from the site's server. The other fields, as named in ``CHECKOUT_DATA.FIELDS``, may be
overwritten by the buyer's browser (``RestHandler::getCheckoutPayParams`` merges the request into them).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.ports.checkout import CheckoutPayment, Contact

FIELDS_MAX = 200
REF_CHARS_MAX = 50
URL_CHARS_MAX = 2000
CONTACT_CHARS_MAX = 200
SUM_MINOR_MAX = 10**12
SYSTEM = "BX_SYSTEM_PARAMS[{}]"


def read_form(body: bytes) -> Mapping[str, str]:
    """The fields of a form; of a repeated one the last counts, as in PHP. Raises ``Refused`` if it is none."""
    for encoding in ("utf-8", "cp1251"):
        try:
            text = body.decode("ascii")
            return dict(
                parse_qsl(text, keep_blank_values=True, encoding=encoding, errors="strict", max_num_fields=FIELDS_MAX)
            )
        except UnicodeDecodeError:
            continue
        except ValueError as error:
            raise _unreadable("form") from error
    raise _unreadable("form")


def read_payment(form: Mapping[str, str]) -> CheckoutPayment:
    """The payment that is to be paid. Raises ``Refused`` naming what is missing or malformed."""
    return_url = _system(form, "RETURN_URL", URL_CHARS_MAX)
    if not return_url.startswith(("https://", "http://")):
        raise _unreadable("RETURN_URL")
    return CheckoutPayment(
        payment_ref=_system(form, "PAYMENT_ID", REF_CHARS_MAX),
        amount=_amount(_system(form, "SUM", REF_CHARS_MAX), _system(form, "CURRENCY", 3)),
        return_url=return_url,
        order_ref=form.get("ORDER_NUMBER", "").strip()[:REF_CHARS_MAX],
        buyer=Contact(*(_line(form.get(name, "")) for name in ("BUYER_NAME", "BUYER_EMAIL", "BUYER_PHONE"))),
    )


def _system(form: Mapping[str, str], name: str, chars_max: int) -> str:
    value = form.get(SYSTEM.format(name), "").strip()
    if not 0 < len(value) <= chars_max or not value.isprintable():
        raise _unreadable(name)
    return value


def _amount(said: str, currency: str) -> Money:
    """Bitrix writes a number of PHP: ``1700``, ``99.9``, ``1.0E+25``."""
    try:
        amount = Money.parse(said, currency)
    except (ArithmeticError, ValueError) as error:
        raise _unreadable("SUM") from error
    if not 0 < amount.minor <= SUM_MINOR_MAX:
        raise _unreadable("SUM")
    return amount


def _line(value: str) -> str:
    return " ".join(value.split())[:CONTACT_CHARS_MAX]


def _unreadable(what: str) -> Refused:
    return Refused("checkout_malformed", "The call of the site cannot be read: %(what)s.", what=what)
