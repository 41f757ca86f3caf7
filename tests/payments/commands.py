"""The commands of ``bridge``, run against the broker and the peers of a stage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from bridge.cli import main
from tests.exchange.stage import SECRET, Stage


class Commands:
    """Runs ``bridge …`` with the settings of ``stage``."""

    def __init__(self, stage: Stage, environment: pytest.MonkeyPatch) -> None:
        shop = {
            "shop_id": "100500",
            "secret_key": SECRET,
            "base_url": f"{stage.yoo.url}/v3",
            "accepts_test_payments": True,
            "timeout_s": 5,
        }
        given = {
            "BRIDGE_DATABASE_URL": stage.bridge.settings.database_url.get_secret_value(),
            "BRIDGE_PAYMENTS": json.dumps({"yookassa": {"main": shop}}),
            "BRIDGE_ONEC": json.dumps(
                {"base_url": f"{stage.onec.url}/infobase", "login": "обмен", "password": "пароль1"}
            ),
        }
        for name, value in given.items():
            environment.setenv(name, value)

    def run(self, *words: str, expect: int = 0) -> dict[str, Any]:
        """The document a command prints."""
        done = CliRunner().invoke(main, [*words, "--json"], catch_exceptions=False)
        assert done.exit_code == expect, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def text(self, *words: str, expect: int = 0) -> str:
        """What a command says to a person."""
        done = CliRunner().invoke(main, list(words), catch_exceptions=False)
        assert done.exit_code == expect, done.output
        return done.output
