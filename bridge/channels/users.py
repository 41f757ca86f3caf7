"""People who may open the console: a login, a role, a password kept as a slow hash."""

from __future__ import annotations

import secrets
from enum import StrEnum
from functools import cache

from sqlalchemy import Connection, text
from werkzeug.security import check_password_hash, generate_password_hash

from bridge.core.errors import Refused

PASSWORD_BYTES = 15


class Role(StrEnum):
    """What a person does with the broker."""

    ADMIN = "admin"
    ACCOUNTANT = "accountant"


_ADD = text(
    """
    INSERT INTO console_user (login, role, password_hash) VALUES (:login, :role, :hash)
    ON CONFLICT DO NOTHING RETURNING login
    """
)
_FIND = text("SELECT role, password_hash FROM console_user WHERE login = :login")


def add_user(tx: Connection, login: str, role: Role) -> str:
    """Add a person and return the password, which is shown this once. Raises ``Refused`` if the login is taken."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    values = {"login": login, "role": role.value, "hash": generate_password_hash(password)}
    if not tx.execute(_ADD, values).first():
        raise Refused("user_exists", "There is a user %(login)s already.", login=login)
    return password


def find_user(tx: Connection, login: str, password: str) -> Role | None:
    """The role of the person with this login and password."""
    row, nobody = tx.execute(_FIND, {"login": login}).first(), _nobody()
    is_right = check_password_hash(row.password_hash if row else nobody, password)
    return Role(row.role) if row and is_right else None


@cache
def _nobody() -> str:
    """Compared with when there is no such login, so that the time of the answer does not tell. Made when somebody logs
    in, for it would be a tenth of every process's start.
    """
    return generate_password_hash(secrets.token_urlsafe(PASSWORD_BYTES))
