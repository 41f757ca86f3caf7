"""The console: who may look, who may act, what is kept of it, and what no other site can make a browser do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import requests
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bridge.alerts.service import raise_alert
from bridge.channels.users import Role, add_user
from bridge.core import outbox
from bridge.exchange.guard import read_state
from tests.exchange.stage import Stage, opened

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def stage(fresh_database: str, fresh_valkey: str) -> Iterator[Stage]:
    with opened(fresh_database, redis_url=fresh_valkey, fair={"failures_max": 3}) as found:
        yield found


class Browser:
    """A person with a login and a browser."""

    def __init__(self, stage: Stage, role: Role) -> None:
        self.stage = stage
        self.login = role.value
        with stage.bridge.db.begin() as tx:
            self.password = add_user(tx, self.login, role)
        self.web = requests.Session()

    def sign_in(self) -> requests.Response:
        form = {"login": self.login, "password": self.password}
        return self.web.post(f"{self.stage.url}/console/sign-in", data=form, timeout=10)

    def look(self, **headers: str) -> requests.Response:
        return self.web.get(f"{self.stage.url}/console", headers=headers, timeout=10)

    @property
    def form_key(self) -> str:
        found = re.search(r'name="form_key" value="([^"]+)"', self.look().text)
        assert found
        return found[1]

    def act(self, action: str, subject: object, reason: str = "tested", **more: Any) -> requests.Response:
        form = {"form_key": more.pop("form_key", None) or self.form_key, "subject": str(subject), "reason": reason}
        url = f"{self.stage.url}/console/do/{action}"
        return self.web.post(url, data=form | more, timeout=10, allow_redirects=False)


@pytest.fixture
def admin(stage: Stage) -> Iterator[Browser]:
    browser = Browser(stage, Role.ADMIN)
    browser.sign_in()
    with browser.web:
        yield browser


@pytest.fixture
def accountant(stage: Stage) -> Iterator[Browser]:
    browser = Browser(stage, Role.ACCOUNTANT)
    browser.sign_in()
    with browser.web:
        yield browser


def erp(stage: Stage) -> str:
    assert stage.bridge.erp
    return stage.bridge.erp.name


def state(stage: Stage) -> str:
    with stage.bridge.db.begin() as tx:
        return read_state(tx, erp(stage))


def actions(stage: Stage) -> list[tuple[Any, ...]]:
    query = "SELECT login, role, action, subject, reason FROM console_action ORDER BY action_id"
    return [tuple(row) for row in stage.rows(query)]


def dead_row(stage: Stage) -> int:
    with stage.bridge.db.begin() as tx:
        row_id = outbox.put(tx, "erp.seats", "release", "hold:none", {})
        tx.execute(text("UPDATE outbox SET status = 'dead', done_at = clock_timestamp() WHERE outbox_id = :id"),
                   {"id": row_id})  # fmt: skip
    return row_id


def status_of(stage: Stage, row_id: int) -> str:
    return str(stage.one("SELECT status FROM outbox WHERE outbox_id = :id", id=row_id))


def test_a_wrong_password_is_told_and_after_a_few_the_address_waits(stage: Stage, admin: Browser) -> None:
    statuses = []
    for _ in range(4):
        form = {"login": "admin", "password": "wrong"}
        statuses.append(requests.post(f"{stage.url}/console/sign-in", data=form, timeout=10).status_code)

    assert statuses == [401, 401, 401, 429]
    assert admin.look().status_code == 200  # whoever is signed in stays so


def test_the_session_is_in_a_cookie_that_scripts_and_other_sites_do_not_get(admin: Browser) -> None:
    cookie = next(iter(admin.web.cookies))

    said = admin.sign_in().history[0].headers["Set-Cookie"]

    assert cookie.path == "/console"
    assert "HttpOnly" in said
    assert "SameSite=Strict" in said
    assert admin.look().headers["Cache-Control"] == "no-store"


def test_an_admin_begins_and_ends_maintenance_and_both_are_kept_with_who_and_why(stage: Stage, admin: Browser) -> None:
    assert admin.act("begin_maintenance", erp(stage), "update of 1C").status_code == 303
    assert state(stage) == "maintenance"
    assert "update of 1C" in admin.look().text

    admin.act("end_maintenance", erp(stage), "done")

    assert state(stage) == "closed"
    assert actions(stage) == [
        ("admin", "admin", "begin_maintenance", erp(stage), "update of 1C"),
        ("admin", "admin", "end_maintenance", erp(stage), "done"),
    ]


def test_an_admin_tries_dead_work_again_or_sets_it_aside(stage: Stage, admin: Browser) -> None:
    again, aside = dead_row(stage), dead_row(stage)
    page = admin.look().text
    assert f'name="subject" value="{again}"' in page

    admin.act("retry", again)
    admin.act("set_aside", aside, "settled by hand")

    assert status_of(stage, again) == "ready"
    assert status_of(stage, aside) == "skipped"
    assert stage.one("SELECT last_error FROM outbox WHERE outbox_id = :id", id=aside) == "settled by hand"


def test_an_admin_opens_and_closes_a_waiting_room(stage: Stage, admin: Browser) -> None:
    opened_at = admin.act("open_room", stage.performance, "premiere", opens_at="2031-01-01T10:00")
    room = stage.one("SELECT room_id FROM waiting_room WHERE state = 'presale'")
    again = admin.act("open_room", stage.performance, "again")
    closed = admin.act("close_room", room, "over")

    assert (opened_at.status_code, again.status_code, closed.status_code) == (303, 409, 303)
    assert stage.one("SELECT state FROM waiting_room") == "closed"


def test_an_accountant_looks_but_has_no_buttons_and_cannot_act_without_them(stage: Stage, accountant: Browser) -> None:
    dead = dead_row(stage)
    page = accountant.look()

    refused = accountant.act("retry", dead)

    assert page.status_code == 200
    assert "/console/do/" not in page.text
    assert refused.status_code == 403
    assert status_of(stage, dead) == "dead"
    assert actions(stage) == []


def alerted(stage: Stage, code: str = "books_differ", subject: str = "day:1") -> int:
    with stage.bridge.db.begin() as tx:
        return raise_alert(tx, code, subject, "seen")


def test_an_admin_closes_an_alert_and_who_and_why_are_kept(stage: Stage, admin: Browser) -> None:
    number = alerted(stage)
    assert f'name="subject" value="{number}"' in admin.look().text

    assert admin.act("close_alert", number, "mended by hand").status_code == 303

    assert stage.alerts() == []
    assert actions(stage) == [("admin", "admin", "close_alert", str(number), "mended by hand")]
    query = "SELECT details ->> 'closed_by', details ->> 'closed_why' FROM alert WHERE alert_id = :id"
    assert [tuple(row) for row in stage.rows(query, id=number)] == [("admin", "mended by hand")]


def test_an_alert_about_dead_work_is_not_closed_before_somebody_decides_about_the_work(
    stage: Stage, admin: Browser
) -> None:
    row_id = dead_row(stage)
    number = alerted(stage, "work_stopped", "hold:none")

    refused = admin.act("close_alert", number)

    assert refused.status_code == 409
    assert f"row {row_id}" in refused.text
    assert (stage.alerts(), actions(stage)) == (["work_stopped"], [])
    admin.act("set_aside", row_id)
    assert stage.alerts() == []


def test_an_accountant_closes_no_alerts(stage: Stage, accountant: Browser) -> None:
    number = alerted(stage)

    assert accountant.act("close_alert", number).status_code == 403
    assert (stage.alerts(), "close_alert" in accountant.look().text) == (["books_differ"], False)


@pytest.mark.parametrize("form_key", ["wrong", " "])
def test_a_form_of_another_site_does_nothing(stage: Stage, admin: Browser, form_key: str) -> None:
    assert admin.act("begin_maintenance", erp(stage), form_key=form_key).status_code == 403
    assert state(stage) == "closed"


def test_a_form_key_of_another_session_is_worth_nothing(stage: Stage, admin: Browser, accountant: Browser) -> None:
    assert admin.act("begin_maintenance", erp(stage), form_key=accountant.form_key).status_code == 403
    assert state(stage) == "closed"


def test_a_login_sent_with_each_request_only_reads(stage: Stage) -> None:
    browser = Browser(stage, Role.ADMIN)
    login = (browser.login, browser.password)
    page = requests.get(f"{stage.url}/console", auth=login, timeout=10)
    form = {"subject": erp(stage), "reason": "x", "form_key": ""}
    acted = requests.post(f"{stage.url}/console/do/begin_maintenance", data=form, auth=login, timeout=10)

    assert page.status_code == 200
    assert "/console/do/" not in page.text
    assert acted.status_code == 403
    assert state(stage) == "closed"


@pytest.mark.parametrize(
    ("action", "subject", "reason"),
    [
        ("begin_maintenance", "another system", "x"),
        ("retry", "1; DROP TABLE seat", "x"),
        ("retry", "999999", "x"),
        ("open_room", "no id", "x"),
        ("close_alert", "999999", "x"),
        ("close_alert", "the first", "x"),
        ("retry", "1", "   "),
        ("drop_everything", "1", "x"),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_kept(
    stage: Stage, admin: Browser, action: str, subject: str, reason: str
) -> None:
    assert admin.act(action, subject, reason).status_code in {403, 409}
    assert actions(stage) == []


def test_signing_out_ends_the_session_also_for_whoever_has_the_cookie(admin: Browser) -> None:
    cookies = admin.web.cookies.get_dict()
    admin.web.post(f"{admin.stage.url}/console/sign-out", data={"form_key": admin.form_key}, timeout=10)

    assert admin.look().status_code == 401
    assert requests.get(f"{admin.stage.url}/console", cookies=cookies, timeout=10).status_code == 401


def test_a_session_ends_by_time_and_with_its_person(stage: Stage, admin: Browser) -> None:
    stage.run("UPDATE console_session SET expires_at = clock_timestamp()")
    assert admin.look().status_code == 401

    admin.sign_in()
    assert admin.look().status_code == 200
    stage.run("DELETE FROM console_user")
    assert admin.look().status_code == 401


def test_what_people_did_is_only_ever_added_to(stage: Stage, admin: Browser) -> None:
    admin.act("begin_maintenance", erp(stage))

    for statement in ("UPDATE console_action SET login = 'nobody'", "DELETE FROM console_action"):
        with pytest.raises(DBAPIError) as refused:
            stage.run(statement)
        assert isinstance(refused.value.orig, psycopg.Error)
    assert len(actions(stage)) == 1


def test_what_a_buyer_or_1c_wrote_is_shown_as_text(stage: Stage, admin: Browser) -> None:
    row = dead_row(stage)
    stage.run("UPDATE outbox SET last_error = '<script>alert(1)</script>' WHERE outbox_id = :id", id=row)

    page = admin.look().text

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_how_much_clients_sell_of_what_they_hold_is_shown(stage: Stage, admin: Browser) -> None:
    hold = stage.hold("P-01-01")
    stage.ask("DELETE", f"/v1/holds/{hold['id']}")
    stage.step("score")

    row = re.search(r"<td>shop</td><td>web</td>.*?</tr>", admin.look().text)

    assert row
    assert ">0<" in row[0]
    assert ">1<" in row[0]
    assert "good" in row[0]


def test_the_page_speaks_russian(stage: Stage, admin: Browser) -> None:
    dead_row(stage)

    page = admin.look(**{"Accept-Language": "ru"}).text

    for words in ("Повторить", "Залы ожидания", "Начать обслуживание"):
        assert words in page
