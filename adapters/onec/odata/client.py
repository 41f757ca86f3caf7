"""A thin client of 1C's OData: one call is one request on a fresh connection, never repeated or redirected.

1C takes almost anything with 200 and keeps what it likes: unknown fields vanish, long texts are cut, stale versions
overwrite. So every write is read back and compared, and a difference is an error that names the fields.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters.onec import errors as onec_errors
from adapters.onec.answer import Answer
from adapters.onec.odata import address, errors, values
from adapters.onec.odata.metadata import Metadata, read_metadata
from adapters.onec.odata.values import Row
from adapters.onec.settings import OneCSettings
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, IntegrityMismatch, Refused, Unknown
from bridge.core.http import Request, Sender

UPSTREAM = onec_errors.UPSTREAM
PAGE_ROWS = 500
# A real $metadata is 16 MB; a package of changes has no limit of its own.
ANSWER_BYTES_MAX = 100_000_000
ROOT_ELEMENTS = {"odata.error", "#exception"}


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows of a set: ``where`` is a filter, ``select`` names fields (empty: all), ``expand`` references only."""

    where: str = ""
    select: Sequence[str] = ()
    expand: Sequence[str] = ()
    order_by: str = "Ref_Key"

    def options(self) -> dict[str, str]:
        """The query options, without those that are empty."""
        found = {
            "$format": "json",
            "$filter": self.where,
            "$select": ",".join(self.select),
            "$expand": ",".join(self.expand),
            "$orderby": self.order_by,
        }
        return {name: value for name, value in found.items() if value}


class OdataClient:
    """Reads and writes objects of one infobase. Safe to share between threads and to carry over a fork.

    Every method obeys its deadline. A write raises ``Unknown`` whenever it may have been done; ``NotSent``,
    ``Throttled``, ``Refused`` and ``Misconfigured`` prove that it was not.
    """

    def __init__(self, settings: OneCSettings, sender: Sender | None = None) -> None:
        self._settings = settings
        self._sender = sender or Sender()
        self._auth = (settings.login.encode(), settings.password.get_secret_value().encode())

    @property
    def url(self) -> str:
        """The address of the interface."""
        return self._settings.odata_url

    def get(self, set_name: str, key: UUID | str, deadline: Deadline) -> Row | None:
        """Read one object; ``None`` if there is none."""
        answer = self.call("GET", address.of_object(set_name, key), {"$format": "json"}, deadline)
        if answer.status == 404 and errors.code_of(answer) == errors.NO_ENTITY:
            return None
        return self._object(answer, 0)

    def page(
        self, set_name: str, query: Query, deadline: Deadline, *, top: int = PAGE_ROWS, skip: int = 0
    ) -> list[Row]:
        """Read up to ``top`` rows after the first ``skip``, in the order of the query: without one rows get lost."""
        options = query.options() | {"$top": str(top)} | ({"$skip": str(skip)} if skip else {})
        found = self._object(self.call("GET", address.of_set(set_name), options, deadline), 0).get("value")
        if found is None or not values.is_rows(found):
            raise Unknown("erp_answer_unreadable", "The answer of 1C is no list.", upstream=UPSTREAM)
        rows: list[Row] = found
        return rows

    def rows(self, set_name: str, query: Query, deadline: Deadline, *, page_rows: int = PAGE_ROWS) -> Iterator[Row]:
        """Read every row, page by page. An object written meanwhile may come twice or be missed: read again later."""
        skip = 0
        while True:
            found = self.page(set_name, query, deadline, top=page_rows, skip=skip)
            yield from found
            if len(found) < page_rows:
                return
            skip += page_rows

    def create(self, set_name: str, fields: Mapping[str, Any], deadline: Deadline) -> Row:
        """Write a new object and return it as 1C keeps it.

        Not idempotent: look it up by an id of ours before repeating. Raises ``IntegrityMismatch`` that names the fields
        which 1C kept otherwise; the object is there all the same.
        """
        written = self._write("POST", address.of_set(set_name), fields, deadline)
        key = written.get("Ref_Key")
        if not isinstance(key, str):
            raise Unknown("erp_answer_unreadable", "1C answered no reference for a new object.", upstream=UPSTREAM)
        return self._checked(set_name, key, fields, deadline)

    def change(
        self,
        set_name: str,
        key: UUID | str,
        fields: Mapping[str, Any],
        deadline: Deadline,
        *,
        version: str | None = None,
    ) -> Row:
        """Write ``fields`` of an object, whole table parts included, and return it as 1C keeps it.

        ``version`` is the ``DataVersion`` the change is based on: another one in 1C is refused. 1C itself would
        overwrite, and still does if somebody writes between the look and the change.
        """
        if version is not None and self._existing(set_name, key, deadline).get("DataVersion") != version:
            raise Refused("erp_changed_meanwhile", "The object was changed in 1C by somebody else.", upstream=UPSTREAM)
        self._write("PATCH", address.of_object(set_name, key), fields, deadline)
        return self._checked(set_name, key, fields, deadline)

    def post(self, set_name: str, key: UUID | str, deadline: Deadline) -> Row:
        """Post a document, not as of this moment but at its date, and return it. Repeating it is harmless."""
        return self._turn(set_name, key, "Post", deadline)

    def unpost(self, set_name: str, key: UUID | str, deadline: Deadline) -> Row:
        """Take a document's postings back, and return it. Repeating it is harmless."""
        return self._turn(set_name, key, "Unpost", deadline)

    def metadata(self, deadline: Deadline) -> Metadata:
        """Read what is published."""
        answer = self.call("GET", "$metadata", {}, deadline)
        if answer.status != 200:
            raise errors.of_answer(answer, 0)
        return read_metadata(io.BytesIO(answer.body))

    def call(
        self, method: str, path: str, options: Mapping[str, str], deadline: Deadline, body: bytes | None = None
    ) -> Answer:
        """Send one request below the interface's address and return the complete answer, whatever its status."""
        query = address.query(options)
        request = Request(
            upstream=UPSTREAM,
            operation=f"odata.{method.lower()}",
            method=method,
            url=f"{self.url}{path}?{query}" if query else f"{self.url}{path}",
            headers={"Content-Type": "application/json; charset=utf-8"} if body is not None else {},
            body=body,
            auth=self._auth,
            timeout_s=self._settings.background_s,
            answer_bytes_max=ANSWER_BYTES_MAX,
            ca_file=self._settings.ca_file,
        )
        response = self._sender.send(request, deadline)
        return Answer(response.status, response.headers, response.body)

    def _write(self, method: str, path: str, fields: Mapping[str, Any], deadline: Deadline) -> Row:
        body = values.write(fields).encode()
        return self._object(self.call(method, path, {"$format": "json"}, deadline, body), 1)

    def _object(self, answer: Answer, steps: int) -> Row:
        found = values.read(answer.body) if 200 <= answer.status < 300 else None
        if found is None or ROOT_ELEMENTS & found.keys():
            raise errors.of_answer(answer, steps)
        return found

    def _turn(self, set_name: str, key: UUID | str, function: str, deadline: Deadline) -> Row:
        path = f"{address.of_object(set_name, key)}/{function}"
        answer = self.call("POST", path, {"PostingModeOperational": "false"}, deadline, b"")
        if not 200 <= answer.status < 300:
            raise errors.of_answer(answer, 1)
        row = self._read_back(set_name, key, deadline)
        # What the body of an answer to Post looks like is nowhere written down: the document says what became of it.
        if row.get("Posted") is not (function == "Post"):
            raise Unknown(
                "erp_not_posted", "1C says that it is done, but the document is as before.", upstream=UPSTREAM
            )
        return row

    def _checked(self, set_name: str, key: UUID | str, fields: Mapping[str, Any], deadline: Deadline) -> Row:
        row = self._read_back(set_name, key, deadline)
        if lost := values.lost(fields, row):
            raise IntegrityMismatch(
                "erp_fields_lost",
                "1C kept other values than were sent, in %(set)s number %(number)s: %(fields)s.",
                upstream=UPSTREAM,
                set=set_name,
                number=row.get("Number", "?"),
                fields=", ".join(lost),
            )
        return row

    def _read_back(self, set_name: str, key: UUID | str, deadline: Deadline) -> Row:
        """Read what was just written. Whatever prevents it proves nothing about the write, which was done."""
        try:
            return self._existing(set_name, key, deadline)
        except Unknown:
            raise
        except BridgeError as error:
            message = "It was written, but could not be read back: %(why)s."
            raise Unknown("erp_not_read_back", message, upstream=UPSTREAM, why=error.code) from error

    def _existing(self, set_name: str, key: UUID | str, deadline: Deadline) -> Row:
        row = self.get(set_name, key, deadline)
        if row is None:
            raise Refused("erp_object_absent", "There is no such object in 1C.", upstream=UPSTREAM)
        return row
