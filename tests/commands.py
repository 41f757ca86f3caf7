"""``bridge …`` as a shell calls it, in this process: the start of another takes longer than most commands."""

from __future__ import annotations

import os

from click.testing import CliRunner, Result

from bridge.cli import main

NOWHERE = {
    "BRIDGE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "BRIDGE_REDIS_URL": "redis://127.0.0.1:1/0",
}


def bridge(*words: object, **settings: str) -> Result:
    """What ``words`` come to with these settings, named as in the environment and without their BRIDGE_, and no others."""
    named = {f"BRIDGE_{name}": value for name, value in settings.items()}
    unnamed = {name: None for name in os.environ if name.startswith("BRIDGE_")}
    return CliRunner().invoke(
        main, [str(word) for word in words], env={**unnamed, **NOWHERE, **named}, catch_exceptions=False
    )
