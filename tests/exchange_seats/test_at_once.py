"""Buyers and imports at once: nobody waits in a ring, nobody gets a seat that is gone."""

from __future__ import annotations

import random
import threading
from collections import Counter

from tests.exchange_seats.conftest import Theatre
from tests.exchange_seats.goods import Product, season

BUYERS = 4
EXPORTS = 6
REFUSED = {"seats_unavailable", "price_unknown"}  # the second: a price changed under a hold that waited for it


def changed(product: Product, turn: int) -> Product:
    """The same with all prices of this turn, and two rows that are gone in every second."""
    for seat in product.seats:
        is_gone = turn % 2 and seat.row in {"2", "3"}
        product = product.with_seat(seat.ref, price=str(1000 + turn), rest="0" if is_gone else "1")
    return product


def test_holds_and_imports_do_not_hinder_each_other(open_theatre: Theatre) -> None:
    performances = {ref: open_theatre.performance(ref) for ref in ("lake-15", "lake-16")}
    over, said = threading.Event(), Counter[str]()

    def buy(seed: int) -> None:
        chance = random.Random(seed)
        while not over.wait(0.005):
            seats = chance.sample([seat.ref for seat in season()[0].seats], 4)
            body = {"performance": performances[chance.choice(list(performances))], "seats": seats}
            headers = {
                "Authorization": f"Bearer {open_theatre.keys['web']}",
                "Idempotency-Key": f"{seed}-{chance.random()}",
            }
            answer = open_theatre.client.post(f"{open_theatre.url}/v1/holds", json=body, headers=headers, timeout=30)
            found = answer.json()
            said[found.get("code") or found["state"]] += 1
            if answer.status_code == 201:
                open_theatre.client.delete(f"{open_theatre.url}/v1/holds/{found['id']}", headers=headers, timeout=30)

    buyers = [threading.Thread(target=buy, args=(seed,)) for seed in range(BUYERS)]
    for buyer in buyers:
        buyer.start()
    try:
        for turn in range(EXPORTS):
            open_theatre.export(*(changed(product, turn) for product in season()))
    finally:
        over.set()
        for buyer in buyers:
            buyer.join(30)

    assert set(said) <= {"active", *REFUSED}, said
    assert said["active"]
    assert {seat: state for seat, state in open_theatre.seats().items() if state != "free"} == {
        f"{row}-{number}": "blocked" for row in (2, 3) for number in range(1, 6)
    }
    assert open_theatre.rows("SELECT count(*) FROM exchange_file WHERE state = 'failed'") == [(0,)]
