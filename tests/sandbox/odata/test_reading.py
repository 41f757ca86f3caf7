"""Reading: what 1C refuses, and what it quietly does otherwise."""

from __future__ import annotations

import pytest
import requests

from tests.sandbox.odata.conftest import CARD, ORDERS, Base


def code_of(answer: requests.Response) -> str:
    found: str = answer.json()["odata.error"]["code"]
    return found


def test_a_plus_for_a_space_is_refused_and_percent_20_is_read(base: Base) -> None:
    order = base.sell()
    query = f"Ref_Key eq guid'{order}'"

    with_plus = base.http.get(
        f"{base.sandbox.odata_url}{ORDERS}", params={"$format": "json", "$filter": query}, timeout=5
    )

    assert "+" in with_plus.url
    assert (with_plus.status_code, code_of(with_plus)) == (400, "14")
    assert [row["Ref_Key"] for row in base.rows(ORDERS, filter=query)] == [order]


def test_without_format_json_the_answer_is_atom(base: Base) -> None:
    base.sell()

    answer = base.http.get(f"{base.sandbox.odata_url}{ORDERS}", timeout=5)

    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    assert b"<d:Ref_Key>" in answer.content


def test_a_table_part_cannot_be_expanded_and_a_reference_can(base: Base) -> None:
    base.sell()

    refused = base.get(ORDERS, expand="Товары")
    (row,) = base.rows(ORDERS, expand="Контрагент")

    assert refused.status_code == 501
    assert "допустимы только ссылочные реквизиты" in refused.text
    assert row["Контрагент"]["Description"] == "Ёлкина Анна"


def test_an_expanded_reference_that_select_does_not_list_is_silently_missing(base: Base) -> None:
    base.sell()

    (without,) = base.rows(ORDERS, expand="Контрагент", select="Number")
    (listed,) = base.rows(ORDERS, expand="Контрагент", select="Number,Контрагент/Description")

    assert "Контрагент" not in without
    assert "Контрагент" in listed


def test_pages_without_an_order_lose_rows_and_with_one_they_do_not(base: Base) -> None:
    keys = {base.sell() for _ in range(9)}

    def paged(**more: str) -> set[str]:
        pages = [base.rows(ORDERS, top="3", skip=str(skip), **more) for skip in (0, 3, 6)]
        return {row["Ref_Key"] for page in pages for row in page}

    assert paged() != keys
    assert paged(orderby="Ref_Key") == keys


def test_the_count_is_a_string_and_counts_all(base: Base) -> None:
    for _ in range(3):
        base.sell()

    answer = base.get(ORDERS, inlinecount="allpages", top="1").json()

    assert (answer["odata.count"], len(answer["value"])) == ("3", 1)


def test_whole_numbers_of_64_bits_are_strings(base: Base) -> None:
    order = base.sell()

    (line,) = base.rows(f"{ORDERS}(guid'{order}')/Товары")
    (same,) = base.rows(f"{ORDERS}_Товары")

    assert line["LineNumber"] == same["LineNumber"] == "1"
    assert same["Ref_Key"] == order


@pytest.mark.parametrize(
    ("path", "options", "status", "code"),
    [
        ("Document_Нет", {}, 404, "6"),
        (f"{CARD}(guid'00000000-0000-0000-0000-000000000001')", {}, 404, "9"),
        (ORDERS, {"filter": "Ref_Key eq"}, 400, "14"),
        (ORDERS, {"filter": "Ref_Key gt guid'00000000-0000-0000-0000-000000000001'"}, 400, "14"),
        (ORDERS, {"filter": "Number eq guid'00000000-0000-0000-0000-000000000001'"}, 400, "14"),
        (ORDERS, {"filter": "Number eq 'it's'"}, 400, "14"),
        (ORDERS, {"orderby": "Нет"}, 400, "14"),
    ],
)
def test_each_mistake_has_its_code(base: Base, path: str, options: dict[str, str], status: int, code: str) -> None:
    answer = base.get(path, **options)

    assert (answer.status_code, code_of(answer)) == (status, code)


def test_errors_are_atom_for_who_did_not_ask_for_json(base: Base) -> None:
    answer = base.http.get(f"{base.sandbox.odata_url}Document_Нет", timeout=5)

    assert answer.content.startswith(b"<m:error")


def test_filters_join_compare_and_look_into_texts(base: Base) -> None:
    order, _other = base.sell(), base.sell()
    (row,) = base.rows(ORDERS, filter=f"Ref_Key eq guid'{order.upper()}' and (Posted eq true or not Number eq 'x')")

    assert base.rows(ORDERS, filter=f"Number eq '{row['Number']}' and Date ge datetime'2020-01-01T00:00:00'") == [row]
    assert base.rows(ORDERS, filter="substringof('it''s',Комментарий)") == []


def test_only_what_is_ticked_is_published(base: Base) -> None:
    base.control("/_settings", {"odata_unpublished": f"{CARD}"})

    assert base.get(CARD).status_code == 404
    assert CARD not in base.http.get(f"{base.sandbox.odata_url}$metadata", timeout=5).text


def test_a_login_in_another_encoding_is_refused(base: Base) -> None:
    answer = requests.get(base.url(ORDERS), auth=("обмен".encode("cp1251"), "пароль1".encode("cp1251")), timeout=5)

    assert answer.status_code == 401
