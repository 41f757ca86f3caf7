"""What 1C's OData complaints mean, as classes of ``bridge.core.errors``.

Locks, licences, maintenance and rights are said in the same words as to the web service and judged there
(``adapters.onec.errors``). Here is only what OData adds: a code in the body. One object is written in one transaction,
so a complaint about a value or from the configuration's own code proves that nothing was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from adapters.onec import errors
from adapters.onec.answer import Answer
from adapters.onec.codec import parse
from adapters.onec.odata import values
from bridge.core.errors import BridgeError, Misconfigured, Refused

NO_ENTITY = "9"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A refusal by its ``code`` in the body and, where the code alone says little, by its words or status."""

    code: str
    kind: type[BridgeError]
    error: str
    message: str
    words: str = ""
    status: int | None = None

    def fits(self, code: str, status: int, text: str) -> bool:
        """Whether it is this one."""
        is_said = not self.words or re.search(self.words, text, re.IGNORECASE)
        return code == self.code and self.status in (None, status) and bool(is_said)


_HANDLER = r"ошибка при выполнении обработчика|error (while )?(executing|running) (the )?(event )?handler"
_NOT_UNIQUE = r"номер\"? не уник|number\"? is not unique"
COMPLAINTS = (
    Complaint("-1", Refused, "erp_number_taken", "A document in 1C has this number already.", _NOT_UNIQUE),
    Complaint("-1", Refused, "erp_handler_refused", "Code of the configuration refused it at %(position)s.", _HANDLER),
    Complaint("-1", Misconfigured, "erp_not_supported", "This OData interface does not do that.", status=501),
    Complaint("1", Refused, "erp_value_refused", "1C refuses the value of a field."),
    Complaint("6", Misconfigured, "erp_not_published", "The set or field is not in the published OData interface."),
    Complaint("8", Misconfigured, "erp_not_published", "The set or field is not in the published OData interface."),
    Complaint(NO_ENTITY, Refused, "erp_object_absent", "There is no such object in 1C."),
    Complaint("14", Misconfigured, "erp_query_invalid", "1C cannot read the query."),
)


def of_answer(answer: Answer, steps: int) -> BridgeError:
    """The error an answer without a result means, for a call of ``steps`` writes (0: it only reads)."""
    text = answer.text
    if not any(pattern.search(text) for pattern, _ in errors.TEXTS):
        code = code_of(answer)
        found = next((one for one in COMPLAINTS if code and one.fits(code, answer.status, text)), None)
        if found is not None:
            position = errors.POSITION.search(text)
            where = position.group(1) if position else "?"
            return found.kind(found.error, found.message, upstream=errors.UPSTREAM, position=where)
    return errors.of_answer(answer, steps)


def code_of(answer: Answer) -> str | None:
    """The code in an error body, JSON or Atom; ``None`` if the body is no error."""
    if (body := values.read(answer.body)) is not None:
        said = body.get("odata.error")
        return str(said.get("code")) if isinstance(said, dict) else None
    root = parse(answer.body.removeprefix(b"\xef\xbb\xbf"))
    if root is None or etree.QName(root).localname != "error":
        return None
    return str(root.findtext("{*}code") or "")
