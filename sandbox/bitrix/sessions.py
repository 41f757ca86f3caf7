"""Sessions, the upload folders they share, and the cursor of orders that whole pages share."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

CURSOR_CHARS = 22  # of the script's path: two scripts whose paths begin alike have one cursor


@dataclass(slots=True)
class Session:
    """What one cookie stands for. ``imports`` are files under way; ``version`` what ``init`` was asked for."""

    id: str = field(default_factory=lambda: secrets.token_hex(16))
    sessid: str = field(default_factory=lambda: secrets.token_hex(16))
    version: str = ""
    imports: dict[str, Iterator[str]] = field(default_factory=dict)
    sale_files: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Cursor:
    """How far orders were handed out; ``session`` is who logged in last, the only one whose ``success`` counts."""

    session: str = ""
    exported_at: int = 0
    committed_at: int = 0


@dataclass(slots=True)
class Doorway:
    """Everything the exchange remembers between requests. ``files`` is one folder for all: ``init`` empties it."""

    sessions: dict[str, Session] = field(default_factory=dict)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def enter(self) -> Session:
        """A new session."""
        session = Session()
        self.sessions[session.id] = session
        return session

    def cursor(self, path: str) -> Cursor:
        """The cursor of a page, kept under the beginning of its path."""
        return self.cursors.setdefault(path[:CURSOR_CHARS], Cursor())
