"""What stands before every request: who asks, whether an address is guessing, whether a client asks too often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, Flask, Response, g, request
from sqlalchemy import text

from bridge.channels.service import Client
from bridge.core.db import Database
from bridge.core.errors import Refused, Throttled
from bridge.fairness.allowances import Allowances, LiveHolds
from bridge.fairness.counters import Counters
from bridge.fairness.guesses import Guesses
from bridge.fairness.limits import WINDOW_S, Entry, RateExceeded, RateLimits, Standing
from bridge.fairness.lobby import Lobby
from bridge.rest.auth import Keys, authenticate, given_key

HOLDS = "/v1/holds"
ADMISSION = "Waiting-Room-Admission"

_ANSWERED = text("SELECT 1 FROM idempotency WHERE client_id = :client AND key = :key AND status IS NOT NULL")


class FairUse:
    """The limits of one server process."""

    def __init__(
        self, counters: Counters, allowances: Allowances, live: LiveHolds, guesses: Guesses, lobby: Lobby
    ) -> None:
        self._counters = counters
        self._limits = RateLimits(counters)
        self._allowances = allowances
        self._live = live
        self.guesses = guesses
        self.lobby = lobby

    def identify(self, keys: Keys) -> None:
        """Find out who asks the API. A key this process knows is not a guess, so nothing is counted for it.

        Raises ``Refused`` for a key that is wrong, ``Throttled`` for an address that sent too many of those.
        """
        key = given_key()
        if not key or keys.remembers(key):
            authenticate(keys, key)
            return
        address = request.remote_addr or ""
        self._check(address, key, keys)
        try:
            authenticate(keys, key)
        except Refused as refusal:
            if refusal.code == "key_unknown":
                self.guesses.note(address)
            raise

    def _check(self, address: str, key: str, keys: Keys) -> None:
        """While this process counts alone, which is strict, a key that is right is let in all the same."""
        try:
            self.guesses.check(address)
        except Throttled:
            if not self._counters.is_away or keys.client(key) is None:
                raise

    def enter(self) -> None:
        """Count the request of ``g.client``. Raises ``Throttled``."""
        client: Client = g.client
        try:
            g.fair_entry = self._limits.enter(client.id, self._allowances.of(client))
        except RateExceeded as refusal:
            g.fair_standing = refusal.standing
            raise

    def check_hold(self, db: Database) -> None:
        """A request for seats needs a client that may have one hold more, and where people wait for these seats the
        admission of its shopper. Raises ``Refused``.

        Whoever repeats a request that was answered gets its answer, however late.
        """
        if not _asks_for_seats():
            return
        try:
            self._check_live(g.client)
            self._check_turn(request.get_json())
        except Refused:
            if not _is_repeated(db):
                raise

    def _check_live(self, client: Client) -> None:
        limit = self._allowances.of(client).live_holds_max
        if limit is not None:
            self._live.enter(client.id, limit)

    def _check_turn(self, body: Mapping[str, Any]) -> None:
        if not self.lobby.has_rooms:
            return
        shopper = str(body.get("customer_ref") or "")
        try:
            wanted = UUID(str(body.get("performance")))
        except ValueError:
            return  # the form of the request is not as it should be, which the view will tell
        self.lobby.check(wanted, g.client.id, shopper, request.headers.get(ADMISSION, ""))

    def guard_passwords(self, pages: Blueprint) -> None:
        """Count wrong passwords of ``pages``, which tell of them by setting ``g.credentials_failed``."""

        def check() -> None:
            self.guesses.check(request.remote_addr or "")

        def note(response: Response) -> Response:
            if g.get("credentials_failed"):
                self.guesses.note(request.remote_addr or "")
            return response

        pages.before_request(check)
        pages.after_request(note)

    def install(self, app: Flask) -> None:
        """Say in each answer what is left, and count requests that end."""
        app.after_request(_tell)
        app.teardown_request(_leave)

    def close(self) -> None:
        """Give the connections to Valkey back."""
        self._counters.close()


def _asks_for_seats() -> bool:
    return request.path == HOLDS and request.method == "POST"


def _is_repeated(db: Database) -> bool:
    with db.begin() as tx:
        key = request.headers.get("Idempotency-Key", "").strip()
        return tx.execute(_ANSWERED, {"client": g.client.id, "key": key}).first() is not None


def _tell(response: Response) -> Response:
    """https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/, since its revision 08."""
    entry: Entry | None = g.get("fair_entry")
    standing: Standing | None = entry.standing if entry else g.get("fair_standing")
    if standing is not None:
        response.headers.add("RateLimit-Policy", f'"client";q={standing.quota};w={WINDOW_S}')
        response.headers.add("RateLimit", f'"client";r={standing.remaining};t={standing.reset_s}')
    return response


def _leave(_: BaseException | None) -> None:
    entry: Entry | None = g.pop("fair_entry", None)
    if entry is not None:
        entry.leave()
