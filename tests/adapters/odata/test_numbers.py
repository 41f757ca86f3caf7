"""Documents that are found by a number of ours, because our id was cleared or has no field; and 1C's numbers let alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from adapters.onec.odata.check import compare
from adapters.onec.odata.mapping import OrderForm, load
from adapters.onec.odata.money_forms import NumberForm
from adapters.onec.odata.order_states import OrderStates
from bridge.core.errors import Misconfigured, Unknown
from bridge.ports.erp import Outcome
from tests.adapters.odata.conftest import CARD, Seller, Stock, edited, payment, within
from tests.adapters.odata.test_mapping import run

EACH = pytest.mark.parametrize("stock", ["ut11", "bp30", "unf30"], indirect=True)
NUMBERED = ('#number = { prefix = "ТБ-", length = 11 }', 'number = { prefix = "ТБ-", length = 11 }')
COMMENT = '"Комментарий" = { text = "ticket-bridge {id} {provider} {provider_ref} {method}" }'


@pytest.fixture
def mapping(stock: Stock, tmp_path: Path) -> str:
    """The shipped one, with numbers of ours."""
    return edited(tmp_path, NUMBERED, name=stock.name)


def test_a_number_is_of_the_whole_length_and_another_for_each_id() -> None:
    form = NumberForm(prefix="ТБ-", length=11)
    numbers = {form.of(uuid4()) for _ in range(5000)}

    assert len(numbers) == 5000
    assert {len(number) for number in numbers} == {11}
    assert form.of(UUID(int=12)) == "ТБ-0000000C", "filled up, as 1C fills its own"


@EACH
def test_a_payment_whose_comment_was_cleared_is_found_by_its_number(stock: Stock, seller: Seller, mapping: str) -> None:
    order, erp = seller.sell(), stock.posting_by(mapping)
    posting = payment(order)
    (first,) = erp.post([posting], within())
    stock.accountant_changes(Комментарий="оплата с сайта")

    assert first.number == NumberForm(prefix="ТБ-").of(posting.id)
    found = erp.find_postings([posting.id, uuid4()], within())
    assert found.keys() == {posting.id}
    assert (found[posting.id].order_id, found[posting.id].amount) == (order.id, posting.amount)
    assert erp.post([posting], within()) == [first]
    assert len(stock.drafts()) == 1


def test_control_without_a_number_it_is_posted_twice(stock: Stock, seller: Seller) -> None:
    posting = payment(seller.sell())
    stock.postings.post([posting], within())
    stock.accountant_changes(Комментарий="")

    assert stock.postings.find_postings([posting.id], within()) == {}
    stock.postings.post([posting], within())
    assert len(stock.documents()) == 2


@EACH
def test_a_configuration_without_a_field_for_our_id_is_served_by_the_number_alone(
    stock: Stock, seller: Seller, tmp_path: Path
) -> None:
    erp = stock.posting_by(edited(tmp_path, NUMBERED, (COMMENT, ""), name=stock.name))
    posting = payment(seller.sell())
    stock.arm("odata.create", "commit_then_drop")
    with pytest.raises(Unknown):
        erp.post([posting], within())

    assert [one.outcome for one in erp.post([posting], within())] == [Outcome.DONE]
    assert erp.find_postings([posting.id], within()).keys() == {posting.id}
    assert (len(stock.drafts()), stock.drafts()[0]["Комментарий"]) == (1, "")


@pytest.mark.parametrize("number", ["00000000012", "НФНФ-000012", "12"])
def test_a_draft_that_is_finished_keeps_the_number_it_has_in_1c(
    stock: Stock, seller: Seller, mapping: str, number: str, tmp_path: Path
) -> None:
    posting = payment(seller.sell())
    (tmp_path / "wrong").mkdir()
    wrong = edited(tmp_path / "wrong", NUMBERED, ('"СуммаВзаиморасчетов"', '"СуммаВзаиморасчётов"'))
    assert stock.posting_by(wrong).post([posting], within())[0].code == "erp_fields_lost"
    stock.accountant_changes(Number=number)

    (result,) = stock.posting_by(mapping).post([posting], within())

    assert (result.outcome, result.number) == (Outcome.DONE, number)
    assert [row["Number"] for row in stock.drafts()] == [number]


def test_a_draft_that_lost_its_comment_gets_it_again(stock: Stock, seller: Seller, mapping: str) -> None:
    posting = payment(seller.sell())
    stock.arm("odata.post", "drop_before")
    with pytest.raises(Unknown):
        stock.posting_by(mapping).post([posting], within())
    stock.accountant_changes(Комментарий="")

    assert [one.outcome for one in stock.posting_by(mapping).post([posting], within())] == [Outcome.DONE]
    (draft,) = stock.drafts()
    assert str(posting.id) in draft["Комментарий"]


def test_a_document_of_another_day_or_order_under_our_number_is_for_a_person(
    stock: Stock, seller: Seller, mapping: str
) -> None:
    order, erp = seller.sell(), stock.posting_by(mapping)
    posting = payment(order)
    erp.post([posting], within())
    stock.accountant_changes(Комментарий="")
    later = replace(posting, happened_at=posting.happened_at + timedelta(days=1))
    other = replace(posting, order_id=seller.sell().id)

    results = [*erp.post([later], within()), *erp.post([other], within())]

    assert [(one.outcome, one.code) for one in results] == [(Outcome.REFUSED, "erp_number_taken")] * 2
    assert len(stock.drafts()) == 1


def test_a_document_under_our_number_that_carries_another_id_of_ours_is_not_ours(
    stock: Stock, seller: Seller, mapping: str
) -> None:
    posting = payment(seller.sell())
    erp = stock.posting_by(mapping)
    erp.post([posting], within())
    stock.accountant_changes(Комментарий=f"ticket-bridge {uuid4()}")

    assert erp.find_postings([posting.id], within()) == {}
    (result,) = erp.post([posting], within())
    assert (result.outcome, result.code) == (Outcome.REFUSED, "erp_number_taken"), "1C takes a number once"


def test_a_number_that_1c_cuts_off_is_named_and_nothing_is_posted(stock: Stock, seller: Seller, tmp_path: Path) -> None:
    erp = stock.posting_by(edited(tmp_path, (NUMBERED[0], NUMBERED[1].replace("11", "14"))))

    (result,) = erp.post([payment(seller.sell())], within())

    assert (result.code, "Number" in result.message) == ("erp_fields_lost", True)
    assert stock.documents() == []


MISTAKES = [
    (COMMENT, "", "give a table [number]"),
    ("Date = {", 'Number = "12"\nDate = {', "the number is 1C's own"),
    (NUMBERED[0], 'number = { prefix = "ТБСАЙТ-", length = 11 }', "leaves less than 7 characters"),
    (NUMBERED[0] + "\n\n[refund", 'number = { prefix = "ТБ-", length = 9 }\n\n[refund', "leaves less than 7"),
    (NUMBERED[0] + "\n\n[refund", NUMBERED[1] + "\n\n[refund", "number, amount, order and is_posted must stand alike"),
    (NUMBERED[0], 'number = { prefix = "Т\'Б" }', "number.prefix"),
]


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES)
def test_a_mistake_about_numbers_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(edited(tmp_path, (old, new)))

    assert words in str(caught.value)


def numbers_checked(stock: Stock, mapping: str, length: int) -> list[str]:
    """What the check says of a mapping with numbers of that length."""
    path = Path(mapping)
    path.write_text(path.read_text(encoding="utf-8").replace("length = 11", f"length = {length}"), encoding="utf-8")
    report = json.loads(run(stock.settings, "check", "--mapping", mapping, "--json").output)
    return [f"{one['where']}: {one['what']} {one['to_do']}" for one in report["problems"]]


@pytest.mark.parametrize("length", [10, 12])
def test_the_check_compares_the_length_with_numbers_that_1c_gave(stock: Stock, mapping: str, length: int) -> None:
    stock.client.create(CARD, {"Number": "НФНФ-000012"}, within())

    assert numbers_checked(stock, mapping, 11) == []
    (problem,) = numbers_checked(stock, mapping, length)
    assert problem.startswith("payment.number.length: Numbers of Document_ОперацияПоПлатежнойКарте have 11 characters")
    assert problem.endswith("Set payment.number.length = 11.")


def test_the_check_finds_that_1c_numbers_with_our_prefix(stock: Stock, seller: Seller, mapping: str) -> None:
    stock.posting_by(mapping).post([payment(seller.sell())], within())
    assert numbers_checked(stock, mapping, 11) == []
    stock.client.create(CARD, {"Number": "ТБ-00000012"}, within())

    (problem,) = numbers_checked(stock, mapping, 11)

    assert problem.startswith("payment.number.prefix: ")
    assert "ТБ-00000012" in problem


def test_a_metadata_that_tells_the_length_is_believed(stock: Stock, mapping: str, tmp_path: Path) -> None:
    said = stock.client.call("GET", "$metadata", {}, within()).body.decode()
    assert 'Name="Number" Type="Edm.String"' in said
    saved = tmp_path / "saved.xml"
    saved.write_text(said.replace('Name="Number" Type', 'Name="Number" MaxLength="9" Type'), encoding="utf-8")

    result = run(None, "check", "--mapping", mapping, "--metadata", str(saved))

    assert (result.exit_code, "Set payment.number.length = 9." in result.output) == (1, True)


def test_a_number_that_is_no_text_there_is_told(stock: Stock, mapping: str, tmp_path: Path) -> None:
    said = stock.client.call("GET", "$metadata", {}, within()).body.decode()
    saved = tmp_path / "saved.xml"
    saved.write_text(
        said.replace('Name="Number" Type="Edm.String"', 'Name="Number" Type="Edm.Double"'), encoding="utf-8"
    )

    assert "has no number that is a text" in run(None, "check", "--mapping", mapping, "--metadata", str(saved)).output


NUMBERS_OF_ORDERS = [
    ("", "100001", "100001"),
    ("", "00000100001", "100001"),
    ("", " 100001 ", "100001"),
    ("", "INV-7", "INV-7"),
    ("НФНФ-", "НФНФ-100001", "100001"),
    ("НФНФ-", "НФНФ-000012", "12"),
    ("НФНФ-", "100001", ""),  # given by 1C to an order of its own
]


@pytest.mark.parametrize(("prefix", "said", "ours"), NUMBERS_OF_ORDERS)
def test_our_number_is_read_out_of_that_which_1c_made_of_it(prefix: str, said: str, ours: str) -> None:
    form = OrderForm(set="Document_ЗаказПокупателя", number_field="Number", number_prefix=prefix)

    assert form.number(said) == ours


def test_an_order_without_our_id_is_told_of_by_our_number(stock: Stock) -> None:
    form = OrderForm(set="Document_ЗаказПокупателя", number_field="Number", number_prefix="НФНФ-")
    rows = [{"Number": "НФНФ-100001", "Комментарий": ""}, {"Number": "0000-000002", "Комментарий": "звонил"}]

    assert [one.said.number for one in OrderStates(form, stock.settings).read(rows)] == ["100001"]


@pytest.mark.parametrize("field", ["id_field", "number_field", "state_field"])
def test_a_field_of_the_order_that_is_not_there_is_told(stock: Stock, field: str) -> None:
    mapping = load("ut11")
    wrong = mapping.model_copy(update={"order": mapping.order.model_copy(update={field: "НетТакого"})})

    (problem,) = compare(wrong, stock.client.metadata(within()))

    assert problem.where == f"order.{field}"
