"""Calls made together: nobody waits for company, nobody is forgotten, one bad item harms nobody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridge.core.together import Together


class Doubling:
    """Doubles numbers, slowly; a negative one breaks the whole batch, zero is refused alone."""

    def __init__(self, call_s: float = 0.02) -> None:
        self.call_s = call_s
        self.batches: list[list[int]] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        with self._lock:
            self.batches.append(list(items))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.call_s)
        with self._lock:
            self.at_once -= 1
        if any(item < 0 for item in items):
            raise RuntimeError("broken")
        return [ZeroDivisionError() if item == 0 else item * 2 for item in items]


def ask(together: Together[int, int], item: int) -> int | str:
    try:
        return together.call(item)
    except (RuntimeError, ZeroDivisionError) as error:
        return type(error).__name__


def test_who_comes_alone_does_not_wait() -> None:
    doubling = Doubling(call_s=0)
    together = Together(doubling)

    assert [together.call(item) for item in (1, 2, 3)] == [2, 4, 6]
    assert doubling.batches == [[1], [2], [3]]


@pytest.mark.parametrize("batches", [1, 3])
def test_who_comes_meanwhile_is_taken_along_and_everybody_gets_his_own(batches: int) -> None:
    doubling = Doubling()
    together = Together(doubling, batches=batches, batch_max=16)

    with ThreadPoolExecutor(40) as callers:
        results = list(callers.map(together.call, range(1, 401)))

    assert results == [item * 2 for item in range(1, 401)]
    assert sorted(item for batch in doubling.batches for item in batch) == list(range(1, 401))
    assert len(doubling.batches) < 200
    assert max(map(len, doubling.batches)) <= 16
    assert doubling.most_at_once <= batches
    assert together.call(7) == 14  # nobody kept the lead


def test_one_item_that_breaks_the_batch_fails_alone() -> None:
    together = Together(Doubling())

    with ThreadPoolExecutor(12) as callers:
        results = list(callers.map(lambda item: ask(together, item), [5, 1, 2, -1, 0, 3] * 2))

    assert results == [10, 2, 4, "RuntimeError", "ZeroDivisionError", 6] * 2
    assert together.call(7) == 14


def test_a_wrong_number_of_results_is_a_fault_of_each_and_not_a_wait_for_ever() -> None:
    together: Together[int, int] = Together(lambda _: [])

    with pytest.raises(ValueError, match="shorter"):
        together.call(1)
