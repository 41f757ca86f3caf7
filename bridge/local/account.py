"""Whom the embedded servers run as: PostgreSQL refuses root, and no server needs it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.core.errors import Misconfigured

DEFAULT_NAME = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """An existing unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def choose_account(environ: Mapping[str, str]) -> Account | None:
    """The account named by ``BRIDGE_RUN_AS``, else ``nobody``; ``None`` if we are not root and so cannot change.

    Raises ``Misconfigured`` if there is no such account or it is root itself.
    """
    if os.geteuid() != 0:
        return None
    name = environ.get("BRIDGE_RUN_AS") or DEFAULT_NAME
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise Misconfigured(
            "run_as_unknown", "There is no account %(name)s here: set BRIDGE_RUN_AS to an unprivileged one.", name=name
        ) from None
    if entry.pw_uid == 0:
        raise Misconfigured("run_as_root", "BRIDGE_RUN_AS must name an unprivileged account, not root.")
    return Account(name, entry.pw_uid, entry.pw_gid)


def give(path: Path, account: Account | None) -> None:
    """Make ``account`` the owner of ``path``; do nothing if the servers run as ourselves."""
    if account:
        os.chown(path, account.uid, account.gid)
