"""Holds a second: where the broker is the authority, through a 1C of 120 ms a call, and what pgbench gets."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.load import Outcome, Plan, load
from benchmarks.pgbench import CLIENTS, played_per_s
from benchmarks.processors import ms_each
from benchmarks.reads import mixed_reads
from benchmarks.seating import PAIRS_EACH, add_allotted, allotted_pairs, erp_pairs, hold_requests, new_client
from benchmarks.stack import Infobase, Stack, servers_with_infobase

CALL_MS = 120
SESSIONS = 8
PROCESSES = 2
# A request that waits for 1C keeps a thread; nobody is turned away at the door should one process have all connections.
THREADS = 256
AUTHORITY_CONNECTIONS = 32
ERP_CONNECTIONS = 208
SINGLE_CONNECTIONS = 16  # keeps every session busy, and nobody is turned away at the door
PERFORMANCES = 20
SEASON = "big:4"
PGBENCH_EACH = 200
PGBENCH_FIRST = PERFORMANCES * PAIRS_EACH - CLIENTS * PGBENCH_EACH - 1
WEB = {
    "BRIDGE_WEB__PROCESSES": str(PROCESSES),
    "BRIDGE_WEB__THREADS": str(THREADS),
    "BRIDGE_WEB__ERP_WAITERS_MAX": str(THREADS),
    "BRIDGE_ERP__WEB_SESSIONS": str(SESSIONS // PROCESSES),
    "BRIDGE_ERP__WAIT_MAX_S": "30",  # a slow answer is measured, not turned into "ask again later"
    "BRIDGE_ONEC__SESSIONS_MAX": str(SESSIONS // PROCESSES),
}


def run() -> dict[str, float]:
    """Measure everything about holds. Raises ``Spoilt``."""
    with servers_with_infobase(SEASON) as (stack, infobase):
        key, through_erp = _prepare(stack)
        infobase.slow_down(CALL_MS)
        with stack.web(**WEB) as port:
            figures = _authority(port, key) | {"reads_per_s": round(mixed_reads(stack, port, key).per_s)}
            plan = Plan("erp_batched", ERP_CONNECTIONS, measure_s=3.0, warmup_s=1.0)
            batched, cpu_ms = ms_each(lambda: load(port, through_erp, plan))
            figures |= {f"erp_batched_{kind}_cpu_ms": spent for kind, spent in sorted(cpu_ms.items())}
            figures |= _idle(port, through_erp, infobase)
        with stack.web(**WEB, BRIDGE_ERP__COMMANDS_MAX="1") as port:
            single = load(port, through_erp, Plan("erp_single", SINGLE_CONNECTIONS, measure_s=2.0, warmup_s=1.0))
        return figures | _through_erp(batched, single) | _pgbench(stack, key, figures["authority_per_s"])


def _prepare(stack: Stack) -> tuple[str, Iterator[bytes]]:
    """Fill the tables; return a client's key and the requests about which the ERP decides."""
    with stack.database() as db, db.begin() as tx:
        key = new_client(tx)
        through_erp = hold_requests(erp_pairs(tx), key)
        add_allotted(tx, PERFORMANCES)
    stack.tidy()
    return key, through_erp


def _authority(port: int, key: str) -> dict[str, float]:
    """As fast as it goes, then by the clock at half of that."""
    pairs = hold_requests(allotted_pairs(0, PGBENCH_FIRST), key)
    plan = Plan("authority", AUTHORITY_CONNECTIONS, measure_s=3.5, warmup_s=1.0)
    full, cpu_ms = ms_each(lambda: load(port, pairs, plan))
    by_clock = Plan("authority_half_load", AUTHORITY_CONNECTIONS, measure_s=2.0, rate_per_s=full.per_s / 2)
    half = load(port, pairs, by_clock)
    return {
        "authority_per_s": round(full.per_s),
        **full.times("authority"),
        **half.times("authority_half_load"),
        "authority_server_cpu_ms": cpu_ms["server"],
        "authority_database_cpu_ms": cpu_ms["database"],
        "generator_cpu_share": round(full.cpu_share, 2),
    }


def _idle(port: int, requests: Iterator[bytes], infobase: Infobase) -> dict[str, float]:
    """One client alone: what the broker adds to the time 1C takes, which 1C's own journal tells."""
    known = len(infobase.audit()["calls"])
    alone = load(port, requests, Plan("idle", 1, measure_s=2.0, warmup_s=0.5))
    calls = [call["duration_ms"] for call in infobase.audit()["calls"][known:]]
    return {"idle_p50_ms": alone.ms(0.5), "idle_overhead_ms": round(alone.ms(0.5) - median(calls), 1)}


def _through_erp(batched: Outcome, single: Outcome) -> dict[str, float]:
    return {
        "erp_batched_per_s": round(batched.per_s),
        **batched.times("erp_batched"),
        "erp_single_per_s": round(single.per_s),
        **single.times("erp_single"),
        "erp_ratio": round(batched.per_s / single.per_s, 1),
    }


def _pgbench(stack: Stack, key: str, authority_per_s: float) -> dict[str, float]:
    played, statements = played_per_s(stack, key, PGBENCH_FIRST, PGBENCH_EACH)
    return {
        "pgbench_per_s": round(played),
        "pgbench_ratio": round(authority_per_s / played, 2),
        "statements_per_hold": statements,
    }
