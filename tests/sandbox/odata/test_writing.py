"""Writing: what 1C takes without a word, and what it does not take."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.sandbox.odata.conftest import CARD, Base

NOBODY = "11111111-1111-4111-8111-111111111111"


def created(base: Base, **fields: Any) -> dict[str, Any]:
    answer = base.send("POST", CARD, base.payment(base.sell(), **fields))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_new_object_is_answered_whole_with_its_address_in_raw_utf_8(base: Base) -> None:
    answer = base.send("POST", CARD, base.payment(base.sell()))

    address = answer.headers["Location"].encode("latin-1").decode()
    assert (answer.status_code, address) == (201, f"{base.sandbox.odata_url}{CARD}(guid'{answer.json()['Ref_Key']}')")


def test_posted_in_the_body_is_not_posting_and_a_reference_of_ones_own_is_ignored(base: Base) -> None:
    row = created(base, Posted=True, Ref_Key=NOBODY)

    assert row["Posted"] is False
    assert row["Ref_Key"] != NOBODY
    assert base.audit()["documents"] == []


def test_unknown_fields_vanish_long_texts_are_cut_and_references_may_dangle(base: Base) -> None:
    row = created(base, Выдумка="x", НазначениеПлатежа="ш" * 238, Контрагент_Key=NOBODY.upper())

    assert "Выдумка" not in row
    assert row["НазначениеПлатежа"] == "ш" * 210
    assert row["Контрагент_Key"] == NOBODY


def test_text_in_a_whole_number_becomes_zero(base: Base) -> None:
    order = base.sell()
    rows = [{"LineNumber": "первая", "Заказ": order, "Сумма": 1}]

    answer = base.send("POST", CARD, base.payment(order, РасшифровкаПлатежа=rows))

    assert (answer.status_code, answer.json()["odata.error"]["code"]) == (400, "1")  # 0 is not 1


def test_only_the_fields_given_change_and_a_table_part_is_replaced(base: Base) -> None:
    row = created(base)
    path = f"{CARD}(guid'{row['Ref_Key']}')"
    rows = [{"LineNumber": str(number), "Сумма": 750, "Заказ": NOBODY} for number in (1, 2)]

    answer = base.send("PATCH", path, {"РасшифровкаПлатежа": rows, "Ref_Key": NOBODY}).json()

    assert answer["Комментарий"] == row["Комментарий"]
    assert answer["Ref_Key"] == row["Ref_Key"]
    assert [each["Сумма"] for each in answer["РасшифровкаПлатежа"]] == [750, 750]


def test_a_stale_data_version_is_accepted_anywhere(base: Base) -> None:
    row = created(base)
    path = f"{CARD}(guid'{row['Ref_Key']}')"
    base.send("PATCH", path, {"Комментарий": "первый"})

    stale = base.http.patch(
        base.url(path),
        json={"Комментарий": "второй", "DataVersion": row["DataVersion"]},
        headers={"If-Match": row["DataVersion"]},
        timeout=5,
    )

    assert (stale.status_code, stale.json()["Комментарий"]) == (200, "второй")
    assert "ETag" not in stale.headers
    assert (row["DataVersion"], stale.json()["DataVersion"]) == ("AAAAAAAAAAE=", "AAAAAAAAAAM=")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"РасшифровкаПлатежа": [{"Сумма": 1}]}, 500, "-1"),
        ({"РасшифровкаПлатежа": [{"LineNumber": "2", "Сумма": 1}]}, 400, "1"),
        ({"Контрагент_Key": "не ссылка"}, 400, "1"),
        ({"DeletionMark": "да"}, 400, "1"),
        ({"Date": "2026-05-14T12:30:00Z"}, 400, "1"),
        ({"СуммаДокумента": -1}, 500, "-1"),
    ],
)
def test_some_values_are_refused(base: Base, fields: dict[str, Any], status: int, code: str) -> None:
    answer = base.send("POST", CARD, base.payment(base.sell(), **fields))

    assert (answer.status_code, answer.json()["odata.error"]["code"]) == (status, code)
    assert base.audit()["odata"][CARD] == []


def test_broken_json_is_an_internal_error(base: Base) -> None:
    answer = base.send("POST", CARD, b'{"Date": ')

    assert answer.status_code == 500
    assert "Непредвиденный символ при чтении JSON" in answer.text


def test_a_document_cannot_be_deleted_only_marked(base: Base) -> None:
    row = created(base)
    path = f"{CARD}(guid'{row['Ref_Key']}')"

    assert base.send("DELETE", path).status_code == 500
    assert base.send("PATCH", path, {"DeletionMark": True}).json()["DeletionMark"] is True


def test_posting_puts_the_money_on_the_order_and_on_the_pages(base: Base) -> None:
    row = created(base)
    path = f"{CARD}(guid'{row['Ref_Key']}')"

    answer = base.send("POST", f"{path}/Post")

    (document,) = base.audit()["documents"]
    assert answer.status_code == 200
    assert document["id"] in row["Комментарий"]
    assert (document["kind"], document["amount"]) == ("payment", "1500.00")
    assert [document[name] for name in ("provider", "provider_ref", "method")] == ["yookassa", "2d-1", "bank_card"]
    assert [order["paid"] for order in base.audit()["orders"].values()] == ["1500.00"]
    assert document["number"] in requests.get(f"{base.sandbox.url}/documents", timeout=5).text


def test_posting_again_changes_nothing_and_unposting_takes_it_back(base: Base) -> None:
    path = f"{CARD}(guid'{created(base)['Ref_Key']}')"
    for _ in range(2):
        base.send("POST", f"{path}/Post")
    assert len(base.audit()["documents"]) == 1

    base.send("POST", f"{path}/Unpost")

    assert base.audit()["documents"] == []
    assert base.get(path).json()["Posted"] is False


def test_code_of_the_configuration_refuses_to_post_a_sum_that_is_not_that_of_the_rows(base: Base) -> None:
    path = f"{CARD}(guid'{created(base, СуммаДокумента=1)['Ref_Key']}')"

    answer = base.send("POST", f"{path}/Post")

    assert (answer.status_code, answer.json()["odata.error"]["code"]) == (500, "-1")
    assert "Ошибка при выполнении обработчика" in answer.text
    assert base.audit()["documents"] == []


def test_a_refund_of_more_than_was_paid_is_not_posted(base: Base) -> None:
    path = f"{CARD}(guid'{created(base, ХозяйственнаяОперация='ВозвратОплатыКлиенту')['Ref_Key']}')"

    assert base.send("POST", f"{path}/Post").status_code == 500


def test_a_write_whose_connection_breaks_is_done(base: Base) -> None:
    order = base.sell()
    base.control("/_faults", {"faults": [{"operation": "odata.create", "kind": "commit_then_drop"}]})

    with pytest.raises(requests.ConnectionError):
        base.send("POST", CARD, base.payment(order))

    assert len(base.audit()["odata"][CARD]) == 1
    assert base.audit()["calls"][-1]["is_executed"] is True


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("lock_conflict", 500, "Конфликт блокировок"),
        ("licence", 500, "лицензии"),
        ("maintenance", 403, "#exception"),
        ("html_500", 500, "application error"),
        ("error_as_200", 200, "odata.error"),
    ],
)
def test_faults_speak_in_the_forms_of_odata(base: Base, kind: str, status: int, words: str) -> None:
    order = base.sell()
    base.control("/_faults", {"faults": [{"operation": "odata.create", "kind": kind, "times": 1}]})

    answer = base.send("POST", CARD, base.payment(order))

    assert (answer.status_code, words in answer.text) == (status, True)
    assert base.audit()["odata"][CARD] == []
