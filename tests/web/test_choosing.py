"""What a storefront draws a hall from, and buyers who leave the choice of seats to us, through the whole broker and 1C."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.exchange.stage import Stage

A, B = "P-01-01", "P-01-02"


def seats_of(stage: Stage, **query: str) -> dict[str, object]:
    return dict(stage.get(f"/v1/performances/{stage.performance}/seats", params=query))


def ask_to_hold(stage: Stage, **body: object) -> requests.Response:
    return stage.ask("POST", "/v1/holds", json={"performance": stage.performance, **body})


def place(stage: Stage, expect: int = 201, **body: object) -> dict[str, object]:
    answer = ask_to_hold(stage, **body)
    assert answer.status_code == expect, answer.text
    return dict(answer.json())


def test_a_sparse_map_names_only_what_is_taken_and_where_the_drawing_is_that_never_changes(stage: Stage) -> None:
    stage.hold(A)

    found = seats_of(stage, sparse="true")
    drawing = stage.ask("GET", found["layout"])

    assert [(seat["id"], seat["state"]) for seat in found["seats"]] == [(A, "held")]  # type: ignore[attr-defined]
    assert {"id", "zone", "x", "y"} <= set(drawing.json()["seats"][0])
    assert len(drawing.json()["seats"]) == 20
    assert drawing.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_delta_names_seats_that_became_free_however_sparse(stage: Stage) -> None:
    hold = stage.hold(A)
    version = seats_of(stage, sparse="true")["version"]
    stage.ask("DELETE", f"/v1/holds/{hold['id']}")

    changed = seats_of(stage, sparse="true", since=str(version))["seats"]

    assert (A, "free") in {(seat["id"], seat["state"]) for seat in changed}  # type: ignore[attr-defined]


def test_a_drawing_of_another_version_is_not_there(stage: Stage) -> None:
    answer = stage.ask("GET", f"/v1/performances/{stage.performance}/layout/{'0' * 32}")

    assert (answer.status_code, answer.json()["code"]) == (404, "layout_unknown")


def test_the_best_seats_are_neighbours_and_held_in_1c_too(stage: Stage) -> None:
    hold = place(stage, best={"count": 2})

    seats = [seat["id"] for seat in hold["seats"]]  # type: ignore[attr-defined]
    assert len({seat.rpartition("-")[0] for seat in seats}) == 1
    assert abs(int(seats[0][-2:]) - int(seats[1][-2:])) == 1
    assert {stage.onec_seat(seat)["state"] for seat in seats} == {"held"}


def test_who_leaves_the_choice_and_who_names_seats_do_not_lock_each_other_out(stage: Stage) -> None:
    wishes = [{"best": {"count": 2}}, {"seats": ["P-02-10", A]}, {"best": {"count": 3}}, {"seats": [B, "P-01-10"]}] * 4

    with ThreadPoolExecutor(len(wishes)) as callers:
        answers = list(callers.map(lambda wish: ask_to_hold(stage, **wish), wishes))

    assert {answer.status_code for answer in answers} <= {201, 202, 409}, [answer.text for answer in answers]
    held = [seat["id"] for answer in answers if answer.ok for seat in answer.json()["seats"]]
    assert len(held) == len(set(held)) == stage.one("SELECT count(*) FROM seat WHERE state = 'held'")


def test_a_group_larger_than_what_is_free_is_refused(stage: Stage) -> None:
    stage.box_office("sell", seats=[f"P-{row:02}-{number:02}" for row in (1, 2) for number in range(1, 11)][:15])
    stage.sync()

    assert place(stage, 409, best={"count": 8})["code"] == "group_unavailable"


def test_a_partial_hold_keeps_what_1c_left_and_says_what_it_costs(stage: Stage) -> None:
    stage.box_office("sell", seats=[A])  # behind the broker's back: only 1C knows

    asked = place(stage, 202, seats=[A, B], partial=True)  # 1C refuses both, and is asked about the other
    stage.work()
    hold = stage.get(f"/v1/holds/{asked['id']}")

    assert hold["state"] == "active"
    assert [seat["id"] for seat in hold["seats"]] == [B]  # type: ignore[attr-defined]
    assert hold["total_minor"] == sum(seat["price_minor"] for seat in hold["seats"])  # type: ignore[attr-defined]
    assert stage.onec_seat(B)["state"] == "held"
    assert seats_of(stage)["version"]


def test_a_seat_taken_over_from_a_hold_that_is_over_is_given_back_in_1c_first_and_sold_anew(stage: Stage) -> None:
    old = stage.hold(A)
    stage.lapse(old)

    new = place(stage, seats=[A])

    assert new["id"] != old["id"]
    assert stage.onec_seat(A)["state"] == "held"
    calls = [call for call in stage.audit()["calls"] if call["operation"] == "ApplySeatCommands"]
    assert len(calls) == 2  # the release went with the hold, in the same call
    stage.work()
    assert stage.state("hold", old) == "expired"
    assert stage.onec_seat(A)["state"] == "held"
