"""The broker as the site of an accounting system that calls us: it logs in, sends files, has them imported.

The contract, which whoever implements ``Site`` keeps:

1. What ``take`` has accepted is on disk and in the database before it returns: a crash loses nothing that was accepted.
2. A file is appended to as long as nobody asked for its import; ``restart`` forgets what was not imported.
3. ``bring_in`` may be called at any time, any number of times: a file is imported once.
4. Two visits never see each other's files, be it two of one node or of two.
5. An order counts as taken only once ``orders_taken`` says so, in the version that ``offer_orders`` gave in that visit.
6. Any process may serve any call: a visit lives in the database, not in memory.

Whatever cannot be done is raised as a ``BridgeError``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bridge.ports.site_orders import OutOrder


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of who sends it: login and password, the token of a visit, or both; empty if absent."""

    login: str = ""
    password: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One exchange of a node. ``token`` is known where it begins; ``started_at`` is by the database's clock.

    ``format_version`` is what the node said at ``restart``, empty if nothing. ``echo`` is a word that addresses may
    repeat, of which the token cannot be guessed; a node that ``wants_echo`` must repeat it.
    """

    run_id: int
    node: str
    dialect: str
    started_at: datetime
    token: str = ""
    format_version: str = ""
    echo: str = ""
    wants_echo: bool = False


class Stage(StrEnum):
    """How far something is that was asked for."""

    UNDER_WAY = "under_way"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far it is, and what a person should read about it."""

    stage: Stage
    words: str = ""


class Source(Protocol):
    """Something bytes come from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next at most ``size`` bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file, or the next part of one. ``length`` is what the sender announced, if he did."""

    name: str
    source: Source
    length: int | None = None


class Site(Protocol):
    """What a node may ask of us."""

    @property
    def part_bytes(self) -> int:
        """The largest part a node should send at a time."""

    def enter(self, who: Credentials, kind: str) -> Visit:
        """Begin a visit. Raises ``Refused`` if login and password do not fit."""

    def resume(self, who: Credentials, kind: str) -> Visit:
        """The visit a request belongs to. Raises ``Refused`` if it cannot be told."""

    def restart(self, visit: Visit, cml_version: str = "", format_version: str = "") -> None:
        """Begin anew within a visit: nothing sent so far and not asked to be imported counts any more.

        ``cml_version`` is the version of the format up to which the node reads orders, ``format_version`` that in
        which it exchanges; empty if it does not say.
        """

    def take(self, visit: Visit, upload: Upload) -> None:
        """Store a file or append to it. Raises ``Refused`` if it cannot be accepted: then nothing of it is."""

    def take_whole(self, visit: Visit, upload: Upload, is_last: Callable[[bytes], bool]) -> None:
        """The same for a file whose import nobody may ask for: it begins once ``is_last`` says so of its last bytes."""

    def bring_in(self, visit: Visit, name: str) -> Outcome:
        """Have a file imported, and wait a moment for it. Raises what kept it from being imported."""

    @property
    def payment_systems(self) -> Sequence[str]:
        """The providers through which money may come."""

    def offer_orders(self, visit: Visit, render: Callable[[OutOrder], bytes]) -> Sequence[bytes]:
        """The orders the node does not have yet; ``render`` raises ``Refused`` for one that it could not read."""

    def orders_taken(self, visit: Visit) -> None:
        """The node has taken what ``offer_orders`` last gave in this visit."""

    def note(self, visit: Visit, request: str, answer: bytes) -> None:
        """Keep what was answered. It never changes what is answered."""

    def retire(self, visit: Visit, since: datetime) -> Outcome:
        """Hide the goods that no file of this node has mentioned since the moment ``since``."""
