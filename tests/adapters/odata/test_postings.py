"""Postings over OData: numbers 5 and 6 of the port, in each configuration, and what 1C silently does to documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.onec.erp import OneCErpWithOdata
from adapters.onec.odata.client import OdataClient
from adapters.onec.odata.erp import OdataPostings
from adapters.onec.odata.mapping import load
from adapters.onec.odata.values import Row
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, Misconfigured, NotSent, Throttled, Unknown
from bridge.core.money import Money
from bridge.ports.erp import Outcome, Posting, PostingKind
from tests.adapters.odata.conftest import CARD, HAPPENED_AT, Seller, Stock, edited, payment, within

EACH = pytest.mark.parametrize("stock", ["ut11", "bp30", "unf30"], indirect=True)


@EACH
def test_5_a_payment_is_posted_on_its_order_and_found_by_our_id(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller
) -> None:
    order = seller.sell()
    posting = payment(order)

    (result,) = erp.post([posting], within())
    found = erp.find_postings([posting.id, UUID(int=5)], within())

    (document,) = stock.documents()
    assert result.outcome is Outcome.DONE
    assert result.number == document["number"] == found[posting.id].number
    assert (document["id"], document["order_id"], document["kind"]) == (str(posting.id), str(order.id), "payment")
    assert document["happened_at"] == "2026-05-14T12:30:15"
    assert found.keys() == {posting.id}
    assert (found[posting.id].order_id, found[posting.id].amount) == (order.id, posting.amount)
    assert found[posting.id].posted_at == HAPPENED_AT.replace(microsecond=0)
    assert erp.find_orders([order.id], within())[order.id].paid == order.total


@EACH
def test_5_a_refund_is_written_as_one_and_one_too_many_is_refused(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller
) -> None:
    order = seller.sell()

    results = erp.post([payment(order), *(payment(order, PostingKind.REFUND) for _ in range(2))], within())

    assert [one.outcome for one in results] == [Outcome.DONE, Outcome.DONE, Outcome.REFUSED]
    assert results[2].code == "erp_handler_refused"
    assert results[2].number is not None
    assert erp.find_orders([order.id], within())[order.id].paid == Money(0, "RUB")
    assert [one["kind"] for one in stock.documents()] == ["payment", "refund"]


@EACH
@pytest.mark.parametrize("step", ["create", "post"])
@pytest.mark.parametrize("kind", ["commit_then_drop", "cut_answer"])
def test_5_a_payment_whose_answer_was_lost_is_found_or_finished_and_never_made_twice(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller, step: str, kind: str
) -> None:
    posting = payment(seller.sell())
    stock.arm(f"odata.{step}", kind)

    # Half of the empty answer to Post is a whole one, and the document itself then says that it is posted.
    if (step, kind) != ("post", "cut_answer"):
        with pytest.raises(Unknown):
            erp.post([posting], within())
    if posting.id not in erp.find_postings([posting.id], within()):
        assert [one.outcome for one in erp.post([posting], within())] == [Outcome.DONE]

    assert [one["id"] for one in stock.documents()] == [str(posting.id)]
    assert len(stock.drafts()) == 1


def test_5_posting_again_makes_no_second_document(erp: OneCErpWithOdata, stock: Stock, seller: Seller) -> None:
    posting = payment(seller.sell())

    (first,), (second,) = erp.post([posting], within()), erp.post([posting], within())

    assert first == second
    assert len(stock.drafts()) == 1


class ForgetfulPostings(OdataPostings):
    """Control: does not look up what may be there already."""

    def _look_up_postings(self, ids: set[UUID], deadline: Deadline) -> dict[UUID, list[Any]]:
        return {our_id: [] for our_id in ids}


def test_control_without_the_look_up_a_lost_answer_makes_two_documents(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller
) -> None:
    posting = payment(seller.sell())
    forgetful = ForgetfulPostings(stock.settings, load("ut11"))
    stock.arm("odata.post", "commit_then_drop")

    with pytest.raises(Unknown):
        forgetful.post([posting], within())
    forgetful.post([posting], within())

    assert len(stock.documents()) == 2


# What is armed at which step, what becomes of the call, and how many drafts are there afterwards.
DISTURBANCES: list[tuple[str, str, dict[str, Any], type[BridgeError], int]] = [
    ("create", "drop_before", {}, Unknown, 0),
    ("create", "html_500", {}, Unknown, 0),
    ("create", "html_500", {"executes": True}, Unknown, 1),
    ("create", "garbage_200", {}, Unknown, 0),
    ("create", "garbage_200", {"executes": True}, Unknown, 1),
    ("create", "error_as_200", {"executes": True}, Unknown, 1),
    ("create", "licence", {}, Throttled, 0),
    ("create", "licence", {"lang": "en"}, Throttled, 0),
    ("create", "maintenance", {"times": 1}, Throttled, 0),
    ("create", "session_killed", {}, Unknown, 0),
    ("create", "silence", {"seconds": 3}, Unknown, 1),
    ("post", "html_500", {}, Unknown, 1),
    ("post", "garbage_200", {}, Unknown, 1),
    ("post", "licence", {}, Throttled, 1),
    ("read", "licence", {}, Throttled, 0),
]


@pytest.mark.parametrize(("step", "kind", "more", "error", "drafts"), DISTURBANCES)
def test_6_an_error_says_what_may_have_happened_and_the_next_attempt_ends_with_one_document(
    erp: OneCErpWithOdata,
    stock: Stock,
    seller: Seller,
    step: str,
    kind: str,
    more: dict[str, Any],
    error: type[BridgeError],
    drafts: int,
) -> None:
    posting = payment(seller.sell())
    stock.arm(f"odata.{step}", kind, **more)

    with pytest.raises(BridgeError) as caught:
        erp.post([posting], within(1.5))

    assert type(caught.value) is error
    assert len(stock.drafts()) == drafts
    assert erp.find_postings([posting.id], within()) == {}
    assert [one.outcome for one in erp.post([posting], within())] == [Outcome.DONE]
    assert len(stock.drafts()) == len(stock.documents()) == 1


def test_6_a_lock_conflict_concerns_one_document_only(erp: OneCErpWithOdata, stock: Stock, seller: Seller) -> None:
    postings = [payment(seller.sell()) for _ in range(2)]
    stock.arm("odata.post", "lock_conflict")

    results = erp.post(postings, within())

    assert [one.outcome for one in results] == [Outcome.FAILED, Outcome.DONE]
    assert [one.outcome for one in erp.post(postings, within())] == [Outcome.DONE, Outcome.DONE]
    assert len(stock.documents()) == 2


def test_6_a_lack_of_licences_stops_the_rest_and_keeps_what_is_done(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller
) -> None:
    postings = [payment(seller.sell()) for _ in range(3)]
    erp.post(postings[:1], within())
    stock.arm("odata.create", "licence")

    results = erp.post(postings, within())

    assert [one.outcome for one in results] == [Outcome.DONE, Outcome.FAILED, Outcome.FAILED]
    assert len(stock.documents()) == 1


def test_6_a_deadline_that_is_over_sends_nothing(erp: OneCErpWithOdata, stock: Stock, seller: Seller) -> None:
    posting = payment(seller.sell())

    with pytest.raises(NotSent):
        erp.post([posting], within(0))

    assert stock.calls("odata.read") == 0


def test_6_what_there_is_no_time_for_is_not_begun(erp: OneCErpWithOdata, stock: Stock, seller: Seller) -> None:
    postings = [payment(seller.sell()) for _ in range(2)]

    results = erp.post(postings, within(2.9))

    assert [one.outcome for one in results] == [Outcome.DONE, Outcome.FAILED]
    assert len(stock.drafts()) == 1


def test_one_refused_posting_does_not_stop_its_neighbours(erp: OneCErpWithOdata, seller: Seller) -> None:
    order = seller.sell()

    results = erp.post([payment(order, PostingKind.REFUND), payment(order)], within())

    assert [one.outcome for one in results] == [Outcome.REFUSED, Outcome.DONE]


def test_a_field_that_1c_ignores_is_named_and_nothing_is_posted(stock: Stock, seller: Seller, tmp_path: Path) -> None:
    mapping = load(edited(tmp_path, ('"СуммаВзаиморасчетов"', '"СуммаВзаиморасчётов"')))

    (result,) = OdataPostings(stock.settings, mapping).post([payment(seller.sell())], within())

    assert (result.outcome, result.code) == (Outcome.REFUSED, "erp_fields_lost")
    assert "РасшифровкаПлатежа[1].СуммаВзаиморасчётов" in result.message
    assert stock.documents() == []


def test_a_text_that_1c_cuts_off_is_named_and_nothing_is_posted(stock: Stock, seller: Seller, tmp_path: Path) -> None:
    first = '"ХозяйственнаяОперация"'
    mapping = load(edited(tmp_path, (first, f'"НазначениеПлатежа" = "{"ш" * 238}"\n{first}')))

    (result,) = OdataPostings(stock.settings, mapping).post([payment(seller.sell())], within())

    assert (result.code, "НазначениеПлатежа" in result.message) == ("erp_fields_lost", True)
    assert stock.documents() == []


class BlindClient(OdataClient):
    """Control: writes without comparing what 1C made of it."""

    def _checked(self, set_name: str, key: str, fields: Mapping[str, Any], deadline: Deadline) -> Row:
        return self._read_back(set_name, key, deadline)


def test_control_without_the_read_back_the_loss_is_silent(stock: Stock, seller: Seller, tmp_path: Path) -> None:
    mapping = load(edited(tmp_path, ('"СуммаВзаиморасчетов"', '"СуммаВзаиморасчётов"')))
    blind = OdataPostings(stock.settings, mapping, BlindClient(stock.settings))

    (result,) = blind.post([payment(seller.sell())], within())

    (draft,) = stock.drafts()
    assert result.outcome is Outcome.DONE
    assert draft["РасшифровкаПлатежа"][0]["СуммаВзаиморасчетов"] == "0.00"


def test_a_draft_that_lost_fields_is_finished_once_the_mapping_is_mended(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller, tmp_path: Path
) -> None:
    posting = payment(seller.sell())
    wrong = load(edited(tmp_path, ('"СуммаВзаиморасчетов"', '"СуммаВзаиморасчётов"')))
    OdataPostings(stock.settings, wrong).post([posting], within())

    (result,) = erp.post([posting], within())

    (draft,) = stock.drafts()
    assert result.outcome is Outcome.DONE
    assert draft["РасшифровкаПлатежа"][0]["СуммаВзаиморасчетов"] == str(posting.amount.decimal)


class Interrupted(OdataClient):
    """Somebody in 1C does something right after the first document is posted."""

    def __init__(self, stock: Stock, does: Callable[[], object]) -> None:
        super().__init__(stock.settings)
        self._does: list[Callable[[], object]] = [does]

    def post(self, set_name: str, key: UUID | str, deadline: Deadline) -> Row:
        row = super().post(set_name, key, deadline)
        if self._does:
            self._does.pop()()
        return row


def test_a_draft_that_an_accountant_is_editing_is_not_overwritten(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller, tmp_path: Path
) -> None:
    first, second = (payment(seller.sell()) for _ in range(2))
    wrong = load(edited(tmp_path, ('"СуммаВзаиморасчетов"', '"СуммаВзаиморасчётов"')))
    OdataPostings(stock.settings, wrong).post([second], within())

    (draft,) = stock.drafts()
    edits = {"ХозяйственнаяОперация": "ПрочееПоступление"}
    interrupted = Interrupted(stock, lambda: stock.client.change(CARD, draft["Ref_Key"], edits, within()))
    results = OdataPostings(stock.settings, load("ut11"), interrupted).post([first, second], within())

    assert [(one.outcome, one.code) for one in results] == [
        (Outcome.DONE, ""),
        (Outcome.REFUSED, "erp_changed_meanwhile"),
    ]
    (left,) = [row for row in stock.drafts() if row["Ref_Key"] == draft["Ref_Key"]]
    assert left["ХозяйственнаяОперация"] == "ПрочееПоступление"


def test_a_draft_that_is_as_it_should_be_is_posted_and_not_written_again(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller
) -> None:
    posting = payment(seller.sell())
    stock.arm("odata.post", "drop_before")
    with pytest.raises(BridgeError):
        erp.post([posting], within())
    (before,) = stock.drafts()

    assert [one.outcome for one in erp.post([posting], within())] == [Outcome.DONE]
    assert stock.calls("odata.change") == 0
    (after,) = stock.drafts()
    assert (before["Posted"], after["Posted"]) == (False, True)


def accountant_changes(stock: Stock, **fields: Any) -> None:
    (draft,) = stock.drafts()
    stock.client.change(CARD, draft["Ref_Key"], fields, within())


def test_a_document_marked_for_deletion_is_not_found_and_not_made_again(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller
) -> None:
    posting = payment(seller.sell())
    erp.post([posting], within())
    accountant_changes(stock, DeletionMark=True)

    assert erp.find_postings([posting.id], within()) == {}
    (result,) = erp.post([posting], within())
    assert (result.outcome, result.code) == (Outcome.REFUSED, "document_deleted")
    assert len(stock.drafts()) == 1


def test_a_document_whose_sum_an_accountant_changed_is_not_taken_for_ours(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller
) -> None:
    posting = payment(seller.sell())
    erp.post([posting], within())
    accountant_changes(stock, СуммаДокумента=1)

    assert erp.find_postings([posting.id], within())[posting.id].amount == Money(100, "RUB")
    (result,) = erp.post([posting], within())
    assert (result.outcome, result.code) == (Outcome.REFUSED, "posting_mismatch")


def test_a_document_that_an_accountant_copied_is_told_from_ours_by_its_sum(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller
) -> None:
    posting = payment(seller.sell())
    erp.post([posting], within())
    (draft,) = stock.drafts()
    row = stock.client.get(CARD, draft["Ref_Key"], within())
    assert row is not None
    copied = {name: row[name] for name in ("Date", "СуммаДокумента", "ХозяйственнаяОперация", "Комментарий")}
    rows = [{name: one[name] for name in ("LineNumber", "Заказ", "Сумма")} for one in row["РасшифровкаПлатежа"]]
    copy = stock.client.create(CARD, {**copied, "РасшифровкаПлатежа": rows}, within())

    assert erp.find_postings([posting.id], within())[posting.id].amount == posting.amount  # a draft does not count
    assert erp.post([posting], within())[0].number == draft["Number"]
    stock.client.post(CARD, copy["Ref_Key"], within())

    assert erp.find_postings([posting.id], within())[posting.id].amount == Money(2 * posting.amount.minor, "RUB")
    assert erp.post([posting], within())[0].code == "erp_found_twice"


def test_money_in_a_currency_the_mapping_does_not_know_is_refused(erp: OneCErpWithOdata, seller: Seller) -> None:
    posting = replace(payment(seller.sell()), amount=Money(100, "USD"))

    assert erp.post([posting], within())[0].code == "erp_currency_other"


def test_many_ids_are_looked_up_in_addresses_that_a_web_server_takes(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller
) -> None:
    order = seller.sell()
    share = Money(order.total.minor // 40, "RUB")
    postings = [payment(order, amount=share) for _ in range(30)]

    assert {one.outcome for one in erp.post(postings, within(60))} == {Outcome.DONE}
    before = stock.calls("odata.read")
    found = erp.find_postings([posting.id for posting in postings], within())

    assert found.keys() == {posting.id for posting in postings}
    assert stock.calls("odata.read") - before <= 5


def test_texts_that_1c_could_not_export_again_are_cleaned(erp: OneCErpWithOdata, stock: Stock, seller: Seller) -> None:
    posting: Posting = payment(seller.sell(), provider_ref="реф\x02 🎭\nещё")

    assert erp.post([posting], within())[0].outcome is Outcome.DONE
    assert stock.drafts()[0]["Комментарий"].endswith("yookassa реф ещё bank_card")


def test_all_else_of_the_port_is_not_offered(stock: Stock) -> None:
    postings = stock.postings
    calls: Iterable[Any] = (
        lambda: postings.ping(within()),
        lambda: postings.changes("", 1, within()),
        lambda: postings.seats("p", within()),
        lambda: postings.apply([], within()),
        lambda: postings.find_holds([], within()),
        lambda: postings.find_orders([], within()),
    )
    for call in calls:
        with pytest.raises(Misconfigured, match="erp_not_offered"):
            call()
