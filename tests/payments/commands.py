"""The commands of ``bridge``, run against the broker and the peers of a stage."""

from __future__ import annotations

import json
from typing import Any

from tests.commands import bridge
from tests.exchange.stage import SECRET, Stage


class Commands:
    """Runs ``bridge …`` with the settings of ``stage``."""

    def __init__(self, stage: Stage) -> None:
        shop = {
            "shop_id": "100500",
            "secret_key": SECRET,
            "base_url": f"{stage.yoo.url}/v3",
            "accepts_test_payments": True,
            "timeout_s": 5,
        }
        self._given = {
            "DATABASE_URL": stage.bridge.settings.database_url.get_secret_value(),
            "PAYMENTS": json.dumps({"yookassa": {"main": shop}}),
            "ONEC": json.dumps({"base_url": f"{stage.onec.url}/infobase", "login": "обмен", "password": "пароль1"}),
        }

    def run(self, *words: str, expect: int = 0) -> dict[str, Any]:
        """The document a command prints."""
        done = bridge(*words, "--json", **self._given)
        assert done.exit_code == expect, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def text(self, *words: str, expect: int = 0) -> str:
        """What a command says to a person."""
        done = bridge(*words, **self._given)
        assert done.exit_code == expect, done.output
        return done.output
