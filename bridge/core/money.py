"""Money as an integer of minor units plus a currency. No float ever touches it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

# ISO 4217 currencies whose minor unit is not a hundredth; everything else has two digits.
EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in ``minor`` units (kopecks, cents) of an ISO 4217 ``currency``."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if not (len(self.currency) == 3 and self.currency.isascii() and self.currency.isupper()):
            raise ValueError(f"not an ISO 4217 currency: {self.currency!r}")

    @classmethod
    def parse(cls, text: str | Decimal, currency: str) -> Money:
        """Read a decimal amount such as ``"1220.00"``; raise ``ValueError`` if it has a fraction of a minor unit."""
        amount = Decimal(text).scaleb(exponent(currency))
        if not amount.is_finite() or amount != amount.to_integral_value():
            raise ValueError(f"not a whole number of minor units of {currency}: {text}")
        return cls(int(amount), currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, with exactly the digits the currency has."""
        digits = exponent(self.currency)
        return Decimal(self.minor).scaleb(-digits).quantize(Decimal(1).scaleb(-digits))

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency}"


def exponent(currency: str) -> int:
    """How many digits the minor unit of ``currency`` has."""
    return EXPONENTS.get(currency, 2)
