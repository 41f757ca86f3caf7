"""What can be switched in the simulated site, at start or while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

ABSENT_ACTIONS = ("D", "A", "N")
VERSIONS = {"14.5": "2.08", "16.5": "2.09", "22.8": "2.09"}


@dataclass(slots=True)
class Config:
    """Switches of one site.

    ``version`` is that of its modules (14.5, 16.5, 22.8). ``file_limit`` is the largest part in bytes; ``step_items``
    how many elements one call of ``import`` manages, which stands for the 30 seconds of the real one. ``absent_action``
    is what becomes of elements a full file does not mention: D deletes them (the default of the product), A hides
    them, N leaves them. ``imports_new_orders`` makes orders of documents that name none of the site's. An element whose id is
    ``refuses`` ends the import of its file.
    """

    login: str = "exchange"
    password: str = field(default="site-password", repr=False)
    version: str = "22.8"
    file_limit: int = 204_800
    step_items: int = 100
    absent_action: str = "D"
    imports_new_orders: bool = False
    refuses: str = ""

    def change(self, **changes: Any) -> None:
        """Set the named switches, all or none; raise ``ValueError`` for a name or a value that cannot be."""
        known = {item.name for item in fields(self)}
        for name, value in changes.items():
            if name not in known or type(value) is not type(getattr(self, name)):
                raise ValueError(f"not a setting of this site: {name}={value!r}")
        if changes.get("version", self.version) not in VERSIONS:
            raise ValueError(f"no such version: {changes['version']}")
        if changes.get("absent_action", self.absent_action) not in ABSENT_ACTIONS:
            raise ValueError(f"no such action: {changes['absent_action']}")
        for name, value in changes.items():
            setattr(self, name, value)
