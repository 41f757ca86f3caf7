from __future__ import annotations

from adapters.payments import registry


def test_yookassa_is_installed_and_calls_itself_by_the_name_it_is_registered_under() -> None:
    connector = registry()["yookassa"]({"account": "main", "shop_id": "100500", "secret_key": "test_key"})

    assert (connector.name, connector.account, connector.account_ref) == ("yookassa", "main", "100500")
