"""Signing in to the console: a session lives in the database, its token only in the browser."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, text

from bridge.channels.users import Role, find_user

LIFE_S = 12 * 3600
TOKEN_BYTES = 32

_ADD = text(
    """
    INSERT INTO console_session (token_hash, login, form_key, expires_at)
    VALUES (:hash, :login, :form_key, clock_timestamp() + make_interval(secs => :life_s))
    """
)
_FIND = text(
    """
    SELECT s.login, u.role, s.form_key FROM console_session s JOIN console_user u USING (login)
    WHERE s.token_hash = :hash AND s.expires_at > clock_timestamp()
    """
)
_END = text("DELETE FROM console_session WHERE token_hash = :hash OR expires_at <= clock_timestamp()")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at the console. ``form_key`` stands in every form of the session, so that no other site can send one;
    without it (``None``) a visitor only reads.
    """

    login: str
    role: Role
    form_key: str | None = None

    @property
    def may_act(self) -> bool:
        """Whether there are buttons."""
        return self.role is Role.ADMIN and self.form_key is not None

    def sent(self, form_key: str) -> bool:
        """Whether a form came from a page of this session."""
        return self.form_key is not None and secrets.compare_digest(self.form_key.encode(), form_key.encode())


def sign_in(tx: Connection, login: str, password: str) -> str | None:
    """Begin a session and return its token, if login and password are right."""
    if find_user(tx, login, password) is None:
        return None
    token = secrets.token_urlsafe(TOKEN_BYTES)
    tx.execute(_ADD, {"hash": _hash(token), "login": login, "form_key": secrets.token_urlsafe(), "life_s": LIFE_S})
    return token


def find_session(tx: Connection, token: str) -> Visitor | None:
    """Who is signed in with a token."""
    row = tx.execute(_FIND, {"hash": _hash(token)}).first()
    return Visitor(row.login, Role(row.role), row.form_key) if row else None


def sign_out(tx: Connection, token: str) -> None:
    """End a session, and forget those whose time is over."""
    tx.execute(_END, {"hash": _hash(token)})


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
