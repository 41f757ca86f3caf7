"""Mapping files, the check of one against an infobase, and the command an integrator runs."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import ValidationError
from structlog.testing import capture_logs

from adapters.onec.cli import onec
from adapters.onec.erp import OneCErpWithOdata, create
from adapters.onec.odata.check import compare
from adapters.onec.odata.mapping import find, load, shipped
from adapters.onec.settings import OneCSettings
from bridge.core.errors import Misconfigured
from tests.adapters.odata.conftest import CARD, Stock, told, within
from tests.commands import bridge

ROOT = Path(__file__).parents[3]
EACH = pytest.mark.parametrize("stock", ["ut11", "bp30", "unf30"], indirect=True)


class Given:
    """Settings as the command line gives them."""

    def __init__(self, settings: OneCSettings | None) -> None:
        self.onec = settings


def run(settings: OneCSettings | None, *words: str) -> Result:
    with capture_logs():  # which the broker's command sends to stderr
        return CliRunner().invoke(onec, list(words), obj=lambda: Given(settings))


def written(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    words = find("ut11").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in words
        words = words.replace(old, new)
    path = tmp_path / "наш.toml"
    path.write_text(words, encoding="utf-8")
    return path


def test_three_configurations_are_shipped() -> None:
    assert shipped() == ["bp30", "unf30", "ut11"]


NUMBER = '#number = { prefix = "ТБ-", length = 11 }'
MISTAKES = [
    (
        f"is_posted = true\n{NUMBER}\n\n[refund.fields]",
        "is_posted = false\n\n[refund.fields]",
        "must stand alike in both",
    ),
    ('absent = "wait"', 'absent = "later"', "order.absent"),
    ('id_match = "contains"', 'id_math = "contains"', "order.id_math"),
    ('{ value = "happened_at" }', '{ value = "now" }', "payment.fields.Date"),
    ("ticket-bridge {id} {provider}", "ticket-bridge {id} {colour}", "no such places: colour"),
    ("ticket-bridge {id} {provider}", "ticket-bridge {provider}", "must be a text with {id}"),
    ('"СуммаДокумента" = { value = "amount" }', "", 'value = "amount"'),
    ('id_match = "contains"\nis_posted', 'id_match = "equals"\nis_posted', "must be exactly {id}"),
    ('"СуммаДокумента"', "СуммаДокумента", "Cyrillic names stand in quotes"),
]


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES)
def test_a_mistake_in_a_mapping_is_named_with_its_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(str(written(tmp_path, (old, new))))

    assert words in str(caught.value)


def test_a_mapping_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(Misconfigured, match="bp30, unf30, ut11"):
        load("ут11")


def test_a_wrong_mapping_is_a_wrong_setting_and_found_before_the_first_payment() -> None:
    with pytest.raises(ValidationError) as caught:
        told("http://127.0.0.1:1/ib", mapping="нет.toml")

    (mistake,) = caught.value.errors()
    assert mistake["loc"] == ("mapping",)
    assert "Shipped are: bp30, unf30, ut11" in mistake["msg"]


def test_the_settings_say_which_way_postings_go() -> None:
    assert isinstance(create(told("http://127.0.0.1:1/ib")), OneCErpWithOdata)
    assert not isinstance(create(told("http://127.0.0.1:1/ib", postings="soap", mapping="нет.toml")), OneCErpWithOdata)


@EACH
def test_each_shipped_mapping_fits_its_configuration(stock: Stock) -> None:
    result = run(stock.settings, "check")

    assert result.exit_code == 0, result.output
    assert f"The mapping {stock.name} (" in result.output


@EACH
def test_a_mapping_of_another_configuration_does_not_fit_and_the_right_one_is_named(stock: Stock) -> None:
    wrong = "ut11" if stock.name != "ut11" else "bp30"

    result = run(stock.settings, "check", "--mapping", wrong, "--json")

    report = json.loads(result.output)
    assert (result.exit_code, report["ok"], report["mapping"]) == (1, False, wrong)
    assert {each["where"] for each in report["problems"]} == {"goods", "order.set", "payment.set", "refund.set"}
    assert report["looks_like"] == [stock.name]


DIFFERENCES: list[tuple[str, str, str, str]] = [
    ('"СуммаДокумента"', '"СумаДокумента"', "payment.fields.СумаДокумента", "There is СуммаДокумента"),
    ('order = "Контрагент_Key"', 'order = "Покупатель_Key"', "payment.fields.Контрагент_Key", "the order has no"),
    ('rows."РасшифровкаПлатежа"', 'rows."Расшифровка"', "payment.rows", "has no Расшифровка"),
    ('"Заказ" =', '"ЗаказКлиента" =', "payment.rows.РасшифровкаПлатежа.ЗаказКлиента", "has no ЗаказКлиента"),
    ("Date = { value", '"Комментарий2" = { value', "payment.fields.Комментарий2", "There is Комментарий"),
    ('"Сумма" = { value = "amount" }', '"Сумма" = "много"', "payment.rows.РасшифровкаПлатежа.Сумма", "Edm.Double"),
    ('order = "Валюта_Key"', 'order = "Статус"', "payment.fields.Валюта_Key", "Edm.Guid"),
]


@pytest.mark.parametrize(("old", "new", "where", "what"), DIFFERENCES)
def test_every_difference_is_told_with_its_place_and_what_to_do(
    stock: Stock, tmp_path: Path, old: str, new: str, where: str, what: str
) -> None:
    path = written(tmp_path, (old, new))

    (first, *_) = problems = compare(load(str(path)), stock.client.metadata(within()))
    result = run(stock.settings, "check", "--mapping", str(path))

    assert first.where == where
    assert what in first.what
    assert first.to_do in result.output
    assert result.exit_code == 1
    assert f"{len(problems)} to mend" in result.output


def test_a_document_that_is_not_ticked_is_told_with_where_to_tick_it(stock: Stock) -> None:
    stock.control("/_settings", {"odata_unpublished": CARD})

    result = run(stock.settings, "check")

    assert result.exit_code == 1
    assert "Состав стандартного интерфейса OData" in result.output


def test_a_saved_metadata_is_enough_to_check(stock: Stock, tmp_path: Path) -> None:
    saved = tmp_path / "metadata.xml"
    saved.write_bytes(stock.client.call("GET", "$metadata", {}, within()).body)

    result = run(None, "check", "--mapping", "ut11", "--metadata", str(saved))

    assert result.exit_code == 0


def test_an_infobase_that_does_not_answer_is_one_line_and_not_a_traceback() -> None:
    result = run(told("http://127.0.0.1:1/ib", mapping="ut11"), "check")

    assert (result.exit_code, isinstance(result.exception, SystemExit)) == (1, True)
    assert "not_connected" in result.output


def test_a_shipped_mapping_is_printed_to_be_edited() -> None:
    result = run(None, "mapping", "bp30")

    assert tomllib.loads(result.output)["title"] == "Бухгалтерия предприятия 3.0"
    assert run(None, "mapping", "нет").exit_code == 1


def test_the_group_is_announced_as_a_command_of_the_broker() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (name, value), *_ = project["entry-points"]["bridge.commands"].items()

    assert name == "onec"
    assert EntryPoint(name, value, "bridge.commands").load() is onec


def test_the_broker_s_command_finds_what_is_announced_and_gives_it_the_settings(
    stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = tmp_path / "announced-1.dist-info"
    announced.mkdir()
    (announced / "METADATA").write_text("Metadata-Version: 2.1\nName: announced\nVersion: 1\n")
    (announced / "entry_points.txt").write_text("[bridge.commands]\nrehearsed = adapters.onec.cli:onec\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    given = {"ONEC__BASE_URL": stock.settings.base_url, "ONEC__LOGIN": "обмен", "ONEC__PASSWORD": "пароль1"}

    done = bridge("rehearsed", "check", "--json", **given)

    assert (done.exit_code, json.loads(done.stdout)["ok"]) == (0, True), done.stderr
    assert "rehearsed" in bridge("--help").stdout


ACQUIRER = '"ВидОплаты_Key" = "00000000-0000-0000-0000-000000000000"'
NOBODY = "6c5f3a0e-54c1-4a55-9d0c-3c1d4f0c1c11"


def mapped(tmp_path: Path, *lines: str) -> Path:
    """БП 3.0 with ``lines`` instead of the empty acquirer of a payment."""
    path = tmp_path / "наш.toml"
    path.write_text(find("bp30").read_text(encoding="utf-8").replace(ACQUIRER, "\n".join(lines), 1), encoding="utf-8")
    return path


@pytest.mark.parametrize("stock", ["bp30"], indirect=True)
def test_a_reference_to_nothing_is_found_by_the_check_because_no_read_back_can(stock: Stock, tmp_path: Path) -> None:
    acquirer = stock.client.create("Catalog_ВидыОплатОрганизаций", {"Description": "ЮKassa"}, within())["Ref_Key"]
    good = run(stock.settings, "check", "--mapping", str(mapped(tmp_path, f'"ВидОплаты_Key" = "{acquirer}"')))
    bad = run(stock.settings, "check", "--mapping", str(mapped(tmp_path, f'"ВидОплаты_Key" = "{NOBODY}"')))

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert f"payment.fields.ВидОплаты_Key: There is no {NOBODY} in Catalog_ВидыОплатОрганизаций." in bad.output


@pytest.mark.parametrize("stock", ["bp30"], indirect=True)
def test_a_composite_reference_is_looked_up_where_its_type_says(stock: Stock, tmp_path: Path) -> None:
    told = f'"Контрагент" = "{NOBODY}"'
    path = mapped(tmp_path, "")
    words = path.read_text(encoding="utf-8").replace('"Контрагент" = { order = "Контрагент_Key" }', told, 1)
    path.write_text(words, encoding="utf-8")

    result = run(stock.settings, "check", "--mapping", str(path))

    assert f"payment.fields.Контрагент: There is no {NOBODY} in Catalog_Контрагенты." in result.output


@pytest.mark.parametrize("stock", ["bp30"], indirect=True)
def test_a_reference_into_what_is_not_published_is_not_taken_for_right(stock: Stock, tmp_path: Path) -> None:
    stock.control("/_settings", {"odata_unpublished": "Catalog_ВидыОплатОрганизаций"})

    result = run(stock.settings, "check", "--mapping", str(mapped(tmp_path, f'"ВидОплаты_Key" = "{NOBODY}"')))

    assert result.exit_code == 1
    assert f"{NOBODY} cannot be looked up" in result.output


def test_a_saved_metadata_is_compared_without_asking_anybody(stock: Stock, tmp_path: Path) -> None:
    content = stock.client.call("GET", "$metadata", {}, within()).body
    (tmp_path / "saved.xml").write_bytes(content)

    result = run(None, "check", "--mapping", "ut11", "--metadata", str(tmp_path / "saved.xml"))

    assert result.exit_code == 0, result.output
