"""Everybody who looks at one performance while its seats are sold: 5,000 viewers who ask every two seconds what has
changed, each on a connection of his own and since his own last version. All of them behind nginx with the configuration
we ship; then straight at ``bridge serve``, as many as it serves in time.
"""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import structlog

from benchmarks import nginx
from benchmarks.load import HOST, Outcome, Overloaded, Plan, Spoilt, get, talk
from benchmarks.percentiles import percentile
from benchmarks.processors import ms_each
from benchmarks.reads import OK, POLL_S, SEASON, VERSION, Sale, pages, sold_meanwhile
from benchmarks.seating import new_client
from benchmarks.stack import Stack, servers_with_infobase

log = structlog.get_logger()

VIEWERS = (5_000, 2_500, 1_500, 1_000, 500)
IN_TIME_S = 1.0  # half of what a viewer waits before he asks again
ANSWERED_MIN = 0.98  # of what is asked: less, and the server falls behind
MEASURE_S = 3.0
WARMUP_S = 2 * POLL_S  # the first question of each, and one that follows from its answer
WATCHERS = 50  # of the viewers, who look at what they are told
TOLD_WITHIN_S = 4 * POLL_S
MEASURED = ("server", "database", "proxy")
DATE = re.compile(rb"\r\ndate: *([^\r]+)", re.IGNORECASE)
AGE = re.compile(rb"\r\nage: *(\d+)", re.IGNORECASE)
ASKED = re.compile(rb'bridge_request_seconds_count\{[^}]*/seats"[^}]*\} ([0-9.e+]+)')
SEAT = re.compile(rb'"id":"([^"]+)"')


@dataclass(slots=True)
class Viewer:
    """Asks for what changed since the version he was told last."""

    path: str
    key: str
    version: str

    def ask(self) -> bytes:
        """His next question."""
        return get(self.path + self.version, self.key)

    def hear(self, answer: bytes) -> None:
        """The version to ask since. Raises ``Spoilt`` if there is none."""
        found = VERSION.search(answer)
        if found is None:
            raise Spoilt("an answer has no version")
        self.version = found[1].decode()


@dataclass(slots=True)
class Watcher(Viewer):
    """A viewer who notes when he is told of each sale, and how old each page is by its own words."""

    sold: Sequence[Sale]
    seen: int = 0
    untold: list[Sale] = field(default_factory=list)
    told_s: list[float] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)

    def hear(self, answer: bytes) -> None:
        """As any viewer. Raises ``Spoilt`` as well if he has not been told of a sale for ``TOLD_WITHIN_S``."""
        Viewer.hear(self, answer)
        now_s, named = time.perf_counter(), {seat.decode() for seat in SEAT.findall(answer)}
        new = self.sold[self.seen :]
        self.seen += len(new)
        self.untold += new
        told, self.untold = _parted(self.untold, named)
        self.told_s += [now_s - sale.begun_at for sale in told]
        if self.untold and now_s - self.untold[0].begun_at > TOLD_WITHIN_S:
            raise Spoilt(f"a viewer was not told of a sale within {TOLD_WITHIN_S} s")
        self.ages_s.append(_marked_age_s(answer))


def _parted(sales: Sequence[Sale], named: set[str]) -> tuple[list[Sale], list[Sale]]:
    """Those all of whose seats are named, and the others."""
    told = [sale for sale in sales if named.issuperset(sale.seats)]
    return told, [sale for sale in sales if not named.issuperset(sale.seats)]


def _marked_age_s(answer: bytes) -> float:
    """How old a page is at most, by what stands in its head: ``Age`` when it was sent, and the time since ``Date``."""
    sent, age = DATE.search(answer), AGE.search(answer)
    if sent is None or age is None:
        raise Spoilt("a page does not say how old it is")
    return int(age[1]) + time.time() - parsedate_to_datetime(sent[1].decode()).timestamp()


def run() -> dict[str, float]:
    """Measure both ways. Raises ``Spoilt``."""
    with servers_with_infobase(SEASON) as (stack, _):
        with stack.database() as db, db.begin() as tx:
            key = new_client(tx)
        stack.tidy()
        return _behind_nginx(stack, key, VIEWERS[0]) | _straight(stack, key)


def _behind_nginx(stack: Stack, key: str, viewers: int) -> dict[str, float]:
    if nginx.program() is None:
        log.warning("left_out", part="nginx", why="it is not installed (Debian: apt-get install nginx-light)")
        return {}
    with stack.web(BRIDGE_WEB__PROXIES="1") as port, nginx.before(port) as front:
        return _figures("nginx", viewers, _watched(stack, port, front, key, viewers))


def _straight(stack: Stack, key: str) -> dict[str, float]:
    """As many viewers as are served in time, which may be none of the numbers we try."""
    for viewers in VIEWERS:
        with stack.web() as port:
            try:
                seen = _watched(stack, port, port, key, viewers)
            except Overloaded as error:
                log.warning("too_many", viewers=viewers, error=str(error))
                continue
        if seen.is_in_time(viewers):
            return _figures("straight", viewers, seen)
        log.warning("too_late", viewers=viewers, p99_ms=seen.outcome.ms(0.99), per_s=round(seen.outcome.per_s))
    return {"straight_viewers": 0}


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a time in which many looked: of all requests, the processor time of each, what watchers were told,
    and how many of the questions came to the broker.
    """

    outcome: Outcome
    cpu_ms: dict[str, float]
    watchers: Sequence[Watcher]
    passed_on: float

    def is_in_time(self, viewers: int) -> bool:
        """Whether so many were served as they came."""
        is_quick = self.outcome.ms(0.99) <= IN_TIME_S * 1000
        return is_quick and self.outcome.per_s >= ANSWERED_MIN * viewers / POLL_S


def _watched(stack: Stack, broker: int, port: int, key: str, count: int) -> Seen:
    """Let so many look by way of ``port`` while seats are sold."""
    delta = pages(stack, broker, key)["delta"].path
    path, _, first = delta.rpartition("=")
    plan = Plan("viewers", count, MEASURE_S, WARMUP_S, expected=OK, rate_per_s=count / POLL_S)
    with stack.database() as db, sold_meanwhile(db, delta.split("/")[3]) as sold:
        watchers = [Watcher(f"{path}=", key, first, sold) for _ in range(WATCHERS)]
        others = [Viewer(f"{path}=", key, first) for _ in range(count - WATCHERS)]
        before = _asked_of(broker)
        outcome, cpu_ms = ms_each(lambda: talk(port, _mixed(watchers, others), plan))
    return Seen(outcome, cpu_ms, watchers, _asked_of(broker) - before)


def _asked_of(broker: int) -> float:
    """How often a broker has been asked for seats."""
    with urllib.request.urlopen(f"http://{HOST}:{broker}/metrics", timeout=10) as answer:
        return sum(float(count) for count in ASKED.findall(answer.read()))


def _mixed(watchers: Sequence[Viewer], others: Sequence[Viewer]) -> list[Viewer]:
    """All of them, the watchers evenly among the others."""
    each = len(others) // len(watchers)
    return [one for n, watcher in enumerate(watchers) for one in (watcher, *others[n * each : (n + 1) * each])]


def _figures(name: str, viewers: int, seen: Seen) -> dict[str, float]:
    outcome, watchers = seen.outcome, seen.watchers
    told_s = sorted(each for watcher in watchers for each in watcher.told_s)
    return {
        f"{name}_viewers": viewers,
        f"{name}_offered_per_s": round(viewers / POLL_S),
        f"{name}_answered_per_s": round(outcome.per_s),
        f"{name}_passed_on_per_s": round(seen.passed_on / (WARMUP_S + MEASURE_S), 1),
        **outcome.times(name),
        f"{name}_told_p50_ms": round(1000 * percentile(told_s, 0.5)),
        f"{name}_told_p99_ms": round(1000 * percentile(told_s, 0.99)),
        f"{name}_marked_age_max_s": round(max(each for watcher in watchers for each in watcher.ages_s), 1),
        **{f"{name}_{kind}_cpu_ms": ms for kind, ms in seen.cpu_ms.items() if kind in MEASURED},
        f"{name}_generator_cpu_share": round(outcome.cpu_share, 2),
    }
