"""A waiting room over real HTTP: places, turns, lots, admissions, and everything by which one might jump the queue."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.channels.service import Scope, add_client
from bridge.fairness.model import PaceRules
from bridge.fairness.pacing import Gate, let_in
from bridge.fairness.rooms import Opening, Subject, close_room, draw_of, open_room
from tests.exchange.stage import Stage
from tests.fairness.conftest import Open

NOBODY = "redis://127.0.0.1:1/0"
STILL = Gate(PaceRules(floor_per_s=0.001, ceiling_per_s=0.001))


class Queue:
    """The room before the first performance, and its shoppers."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.room: UUID | None = None

    def open(self, **more: Any) -> None:
        subject = more.pop("subject", None) or Subject(performance_id=UUID(self.stage.performance))
        with self.stage.bridge.db.begin() as tx:
            self.room = open_room(tx, subject, Opening("tester", "rush", **{"pace_per_s": 0.001, **more}))
        self.forget()

    def forget(self) -> None:
        """Let this process look at the rooms anew."""
        self.stage.bridge.fair_use.lobby._looked_at = float("-inf")

    def join(self, shopper: str, **more: Any) -> dict[str, Any]:
        body = {"performance": more.pop("performance", self.stage.performance), "shopper": shopper}
        answer = self.stage.ask("POST", "/v1/waiting-room", json=body, **more)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def look(self, stand: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.stage.get("/v1/waiting-room", params={"token": stand["token"]})
        return found

    def let_in(self, people: int) -> None:
        """So many come in now."""
        self.stage.run("UPDATE waiting_room SET spare = :people, advanced_at = clock_timestamp() - interval '1 s'",
                       people=people)  # fmt: skip
        with self.stage.bridge.db.begin() as tx:
            assert let_in(tx, STILL, 0.0) <= people
        self.forget()

    def hold(self, seat: str, shopper: str, admission: str | None, **more: Any) -> Any:
        body = {"performance": self.stage.performance, "seats": [seat], "customer_ref": shopper}
        headers = {"Waiting-Room-Admission": admission, **more.pop("headers", {})}
        return self.stage.ask("POST", "/v1/holds", json=body, headers=headers, **more)


@pytest.fixture
def queue(open_stage: Open) -> Iterator[Queue]:
    # Valkey is away on purpose: nothing here may need it.
    with open_stage(redis_url=NOBODY, fair={"room_floor_per_s": 0.001, "room_ceiling_per_s": 0.001}) as stage:
        yield Queue(stage)


def test_without_a_room_nobody_waits(queue: Queue) -> None:
    assert queue.join("anna")["state"] == "not_needed"
    assert queue.hold("P-01-01", "anna", None).status_code == 201


def test_whoever_is_not_let_in_cannot_hold_and_is_told_what_to_do(queue: Queue) -> None:
    queue.open()

    refused = queue.hold("P-01-01", "anna", None)

    assert (refused.status_code, refused.json()["code"]) == (403, "admission_missing")


def test_people_are_let_in_in_the_order_in_which_they_came(queue: Queue) -> None:
    queue.open()
    stands = [queue.join(name) for name in "abcd"]
    assert [stand["position"] for stand in stands] == [1, 2, 3, 4]
    assert all(stand["state"] == "waiting" and stand["estimate_s"] > 0 for stand in stands)

    queue.let_in(2)

    assert [queue.look(stand)["state"] for stand in stands] == ["admitted", "admitted", "waiting", "waiting"]
    assert [queue.look(stand)["position"] for stand in stands] == [None, None, 1, 2]


def test_whoever_was_let_in_holds_seats_and_nobody_else_does_with_his_admission(queue: Queue) -> None:
    queue.open()
    anna = queue.join("anna")
    queue.let_in(1)
    admission = queue.look(anna)["admission"]
    with queue.stage.bridge.db.begin() as tx:
        other = add_client(tx, "other", "web", tuple(Scope))

    assert queue.hold("P-01-01", "anna", admission).status_code == 201
    for answer in (
        queue.hold("P-01-02", "boris", admission),
        queue.hold("P-01-02", "anna", admission + "x"),
        queue.hold("P-01-02", "anna", anna["token"]),
        queue.hold("P-01-02", "anna", admission, api_key=other),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "admission_wrong")


def test_an_admission_is_for_one_room_only(queue: Queue) -> None:
    queue.open()
    other = queue.stage.performances[1]
    queue.open(subject=Subject(performance_id=UUID(other)))
    anna = queue.join("anna", performance=other)
    queue.let_in(1)

    assert queue.hold("P-01-01", "anna", queue.look(anna)["admission"]).json()["code"] == "admission_wrong"


def test_when_the_time_inside_is_over_one_waits_again_behind_all_others(queue: Queue) -> None:
    queue.open()
    anna, boris = queue.join("anna"), queue.join("boris")
    queue.let_in(1)
    admission = queue.look(anna)["admission"]
    queue.stage.run("UPDATE waiting_place SET admitted_at = admitted_at - interval '1 hour'")
    expired = queue.stage.bridge.fair_use.lobby
    expired._known = type(expired._known)(
        expired._known.by_id, expired._known.by_performance, expired._known.ahead_s + 3600
    )
    late = queue.hold("P-01-01", "anna", admission)

    assert (late.status_code, late.json()["code"]) == (403, "admission_over")
    queue.forget()
    assert queue.look(anna)["state"] == "over"
    assert queue.join("anna")["position"] == 2
    assert queue.look(boris)["position"] == 1
    assert queue.look(anna)["position"] == 2  # the old token shows the new place


def test_a_repeated_request_gets_its_answer_although_the_time_is_over(queue: Queue) -> None:
    queue.open()
    anna = queue.join("anna")
    queue.let_in(1)
    key = {"Idempotency-Key": uuid4().hex}
    first = queue.hold("P-01-01", "anna", queue.look(anna)["admission"], headers=key)

    again = queue.hold("P-01-01", "anna", None, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), min_size=1, max_size=12))
def test_however_often_one_reloads_or_joins_again_no_place_changes(
    queue: Queue, doings: list[tuple[str, bool]]
) -> None:
    queue.stage.run("UPDATE waiting_room SET state = 'closed'")
    queue.open()
    first_seen: dict[str, dict[str, Any]] = {}
    for shopper, is_join in doings:
        is_new = is_join or shopper not in first_seen
        stand = queue.join(shopper) if is_new else queue.look(first_seen[shopper])
        first_seen.setdefault(shopper, stand)
        assert stand["position"] == first_seen[shopper]["position"]

    positions = [stand["position"] for stand in first_seen.values()]
    assert positions == list(range(1, len(first_seen) + 1))


def test_many_requests_of_one_shopper_at_once_are_one_place(queue: Queue) -> None:
    queue.open()
    found: list[int] = []
    many = [threading.Thread(target=lambda: found.append(queue.join("anna")["position"])) for _ in range(12)]
    for one in many:
        one.start()
    for one in many:
        one.join(20)

    assert found == [1] * 12
    assert queue.stage.one("SELECT count(*) FROM waiting_place") == 1


def test_many_shoppers_at_once_have_each_a_turn_of_their_own(queue: Queue) -> None:
    queue.open()
    found: list[int] = []
    many = [threading.Thread(target=lambda name=name: found.append(queue.join(name)["position"]))
            for name in map(str, range(16))]  # fmt: skip
    for one in many:
        one.start()
    for one in many:
        one.join(20)

    assert sorted(found) == list(range(1, 17))


def test_processes_that_let_in_at_once_let_in_no_more_than_one_would(queue: Queue) -> None:
    queue.open()
    for number in range(12):
        queue.join(str(number))
    queue.stage.run("UPDATE waiting_room SET spare = 3, advanced_at = clock_timestamp() - interval '1 s'")
    counts: list[int] = []

    def one_process() -> None:
        with queue.stage.bridge.db.begin() as tx:
            counts.append(let_in(tx, STILL, 0.0))

    many = [threading.Thread(target=one_process) for _ in range(8)]
    for one in many:
        one.start()
    for one in many:
        one.join(20)

    assert sorted(counts) == [0] * 7 + [3]
    assert queue.stage.one("SELECT count(*) FROM waiting_place WHERE admitted_at IS NOT NULL") == 3


def test_places_are_forgotten_some_time_after_the_room_is_closed(queue: Queue) -> None:
    queue.open()
    queue.join("anna")
    queue.stage.run("UPDATE waiting_room SET state = 'closed', closed_at = clock_timestamp() - interval '29 days'")
    queue.stage.step("score")
    assert queue.stage.one("SELECT count(*) FROM waiting_place") == 1

    queue.stage.run("UPDATE waiting_room SET closed_at = clock_timestamp() - interval '31 days'")
    queue.stage.step("score")

    assert queue.stage.one("SELECT count(*) FROM waiting_place") == 0


def test_who_came_before_the_opening_is_put_in_an_order_drawn_by_a_lot_anybody_can_check(queue: Queue) -> None:
    queue.open(opens_at=datetime.now(UTC) + timedelta(hours=1))
    early = [queue.join(str(number)) for number in range(20)]
    promised = early[0]["seed_hash"]
    assert {stand["state"] for stand in early} == {"presale"}
    assert {stand["position"] for stand in early} == {None}
    assert queue.hold("P-01-01", "0", None).status_code == 403
    with queue.stage.bridge.db.begin() as tx:
        assert draw_of(tx, queue.room)[0] == ""  # type: ignore[arg-type]

    queue.stage.run("UPDATE waiting_room SET opens_at = clock_timestamp()")
    queue.forget()
    late = queue.join("late")
    positions = [queue.look(stand)["position"] for stand in early]

    assert sorted(positions) == list(range(1, 21))
    assert positions != sorted(positions)
    assert late["position"] == 21
    with queue.stage.bridge.db.begin() as tx:
        seed, seed_hash, lots = draw_of(tx, queue.room)  # type: ignore[arg-type]
    assert seed_hash == promised == hashlib.sha256(seed.encode()).hexdigest()
    drawn = sorted((place for place, _ in lots), key=lambda place: hashlib.sha256(f"{seed}:{place}".encode()).digest())
    assert [place for place, _ in lots] == drawn


def test_a_room_for_an_event_guards_all_its_performances(queue: Queue) -> None:
    event = queue.stage.one("SELECT event_id FROM performance LIMIT 1")
    queue.open(subject=Subject(event_id=event))

    for performance in queue.stage.performances:
        refused = queue.stage.hold("P-01-01", performance=performance, expect=403)
        assert refused["code"] == "admission_missing"


def test_a_closed_room_lets_everybody_hold_at_once(queue: Queue) -> None:
    queue.open()
    anna = queue.join("anna")
    with queue.stage.bridge.db.begin() as tx:
        close_room(tx, queue.room, "tester")  # type: ignore[arg-type]
    queue.forget()

    assert queue.look(anna)["state"] == "not_needed"
    assert queue.hold("P-01-01", "anna", None).status_code == 201


def test_a_token_is_worth_nothing_to_another_client_and_cannot_be_made_up(queue: Queue) -> None:
    queue.open()
    anna = queue.join("anna")
    with queue.stage.bridge.db.begin() as tx:
        other = add_client(tx, "other", "web", tuple(Scope))

    for token, key in ((anna["token"], other), (anna["token"][:-2] + "xx", queue.stage.key), ("1", queue.stage.key)):
        answer = queue.stage.ask("GET", "/v1/waiting-room", params={"token": token}, api_key=key)
        assert (answer.status_code, answer.json()["code"]) == (404, "waiting_token_wrong")


def test_who_waits_costs_the_database_nothing(queue: Queue) -> None:
    queue.open()
    queue.join("first")
    stand = queue.join("anna")
    queue.look(stand)
    calls = "SELECT sum(xact_commit) FROM pg_stat_database WHERE datname = current_database()"
    queue.stage.run("SELECT pg_stat_force_next_flush()")
    before = queue.stage.one(calls)
    began = time.monotonic()
    for _ in range(50):
        assert queue.look(stand)["position"] == 2
    looks = time.monotonic() - began + 1  # the rooms are read anew once a second
    queue.stage.run("SELECT pg_stat_force_next_flush()")

    assert queue.stage.one(calls) - before < 25 + 3 * looks


def test_people_come_in_by_themselves_and_faster_while_all_is_well(open_stage: Open) -> None:
    with open_stage(redis_url=NOBODY, fair={"room_floor_per_s": 2, "room_ceiling_per_s": 100}) as stage:
        queue = Queue(stage)
        queue.open(pace_per_s=2)
        stands = [queue.join(str(number)) for number in range(6)]
        ends_at = time.monotonic() + 15
        while time.monotonic() < ends_at and any(queue.look(stand)["state"] != "admitted" for stand in stands):
            time.sleep(0.2)

        assert {queue.look(stand)["state"] for stand in stands} == {"admitted"}
        assert stage.one("SELECT pace_per_s FROM waiting_room") > 2


def test_while_1c_is_down_no_more_than_the_least_come_in(open_stage: Open) -> None:
    with open_stage(redis_url=NOBODY, fair={"room_floor_per_s": 1, "room_ceiling_per_s": 100}) as stage:
        queue = Queue(stage)
        queue.open(pace_per_s=50)
        stage.run("INSERT INTO upstream (name, state, reason) VALUES (:erp, 'open', 'test') ON CONFLICT (name) "
                  "DO UPDATE SET state = 'open'", erp=stage.bridge.erp.name if stage.bridge.erp else "")  # fmt: skip
        time.sleep(1)
        stage.step("waiting_rooms")

        assert stage.one("SELECT pace_per_s FROM waiting_room") == 1


@pytest.mark.parametrize(
    ("attempts", "is_slower"),
    [
        (7, False),  # it failed and rests until it is tried again: its age tells of nobody else
        (0, True),  # nobody has come to it for an hour
    ],
)
def test_a_hold_that_rests_after_failures_slows_nobody_else_down(
    open_stage: Open, attempts: int, is_slower: bool
) -> None:
    with open_stage(redis_url=NOBODY, fair={"room_floor_per_s": 1, "room_ceiling_per_s": 100}) as stage:
        queue = Queue(stage)
        stage.break_onec("ApplySeatCommands", "silence", seconds=1)
        stage.hold("P-01-01", expect=202, wait_s=0)
        queue.open(pace_per_s=50)
        stage.run(
            "UPDATE outbox SET status = 'ready', attempts = :attempts, created_at = created_at - interval '1 hour', "
            "due_at = clock_timestamp() + interval '20 minutes'",
            attempts=attempts,
        )
        time.sleep(1)

        stage.step("waiting_rooms")

        assert (stage.one("SELECT pace_per_s FROM waiting_room") < 50) is is_slower


def test_where_holds_queue_up_a_room_opens_by_itself_and_closes_when_nobody_comes(open_stage: Open) -> None:
    more = {"room_opens_by_itself": True, "room_oldest_max_s": 1}
    with open_stage(redis_url=NOBODY, fair=more) as stage:
        stage.break_onec("ApplySeatCommands", "silence", seconds=2)
        stage.hold("P-01-01", expect=202, wait_s=0)
        stage.run("UPDATE outbox SET created_at = created_at - interval '1 minute'")
        stage.step("waiting_rooms")
        assert stage.rows("SELECT performance_id, opened_by FROM waiting_room") == [(UUID(stage.performance), "load")]

        stage.work(is_later=True)
        stage.run("UPDATE waiting_room SET created_at = created_at - interval '1 hour', opens_at = created_at")
        stage.step("waiting_rooms")

        assert stage.one("SELECT state FROM waiting_room") == "closed"
