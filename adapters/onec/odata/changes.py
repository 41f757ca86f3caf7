"""What changed in 1C, through a node of an exchange plan: at least once, in messages that are confirmed by number.

1C registers a change whenever an object is written, different or not, and gives everything not yet confirmed in one
message of any size. Whoever reads it compares first. The answer is Atom whatever is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters.onec import errors as onec_errors
from adapters.onec.codec import parse
from adapters.onec.odata import address, errors
from adapters.onec.odata.client import OdataClient, Query
from bridge.core.deadline import Deadline
from bridge.core.errors import Misconfigured, Unknown

NAMESPACE = "StandardODATA."


@dataclass(frozen=True, slots=True)
class Changed:
    """An object that was written: its set, its reference and its fields as text."""

    set: str
    key: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """A message of changes; it comes again until ``number`` is confirmed."""

    number: int
    changes: tuple[Changed, ...]


class ChangeFeed:
    """Reads one node of one exchange plan. Two readers of one node would confirm each other's messages: have one."""

    def __init__(self, client: OdataClient, plan: str, node: UUID) -> None:
        self._client = client
        self._plan = plan
        self._node = node

    def read(self, deadline: Deadline) -> Message:
        """Everything written since the last confirmation.

        Raises ``Unknown`` if 1C cannot build the message, which may last until somebody mends the object it fails on.
        """
        number = self._received_no(deadline) + 1
        answer = self._client.call("POST", "SelectChanges", self._options(number), deadline, b"")
        root = parse(answer.body.removeprefix(b"\xef\xbb\xbf")) if answer.status == 200 else None
        if root is None or not str(root.tag).endswith("}feed"):
            raise errors.of_answer(answer, 0)
        return Message(number, tuple(_changed(entry) for entry in root.iterfind("{*}entry")))

    def confirm(self, message: Message, deadline: Deadline) -> None:
        """Say that ``message`` is stored: 1C forgets it. Repeating it changes nothing."""
        options = self._options(message.number)
        answer = self._client.call("POST", "NotifyChangesReceived", options, deadline, b"")
        if not 200 <= answer.status < 300:
            raise errors.of_answer(answer, 1)

    def _options(self, number: int) -> dict[str, str]:
        point = f"'{self._client.url}{self._plan}({address.guid(self._node)})'"
        return {"DataExchangePoint": point, "MessageNo": str(number)}

    def _received_no(self, deadline: Deadline) -> int:
        for row in self._client.rows(self._plan, Query(), deadline):
            if str(row.get("Ref_Key")).lower() == str(self._node) and str(row.get("ReceivedNo")).isdecimal():
                return int(row["ReceivedNo"])
        message = "The exchange plan has no such node."
        raise Misconfigured("erp_node_absent", message, upstream=onec_errors.UPSTREAM)


def _changed(entry: Any) -> Changed:
    category = entry.find("{*}category")
    properties = entry.find("{*}content/{*}properties")
    if category is None or properties is None:
        message = "The message of changes cannot be read."
        raise Unknown("erp_answer_unreadable", message, upstream=onec_errors.UPSTREAM)
    # Table parts are left out: who needs them reads the object.
    fields = {each.tag.rpartition("}")[2]: each.text or "" for each in properties if not len(each)}
    return Changed(str(category.get("term")).removeprefix(NAMESPACE), fields.get("Ref_Key", "").lower(), fields)
