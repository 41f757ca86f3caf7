"""What 1C accepts and refuses on the wire, and in which form it answers."""

from __future__ import annotations

import base64
import re
import uuid

import pytest
import requests

SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
PING = '<Ping xmlns="urn:ticket-bridge:1.0"/>'
IN_MODULE = "{WebСервис.TicketBridge.Модуль(25)}: "


def command(**changes):
    fields = {
        "Kind": "hold",
        "Channel": "web",
        "HoldId": str(uuid.uuid4()),
        "PerformanceId": "p",
        "Seats": {"SeatId": ["P-01-01"]},
        "TtlSeconds": "600",
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def test_an_answer_has_the_form_1c_writes(onec):
    text = onec.post(onec.envelope(PING)).text

    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap=')
    assert '<m:PingResponse xmlns:m="urn:ticket-bridge:1.0">' in text
    assert re.search(r'<m:return xmlns:xs="http://www.w3.org/2001/XMLSchema"\s+xmlns:xsi="', text)
    assert re.search(r"<m:Now>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d</m:Now>", text)


def test_empty_lists_and_strings_are_empty_elements(onec):
    text = (
        onec.send("ApplySeatCommands", Commands={"SeatCommand": [onec.hold("P-01-01")]}).text
        + onec.send("FindOrders", Ids="").text
    )

    assert "<m:Code/><m:Message/><m:LostSeats/>" in text
    assert re.search(r"<m:return [^>]*/>", text)


def test_both_versions_of_soap_are_answered_in_kind_at_one_address(onec):
    old = onec.post(onec.envelope(PING))
    new = onec.post(onec.envelope(PING, SOAP_12), {"Content-Type": "application/soap+xml; charset=utf-8"})

    assert old.headers["Content-Type"].startswith("text/xml")
    assert new.headers["Content-Type"].startswith("application/soap+xml")
    assert SOAP_12 in new.text


def test_a_fault_in_soap_12_is_written_in_soap_12(onec):
    fault = onec.post(onec.envelope('<Nothing xmlns="urn:ticket-bridge:1.0"/>', SOAP_12))

    assert fault.status_code == 500
    assert "<soap:Value>soap:Receiver</soap:Value>" in fault.text


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        ('<Nothing xmlns="urn:ticket-bridge:1.0"/>', "Операция не найдена"),
        ('<Ping xmlns="urn:somebody-else"/>', "Операция не найдена"),
        ("<Ping/>", "Операция не найдена"),
        ("", "Пустое тело"),
        ('<GetSeats xmlns="urn:ticket-bridge:1.0"/>', "отсутствует обязательное свойство: PerformanceId"),
        ('<Ping xmlns="urn:ticket-bridge:1.0"><X/></Ping>', "неожиданное свойство"),
        ('<Ping xmlns="urn:ticket-bridge:1.0">text</Ping>', "неожиданный текст"),
    ],
)
def test_a_call_that_does_not_fit_the_wsdl_is_a_fault_in_1c_s_words(onec, payload, complaint):
    answer = onec.post(onec.envelope(payload))

    assert answer.status_code == 500
    assert f"<faultstring>{IN_MODULE}" in answer.text
    assert complaint in answer.text


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"Channel": None}, "отсутствует обязательное свойство: Channel"),
        ({"TtlSeconds": "6e2"}, "значение свойства TtlSeconds не соответствует типу integer"),
        ({"TtlSeconds": "0"}, "Недопустимое значение свойства TtlSeconds"),
        ({"Seats": None}, "Не заполнено свойство Seats команды hold"),
        ({"Kind": "steal"}, "Неизвестный вид команды: steal"),
        ({"Kind": "confirm"}, "Не заполнено свойство Order команды confirm"),
        ({"HoldId": "12"}, "Уникальный идентификатор"),
        ({"Colour": "red"}, "неожиданное свойство"),
    ],
)
def test_a_malformed_command_stops_the_whole_call_before_anything_happens(onec, fields, complaint):
    answer = onec.send("ApplySeatCommands", Commands={"SeatCommand": [onec.hold("P-01-01"), command(**fields)]})

    assert answer.status_code == 500
    assert complaint in answer.text
    assert onec.audit()["holds"] == {}


def test_elements_out_of_order_are_refused(onec):
    fields = command()
    shuffled = {"Channel": fields.pop("Channel"), **fields}

    assert onec.send("ApplySeatCommands", Commands={"SeatCommand": [shuffled]}).status_code == 500


@pytest.mark.parametrize("moment", ["2026-11-22T12:00:00Z", "2026-11-22T12:00:00+03:00", "2026-11-22T12:00:00.5", "x"])
def test_a_date_with_an_offset_or_a_fraction_is_refused(onec, moment):
    payment = onec.payment(onec.sell("P-01-01"), "1500")

    answer = onec.send("PostPayments", Payments={"Payment": [{**payment, "Date": moment}]})

    assert answer.status_code == 500
    assert "значение свойства Date не соответствует типу dateTime" in answer.text


def test_the_empty_date_of_1c_is_accepted(onec):
    payment = {**onec.payment(onec.sell("P-01-01"), "1500"), "Date": "0001-01-01T00:00:00"}

    assert onec.pay(payment)[0]["Outcome"] == "done"
    assert onec.audit()["documents"][0]["happened_at"] == "0001-01-01T00:00:00"


def test_nothing_of_the_contract_may_be_nil(onec):
    nil = '<GetSeats xmlns="urn:ticket-bridge:1.0"><PerformanceId xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/></GetSeats>'

    answer = onec.post(onec.envelope(nil))

    assert answer.status_code == 500
    assert "не может быть пустым" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<a",
        b'<?xml version="1.0"?><html/>',
        b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><s>&b;</s>',
    ],
)
def test_what_is_no_soap_message_is_a_fault_and_not_a_crash(onec, body):
    answer = onec.post(body)

    assert answer.status_code == 500
    assert IN_MODULE in answer.text


@pytest.mark.parametrize("encoding", ["cp1251", "utf-16"])
def test_credentials_in_another_encoding_than_utf_8_are_refused(onec, encoding):
    token = base64.b64encode("обмен:пароль1".encode(encoding)).decode()

    answer = requests.post(onec.sandbox.service_url, headers={"Authorization": f"Basic {token}"}, data="x", timeout=5)

    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Bearer abc"])
def test_anything_but_basic_credentials_is_refused_with_a_page(onec, header):
    answer = requests.post(onec.sandbox.service_url, headers={"Authorization": header}, data="x", timeout=5)

    assert answer.status_code == 401
    assert "<h1>401 Unauthorized</h1>" in answer.text


def test_buyers_with_markup_in_their_names_survive_the_way(onec):
    onec.sell("P-01-01")

    (order,) = onec.audit()["orders"].values()

    assert order["buyer"]["name"] == "Анна & Ко"
