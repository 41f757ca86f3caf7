"""Settings: where they come from, what is said when they are wrong, and that secrets stay secret."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import Result

from bridge.core.errors import Misconfigured
from config.reference import reference
from config.settings import load
from tests.commands import bridge

ROOT = Path(__file__).parents[2]
SECRETS = ("db-secret-1", "redis-secret-2", "onec-secret-3", "shop-secret-4")
RIGHT = {
    "BRIDGE_DATABASE_URL": "postgresql://bridge:db-secret-1@127.0.0.1/bridge",
    "BRIDGE_REDIS_URL": "redis://:redis-secret-2@127.0.0.1/0",
    "BRIDGE_ONEC__BASE_URL": "http://127.0.0.1/infobase",
    "BRIDGE_ONEC__LOGIN": "обмен",
    "BRIDGE_ONEC__PASSWORD": "onec-secret-3",
    "BRIDGE_PAYMENTS__YOOKASSA__MAIN__SHOP_ID": "100500",
    "BRIDGE_PAYMENTS__YOOKASSA__MAIN__SECRET_KEY": "shop-secret-4",
}
MISTAKES = {
    "BRIDGE_LOG_LEVEL": "loud",
    "BRIDGE_WEB__PROCESSES": "many",
    "BRIDGE_WEB__THREADS": "0",
    "BRIDGE_WEB__THREDS": "8",
    "BRIDGE_ERP__SETTLE_S": "-1",
    "BRIDGE_ONEC__BASE_URL": "infobase",
    "BRIDGE_PAYMENTS__YOOKASSA__MAIN__SHOP_ID": "a b",
    "BRIDGE_PAYMENTS__YOOKASSA__MAIN__BASE_URL": "http://shop.example/v3",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in named():
        monkeypatch.delenv(name)
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def complaint() -> str:
    with pytest.raises(Misconfigured) as caught:
        load()
    return str(caught.value)


def command(*words: str) -> Result:
    return bridge("config", *words, **{name.removeprefix("BRIDGE_"): os.environ[name] for name in named()})


def named() -> list[str]:
    return [name for name in os.environ if name.startswith("BRIDGE_")]


def test_the_environment_is_read_with_its_levels(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BRIDGE_ERP__SETTLE_S", "7.5")

    settings = load()

    assert settings.onec
    assert (settings.onec.login, settings.erp.settle_s) == ("обмен", 7.5)
    assert settings.payments.yookassa["main"].account == "main"
    assert settings.web.processes == 2


def test_every_mistake_is_listed_at_once_with_its_variable(environment: pytest.MonkeyPatch) -> None:
    for name, value in MISTAKES.items():
        environment.setenv(name, value)
    environment.delenv("BRIDGE_DATABASE_URL")

    said = complaint()

    assert [name for name in [*MISTAKES, "BRIDGE_DATABASE_URL"] if f"{name}:" not in said] == []
    assert [secret for secret in SECRETS if secret in said] == []


def test_a_secret_may_come_from_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from-a-file\n", encoding="utf-8")
    environment.delenv("BRIDGE_ONEC__PASSWORD")
    environment.setenv("BRIDGE_ONEC__PASSWORD_FILE", str(tmp_path / "password"))

    settings = load()

    assert settings.onec
    assert settings.onec.password.get_secret_value() == "from-a-file"


def test_a_file_that_is_not_there_is_named_with_its_variable(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BRIDGE_DATABASE_URL_FILE", "/nowhere/secret")

    said = complaint()

    assert "BRIDGE_DATABASE_URL_FILE" in said
    assert "/nowhere/secret" in said


def test_the_toml_file_is_read_and_the_environment_wins(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "bridge.toml"
    file.write_text('log_level = "warning"\n[web]\nprocesses = 5\nthreads = 9\n', encoding="utf-8")
    environment.setenv("BRIDGE_CONFIG", str(file))
    environment.setenv("BRIDGE_WEB__THREADS", "11")

    settings = load()

    assert (settings.log_level, settings.web.processes, settings.web.threads) == ("warning", 5, 11)


@pytest.mark.parametrize("content", ["web = ", "[web]\nprocesses = 'x'", None])
def test_a_toml_file_that_is_wrong_or_not_there_is_a_complaint_and_not_a_trace(
    environment: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "bridge.toml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    environment.setenv("BRIDGE_CONFIG", str(file))

    assert complaint().startswith("settings_wrong")


def test_secrets_are_never_shown(environment: pytest.MonkeyPatch) -> None:
    settings = load()
    shown = command("show")

    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["onec"]["login"] == "обмен"
    for text in (repr(settings), str(settings), settings.model_dump_json(), shown.stdout, shown.stderr):
        assert [secret for secret in SECRETS if secret in text] == []


def test_the_check_exits_with_2_and_one_line_a_mistake(environment: pytest.MonkeyPatch) -> None:
    assert command("check").exit_code == 0
    environment.setenv("BRIDGE_LOG_LEVEL", "loud")
    environment.setenv("BRIDGE_WEB__THREADS", "0")

    done = command("check")

    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
    assert [line.partition(":")[0] for line in done.stderr.strip().splitlines()[-2:]] == [
        "BRIDGE_LOG_LEVEL",
        "BRIDGE_WEB__THREADS",
    ]


def test_the_reference_is_up_to_date() -> None:
    written = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")

    assert written == reference(), "run: python -m config.reference docs/reference/settings.md"


def test_every_setting_says_what_it_is() -> None:
    rows = [line.split("|") for line in reference().splitlines() if line.startswith("| `")]

    assert len(rows) > 40
    assert [row[1] for row in rows if len(row[3].strip()) < 10] == []
