from __future__ import annotations

import pytest

from sandbox.bitrix.app import BitrixSandbox
from tests.sandbox.bitrix.conftest import Client
from tests.sandbox.bitrix.files import document, goods, offers


def elements(client: Client, block: str = "cat") -> dict[str, bool]:
    found = client.audit()["blocks"][block]["elements"]
    return {ref: one["is_active"] for ref, one in found.items()}


def test_answers_are_in_windows_1251_with_status_200_whatever_happens(client: Client) -> None:
    client.login = ("exchange", "wrong")

    said = client.raw("catalog", "checkauth")

    assert said.status_code == 200
    assert said.headers["Content-Type"] == "text/html; charset=windows-1251"
    assert said.content.decode("windows-1251").startswith("failure\nОшибка авторизации")


def test_check_auth_of_the_catalogue_has_five_lines_and_of_orders_four(client: Client) -> None:
    assert [line.partition("=")[0] for line in client.enter("catalog")[3:]] == ["sessid", "timestamp", ""]
    assert [line.partition("=")[0] for line in client.enter("sale")[3:]] == ["sessid", ""]


def test_a_file_in_parts_is_put_together_under_its_name(client: Client) -> None:
    content = goods("a", "b").encode()
    client.enter("catalog")
    client.ask("catalog", "init")
    for at in range(0, len(content), 100):
        assert client.ask("catalog", "file", content[at : at + 100], filename="import.xml")[0] == "success"

    assert client.bring_in("import.xml")[0] == "success"
    assert elements(client) == {"a": True, "b": True}


def test_a_part_over_the_limit_is_refused(client: Client) -> None:
    client.enter("catalog")
    client.ask("catalog", "init")

    assert client.ask("catalog", "file", b"x" * 5001, filename="import.xml")[0] == "failure"


def test_import_works_in_steps_and_names_them(client: Client) -> None:
    client.enter("catalog")
    client.ask("catalog", "init")
    client.ask("catalog", "file", goods("a", "b", "c").encode(), filename="import.xml")

    words = []
    while (said := client.ask("catalog", "import", filename="import.xml"))[0] == "progress":
        words.append(said[1])

    assert said[0] == "success"
    assert words[0] == "Временные таблицы удалены."
    assert words[-1] == "Обработано 2 из 3 элементов."


def test_the_second_init_wipes_the_files_of_the_first_client(site: BitrixSandbox, client: Client) -> None:
    client.enter("catalog")
    client.ask("catalog", "init")
    client.ask("catalog", "file", goods("a").encode(), filename="import.xml")
    other = Client(site.url)
    other.enter("catalog")
    other.ask("catalog", "init")

    assert client.bring_in("import.xml")[0] == "failure"


@pytest.mark.parametrize(("action", "left"), [("D", {"b": True}), ("A", {"a": False, "b": True}), ("N", {"a": True, "b": True})])  # fmt: skip
def test_a_file_said_to_be_whole_takes_away_what_it_does_not_mention(
    client: Client, action: str, left: dict[str, bool]
) -> None:
    client.tell("/_settings", absent_action=action)
    client.upload("import.xml", goods("a"))

    client.upload("import.xml", goods("b", only_changes=False))

    assert elements(client) == left


def test_a_file_of_changes_takes_nothing_away(client: Client) -> None:
    client.upload("import.xml", goods("a"))
    client.upload("import.xml", goods("b"))

    assert elements(client) == {"a": True, "b": True}


def test_deactivate_hides_everything_older_than_its_moment(client: Client) -> None:
    client.upload("import.xml", goods("a"))
    client.tell("/_clock", advance_s=10)
    stamp = client.enter("catalog")[4].removeprefix("timestamp=")
    client.upload("import.xml", goods("b"))

    client.enter("catalog")
    assert client.ask("catalog", "deactivate", timestamp=stamp)[0] == "success"

    assert elements(client) == {"a": False, "b": True}


def test_a_unit_without_a_code_ends_the_import(client: Client) -> None:
    said = client.upload("import.xml", goods("a", more="<БазоваяЕдиница>шт</БазоваяЕдиница>"))

    assert said[0] == "failure"
    assert "код единицы: )" in said[1]


def test_prices_alone_leave_the_rest_of_an_offer_and_anything_more_does_not(client: Client) -> None:
    price = (
        "<Цены><Цена><ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу><Валюта>RUB</Валюта></Цена></Цены>"
    )
    client.upload(
        "offers.xml",
        offers("<Предложение><Ид>a</Ид><Наименование>Имя</Наименование><Количество>3</Количество></Предложение>"),
    )
    client.upload("offers.xml", offers(f"<Предложение><Ид>a</Ид>{price}</Предложение>"))
    kept = client.audit()["blocks"]["cat#"]["elements"]["a"]

    client.upload("offers.xml", offers(f"<Предложение><Ид>a</Ид><Количество>1</Количество>{price}</Предложение>"))
    wiped = client.audit()["blocks"]["cat#"]["elements"]["a"]

    assert (kept["name"], kept["quantity"], kept["prices"]) == ("Имя", "3", {"retail": "5"})
    assert wiped["name"] == ""


def test_a_price_of_an_unknown_type_vanishes_without_a_word(client: Client) -> None:
    price = "<Цены><Цена><ИдТипаЦены>else</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>"

    said = client.upload("offers.xml", offers(f"<Предложение><Ид>a</Ид>{price}</Предложение>"))

    assert said[0] == "success"
    assert client.audit()["blocks"]["cat#"]["elements"]["a"]["prices"] == {}


def test_the_source_check_of_the_catalogue_latches_once_a_valid_sessid_came(
    site: BitrixSandbox, client: Client
) -> None:
    assert client.upload("import.xml", goods("a"))[0] == "success"
    modern = Client(site.url, sends_sessid=True)
    modern.upload("import.xml", goods("b"))

    client.enter("catalog")

    assert client.ask("catalog", "init")[1].startswith("Ошибка проверки источника запроса")
    assert modern.upload("import.xml", goods("b"))[0] == "success"


def test_complete_is_known_to_the_newest_version_only(client: Client) -> None:
    client.enter("catalog")
    assert client.ask("catalog", "complete")[0] == "success"

    client.tell("/_settings", version="14.5")
    assert client.ask("catalog", "complete")[0] == "failure"


def test_scripts_and_paths_out_of_the_folder_are_refused(client: Client) -> None:
    client.enter("catalog")
    client.ask("catalog", "init")

    for name in ("shell.php", "../import.xml", ""):
        assert client.ask("catalog", "file", b"x", filename=name)[0] == "failure"


def test_a_file_that_is_no_xml_and_a_file_that_never_came_fail(client: Client) -> None:
    assert client.upload("import.xml", document("<Каталог>"))[0] == "failure"
    assert client.bring_in("other.xml")[0] == "failure"


def test_a_reset_forgets_everything(client: Client) -> None:
    client.upload("import.xml", goods("a"))
    client.tell("/_reset")

    assert client.audit()["blocks"] == {}
