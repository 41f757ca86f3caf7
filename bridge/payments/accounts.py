"""The accounts at payment providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.core.errors import Misconfigured, Refused
from bridge.ports.provider import Provider


@dataclass(frozen=True, slots=True)
class Accounts:
    """The provider accounts we have, by provider and account name; the first of a provider takes new payments."""

    providers: Mapping[tuple[str, str], Provider]

    def get(self, name: str, account: str) -> Provider:
        """The connector of one account. Raises ``Misconfigured`` if it is no longer set up."""
        found = self.providers.get((name, account))
        if found is None:
            raise Misconfigured("account_not_set_up", "No account %(account)s of this provider.", account=account)
        return found

    def only(self) -> str:
        """The provider, if there is one only. Raises ``Refused`` if there are none or several."""
        names = sorted({provider for provider, _ in self.providers})
        if len(names) != 1:
            raise Refused("provider_missing", "Name the payment provider: %(names)s.", names=", ".join(names))
        return names[0]

    def of(self, name: str) -> Provider:
        """The account that takes new payments of a provider. Raises ``Refused`` if there is none."""
        for (provider, _), found in self.providers.items():
            if provider == name:
                return found
        raise Refused("provider_unknown", "There is no payment provider %(name)s here.", name=name)
