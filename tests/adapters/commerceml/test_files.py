"""Whole files: encodings, namespaces, broken and hostile ones."""

from __future__ import annotations

import codecs
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.onec.commerceml import CommerceMLReading, recognises
from adapters.onec.commerceml.stream import Limits
from bridge.core.errors import Refused
from bridge.ports.goods import FileKind, Product
from tests.adapters.commerceml.samples import document, encoded, goods, offer, offers, price, read_bytes

BODY = goods("<Товар><Ид>p</Ид><Наименование>Щелкунчик № 1</Наименование></Товар>") + offers(offer("p#c", price("1")))
WHOLE = encoded(document(BODY))


def refusal(content: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        read_bytes(content)
    assert "goods.xml" in str(caught.value)
    return caught.value


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8, codecs.BOM_UTF8 * 2, codecs.BOM_UTF8 + b"\r\n"])
def test_marks_and_blank_lines_before_the_text_do_no_harm(mark: bytes) -> None:
    items, reading = read_bytes(encoded(document(BODY), mark=mark))
    assert len(items) == 2
    assert reading.tally.warnings == []


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "koi8-r", "utf-16le"])
def test_the_name_is_right_in_every_encoding(encoding: str) -> None:
    text = document(BODY).replace("№ ", "")
    items, reading = read_bytes(encoded(text, encoding))
    assert isinstance(items[0], Product)
    assert items[0].name == "Щелкунчик 1"
    assert reading.tally.warnings == []


@pytest.mark.parametrize(
    ("real", "declared"), [("utf-8", "windows-1251"), ("windows-1251", "utf-8"), ("utf-8", "klingon")]
)
def test_a_declaration_that_lies_is_seen_through_with_a_warning(real: str, declared: str) -> None:
    items, reading = read_bytes(encoded(document(BODY), real, declared=declared))
    assert isinstance(items[0], Product)
    assert items[0].name == "Щелкунчик № 1"
    assert len(reading.tally.warnings) == 1
    assert declared in reading.tally.warnings[0]


@pytest.mark.parametrize(
    "namespace", ["", "urn:1C.ru:commerceml_2", "urn:1C.ru:commerceml_210", "urn:1C.ru:commerceml_999"]
)
def test_the_namespace_does_not_matter(namespace: str) -> None:
    assert len(read_bytes(encoded(document(BODY, namespace=namespace)))[0]) == 2


def test_a_file_on_one_line_or_with_windows_line_ends_is_read() -> None:
    text = document(BODY).replace("><", ">\r\n<")
    assert len(read_bytes(encoded(text))[0]) == 2


def test_the_kind_of_a_root_without_children_is_empty() -> None:
    assert read_bytes(encoded(document("")))[1].tally.kind is FileKind.EMPTY


@pytest.mark.parametrize("cut", [len(WHOLE) - 2, len(WHOLE) - 40, len(WHOLE) // 2, len(WHOLE) // 2 + 1])
def test_a_truncated_file_is_refused_as_truncated(cut: int) -> None:
    assert refusal(WHOLE[:cut]).code == "xml_truncated"


@pytest.mark.parametrize(
    "content",
    [
        b'<?xml version="1.0"?><html><body/></html>',
        b"<a/>",
        '<?xml version="1.0"?><a>КоммерческаяИнформация</a>'.encode(),
    ],
)
def test_other_xml_is_refused_as_not_commerceml(content: bytes) -> None:
    assert recognises(content)
    assert refusal(content).code == "not_commerceml"


@pytest.mark.parametrize("content", [b"", b"1CClientBankExchange\r\n", b"PK\x03\x04", b"\xff\xd8\xff", b"{}"])
def test_what_is_no_xml_is_left_to_other_formats(content: bytes) -> None:
    assert not recognises(content)


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE КоммерческаяИнформация>",
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
def test_a_doctype_is_refused_before_anything_is_yielded(doctype: str) -> None:
    reading = CommerceMLReading(io.BytesIO(encoded(doctype + document(BODY))), "goods.xml")
    with pytest.raises(Refused) as caught:
        next(iter(reading))
    assert caught.value.code == "xml_dtd_refused"


def test_a_bomb_of_entities_is_refused_as_a_dtd() -> None:
    entities = '<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
    )
    content = encoded(f"<!DOCTYPE x [{entities}]>" + document(goods("<Товар><Ид>&j;</Ид></Товар>")))
    assert refusal(content).code == "xml_dtd_refused"


@pytest.mark.parametrize("bad", ["\x01", "\x0b", "&", "&nbsp;", "<", "</Ид>"])
def test_text_that_is_illegal_in_xml_is_refused_with_its_line(bad: str) -> None:
    content = encoded(document(f"\n\n{goods(f'<Товар><Ид>p{bad}</Ид></Товар>')}\n{offers(offer('p'))}"))
    found = refusal(content)
    assert (found.code, found.params["line"]) == ("xml_malformed", 4)


def test_a_file_appended_to_itself_is_refused() -> None:
    assert refusal(WHOLE + WHOLE).code == "xml_malformed"


@pytest.mark.parametrize(
    "body",
    ["<a>" * 300, f"<a>{'x' * 11_000_000}</a>", f'<a b="{"x" * 11_000_000}"/>'],
    ids=["depth", "text", "attribute"],
)
def test_too_deep_and_too_long_is_refused(body: str) -> None:
    assert refusal(encoded(document(body))).code == "xml_limit_exceeded"


@pytest.mark.parametrize(
    ("before", "each", "after"),
    [
        ("<Каталог><Товары>", "<Товар><Ид>p</Ид></Товар>", "</Товары></Каталог>"),
        ("<Классификатор><Свойства>", "<Свойство><Ид>p</Ид></Свойство>", "</Свойства></Классификатор>"),
        ("<Документ><Товары>", "<Товар><Ид>p</Ид></Товар>", "</Товары></Документ>"),
        ("<Контрагенты>", "<Контрагент><Ид>p</Ид></Контрагент>", "</Контрагенты>"),
        ("<Справочники>", "<Справочник><Ид>p</Ид></Справочник>", "</Справочники>"),
        ("", "<Документ><Ид>p</Ид></Документ>", ""),
    ],
)
def test_a_long_list_of_anything_known_is_no_long_element(before: str, each: str, after: str) -> None:
    content = encoded(document(before + each * 20_000 + after))
    list(CommerceMLReading(io.BytesIO(content), "goods.xml", Limits(item_bytes=200_000)))


def test_an_element_with_too_much_in_it_is_refused() -> None:
    content = encoded(document(goods("<Товар><Ид>p</Ид>" + "<Картинка>a</Картинка>" * 20_000 + "</Товар>")))
    reading = CommerceMLReading(io.BytesIO(content), "goods.xml", Limits(item_bytes=200_000))
    with pytest.raises(Refused) as caught:
        list(reading)
    assert caught.value.code == "xml_limit_exceeded"


def test_too_large_a_file_is_refused() -> None:
    content = encoded(document(goods(*["<Товар><Ид>p</Ид></Товар>"] * 10_000)))
    reading = CommerceMLReading(io.BytesIO(content), "goods.xml", Limits(file_bytes=200_000))
    with pytest.raises(Refused) as caught:
        list(reading)
    assert caught.value.code == "file_too_large"


@given(st.integers(0, len(WHOLE) - 1))
@settings(max_examples=150, deadline=None)
def test_cut_anywhere_it_is_refused(cut: int) -> None:
    with pytest.raises(Refused) as caught:
        read_bytes(WHOLE[:cut])
    assert caught.value.code in {"xml_truncated", "xml_malformed", "not_commerceml"}


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_with_bytes_changed_it_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for at, byte in changes:
        content[at] = byte
    try:
        _, reading = read_bytes(bytes(content))
    except Refused as error:
        assert error.code.startswith(("xml_", "not_commerceml"))  # noqa: PT017  the other outcome is as good
    else:
        assert reading.tally.products + reading.tally.offers <= 2
