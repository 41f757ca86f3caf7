"""Methods of payment that become documents of their own: card, bank, cash; and one that nothing is said of."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.onec.erp import OneCErpWithOdata
from adapters.onec.odata.mapping import find, load
from bridge.core.errors import Misconfigured, Unknown
from bridge.ports.erp import Outcome, PostingKind
from tests.adapters.odata.conftest import CARD, Seller, Stock, edited, payment, within
from tests.adapters.odata.test_mapping import run

EACH = pytest.mark.parametrize("stock", ["ut11", "bp30", "unf30"], indirect=True)
IN, OUT = PostingKind.PAYMENT, PostingKind.REFUND
# What each method becomes once the shipped lines are made to count.
WAYS = {
    "ut11": {
        "bank_card": (CARD, CARD),
        "sbp": (CARD, CARD),
        "any": (CARD, CARD),
        "bank_transfer": (
            "Document_ПоступлениеБезналичныхДенежныхСредств",
            "Document_СписаниеБезналичныхДенежныхСредств",
        ),
        "cash": ("Document_ПриходныйКассовыйОрдер", "Document_РасходныйКассовыйОрдер"),
    },
    "bp30": {
        "bank_card": ("Document_ОплатаПлатежнойКартой", "Document_ОплатаПлатежнойКартой"),
        "bank_transfer": ("Document_ПоступлениеНаРасчетныйСчет", "Document_СписаниеСРасчетногоСчета"),
        "cash": ("Document_ПриходныйКассовыйОрдер", "Document_РасходныйКассовыйОрдер"),
    },
    "unf30": {
        "any": ("Document_ПоступлениеНаСчет", "Document_РасходСоСчета"),
        "bank_card": ("Document_ОперацияПоПлатежнымКартам", "Document_ОперацияПоПлатежнымКартам"),
        "cash": ("Document_ПоступлениеВКассу", "Document_РасходИзКассы"),
    },
}


def all_ways(tmp_path: Path, name: str, *changes: tuple[str, str]) -> str:
    """The shipped mapping with the # taken away before every line of a way."""
    words = re.sub(r"^#(?=[\w\[\"])(?!number)", "", find(name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    for old, new in changes:
        assert old in words
        words = words.replace(old, new)
    path = tmp_path / "ways.toml"
    path.write_text(words, encoding="utf-8")
    return str(path)


@EACH
def test_each_method_becomes_the_document_of_its_way_and_is_found_there(
    erp: OneCErpWithOdata, stock: Stock, seller: Seller, tmp_path: Path
) -> None:
    own = stock.posting_by(all_ways(tmp_path, stock.name))
    for method, sets in WAYS[stock.name].items():
        order = seller.sell()
        before = {name: len(rows) for name, rows in stock.audit()["odata"].items()}
        postings = [payment(order, kind, method=method) for kind in (IN, OUT)]

        assert [one.outcome for one in own.post(postings, within())] == [Outcome.DONE] * 2, method

        after = {name: len(rows) for name, rows in stock.audit()["odata"].items()}
        assert {name for name in after if after[name] != before[name]} == set(sets)
        assert own.find_postings([one.id for one in postings], within()).keys() == {one.id for one in postings}
        assert erp.find_orders([order.id], within())[order.id].paid.minor == 0


@EACH
def test_the_shipped_ways_fit_their_configuration(stock: Stock, tmp_path: Path) -> None:
    result = run(stock.settings, "check", "--mapping", all_ways(tmp_path, stock.name))

    assert result.exit_code == 0, result.output


def test_a_way_differs_from_the_document_above_by_what_it_says(stock: Stock, seller: Seller, tmp_path: Path) -> None:
    terminal = stock.client.create("Catalog_ЭквайринговыеТерминалы", {"Description": "СБП"}, within())["Ref_Key"]
    empty = '"ЭквайринговыйТерминал_Key" = "00000000-0000-0000-0000-000000000000"'
    own = stock.posting_by(all_ways(tmp_path, "ut11", (empty, f'"ЭквайринговыйТерминал_Key" = "{terminal}"')))

    own.post([payment(seller.sell(), method="sbp"), payment(seller.sell(), method="bank_card")], within())

    by_method = {row["Комментарий"].split()[-1]: row["ЭквайринговыйТерминал_Key"] for row in stock.drafts()}
    assert by_method == {"sbp": terminal, "bank_card": "00000000-0000-0000-0000-000000000000"}


ONLY_CARDS = ("[payment]\nset =", '[payment]\nmethods = ["bank_card"]\nset =')


def test_a_method_that_nothing_is_said_of_is_refused_with_what_to_do(
    stock: Stock, seller: Seller, tmp_path: Path
) -> None:
    own = stock.posting_by(edited(tmp_path, ONLY_CARDS))

    results = own.post([payment(seller.sell(), method="sbp"), payment(seller.sell())], within())

    assert [(one.outcome, one.code) for one in results] == [
        (Outcome.REFUSED, "erp_method_unmapped"),
        (Outcome.DONE, ""),
    ]
    for words in ("a payment by sbp", "payment.methods", "bridge onec check --method sbp"):
        assert words in results[0].message
    assert len(stock.drafts()) == 1


def test_what_is_posted_stays_so_when_its_method_is_taken_out_of_the_mapping(
    stock: Stock, seller: Seller, tmp_path: Path
) -> None:
    posting = payment(seller.sell(), method="sbp")
    (first,) = stock.postings.post([posting], within())

    assert stock.posting_by(edited(tmp_path, ONLY_CARDS)).post([posting], within()) == [first]


def test_the_check_finds_a_method_without_a_document(stock: Stock, tmp_path: Path) -> None:
    mapping = edited(tmp_path, ONLY_CARDS)

    def checked(*words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            run(stock.settings, "check", "--mapping", mapping, "--json", *words).output
        )["problems"]
        return found

    (unsaid,) = checked()  # nothing is said of any, and nothing of others but bank_card
    assert (unsaid["where"], "by the method any" in unsaid["what"]) == ("payment.methods", True)
    assert [one["what"] for one in checked("--method", "bank_card", "--method", "sbp")] == [
        "A payment by the method sbp becomes no document, so it would be refused."
    ]
    assert checked("--method", "bank_card") == []


def test_without_a_method_the_check_looks_at_each_that_the_mapping_names(stock: Stock, tmp_path: Path) -> None:
    mapping = all_ways(
        tmp_path,
        "ut11",
        ("[payment]\nset =", '[payment]\nmethods = ["any"]\nset ='),
        ("[refund]\nset =", '[refund]\nmethods = ["any", "bank_card"]\nset ='),
        ('[refund.ways.cash]\nmethods = ["cash"]', '[refund.ways.cash]\nmethods = ["gift"]'),
    )

    report = json.loads(run(stock.settings, "check", "--mapping", mapping, "--json").output)

    assert report["methods"] == ["any", "bank_card", "bank_transfer", "cash", "gift", "sbp"]
    assert [one["what"].partition(" becomes")[0] for one in report["problems"]] == [
        "A payment by the method bank_card",
        "A payment by the method gift",
        "A refund by the method cash",
    ]
    said = run(stock.settings, "check", "--mapping", mapping).output
    assert "by the methods any, bank_card, bank_transfer, cash, gift, sbp." in said


def test_a_draft_of_another_document_than_the_mapping_says_now_is_left_to_a_person(
    stock: Stock, seller: Seller, tmp_path: Path
) -> None:
    posting = payment(seller.sell(), method="cash")
    stock.arm("odata.post", "drop_before")
    with pytest.raises(Unknown):
        stock.postings.post([posting], within())

    (result,) = stock.posting_by(all_ways(tmp_path, "ut11")).post([posting], within())

    (draft,) = stock.drafts()
    assert (result.outcome, result.code) == (Outcome.REFUSED, "erp_draft_elsewhere")
    assert (draft["Number"] in result.message, draft["Posted"]) == (True, False)


def test_what_a_way_has_from_above_is_told_once(stock: Stock, tmp_path: Path) -> None:
    mapping = all_ways(tmp_path, "ut11", ('"Сумма" = { value = "amount" }', '"Суммма" = { value = "amount" }'))

    with capture_logs():
        report = json.loads(run(stock.settings, "check", "--mapping", mapping, "--json").output)

    card = [one["where"] for one in report["problems"] if CARD in one["what"]]
    assert card == ["payment.rows.РасшифровкаПлатежа.Суммма", "refund.rows.РасшифровкаПлатежа.Суммма"]
    assert "payment.ways.bank.rows.РасшифровкаПлатежа.Суммма" in {one["where"] for one in report["problems"]}


MISTAKES = [
    ('methods = ["cash"]', 'methods = ["sbp"]', "methods that are named twice: sbp"),
    ('methods = ["cash"]', "methods = []", "payment.ways.cash.methods"),
    ('methods = ["cash"]', 'methods = ["cash"]\nwithout = ["Терминал"]', "without Терминал, which is not there"),
    ('methods = ["cash"]', 'method = ["cash"]', "payment.ways.cash.method"),
    ('methods = ["cash"]', 'methods = ["cash"]\nfields = 5', "payment.ways.cash"),
    ('methods = ["cash"]', 'methods = ["cash"]\nwithout = ["СуммаДокумента"]', 'value = "amount"'),
    (
        'methods = ["sbp"]',
        'methods = ["sbp"]\nis_posted = false',
        "payment.ways.sbp: all documents of one set are found and read alike",
    ),
]


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES)
def test_a_mistake_in_a_way_is_named_with_its_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    changes = [(old, new)]
    if "fields = 5" in new:
        changes = [("[payment.ways.cash.fields]\n", "#"), (old, new), ("[refund.ways.cash.fields]\n", "#")]
    with pytest.raises(Misconfigured) as caught:
        load(all_ways(tmp_path, "ut11", *changes))

    assert words in str(caught.value)
