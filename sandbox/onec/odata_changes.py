"""The exchange plan: which objects were written since its node confirmed a message. At least once, never exactly once."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.onec.odata_errors import ODataError, bad_option, no_entity

NODE_KEY = str(uuid.uuid5(uuid.NAMESPACE_URL, "urn:ticket-bridge:sandbox:node"))
SET_NAME = "ExchangePlan_Сайт"
_POINT = re.compile(r"'(?:.*/)?(ExchangePlan_\w+)\(guid'([0-9a-fA-F-]{36})'\)'")


class ExchangePlan:
    """One node of one plan. A message that was selected and not confirmed is selected again, with whatever came after."""

    def __init__(self) -> None:
        self.sent_no = 0
        self.received_no = 0
        self._changed: dict[tuple[str, str], int | None] = {}

    def register(self, set_name: str, key: str) -> None:
        """Note that an object was written; a rewriting without a difference counts as well."""
        self._changed.pop((set_name, key), None)
        self._changed[set_name, key] = None

    def node(self) -> dict[str, Any]:
        """The node as a row of its set."""
        return {
            "Ref_Key": NODE_KEY,
            "DataVersion": "AAAAAAAAAAE=",
            "DeletionMark": False,
            "Code": "SITE",
            "Description": "Сайт",
            "SentNo": self.sent_no,
            "ReceivedNo": self.received_no,
        }

    def select(self, message_no: int) -> list[tuple[str, str]]:
        """Put every change that is not confirmed into message ``message_no``."""
        if message_no <= self.received_no:
            raise ODataError(400, "-1", "Номер сообщения меньше или равен номеру ранее принятого сообщения")
        self.sent_no = max(self.sent_no, message_no)
        self._changed = dict.fromkeys(self._changed, message_no)
        return [each for each in self._changed if each[0] != SET_NAME]

    def confirm(self, message_no: int) -> None:
        """Forget the changes of ``message_no`` and of those before it."""
        self.received_no = max(self.received_no, message_no)
        self._changed = {each: no for each, no in self._changed.items() if no is None or no > message_no}


def read_point(options: Mapping[str, str]) -> int:
    """The message number of a call for this plan's node; raises ``ODataError`` for another node or a malformed one."""
    found = _POINT.fullmatch(options.get("DataExchangePoint", ""))
    if not found:
        raise bad_option("DataExchangePoint")
    if found[1] != SET_NAME or found[2].lower() != NODE_KEY:
        raise no_entity()
    if not options.get("MessageNo", "").isdecimal():
        raise bad_option("MessageNo")
    return int(options["MessageNo"])
