"""What YooKassa's refusals prove (https://yookassa.ru/developers/using-api/response-handling/http-codes).

A 4xx in YooKassa's own words says that nothing was done. A 500, a word we do not know, or a page of some proxy on the
way says nothing at all, and is ``Unknown``.
"""

from __future__ import annotations

from pydantic import ValidationError

from adapters.payments.yookassa.wire import Failure
from bridge.core.errors import BridgeError, Misconfigured, Refused, Throttled, Unknown
from bridge.core.http import Response

UPSTREAM = "yookassa"
TOO_MANY = 429
RETRY_AFTER_DEFAULT_S = 5.0
RETRY_AFTER_MAX_S = 3600.0
REASON_CHARS_MAX = 200

# (HTTP status, YooKassa's code) that are final.
REFUSALS = frozenset({(400, "invalid_request"), (404, "not_found"), (405, "not_supported"), (415, "invalid_request")})
SETUP_STATUSES = frozenset({401, 403})


def refusal(response: Response, absent_code: str) -> BridgeError:
    """Say what an answer other than 200 proves; ``absent_code`` is our code for YooKassa's ``not_found``."""
    failure = _failure(response.body)
    if response.status in SETUP_STATUSES:
        return _named(Misconfigured, "provider_credentials_refused", response, failure)
    if response.status == TOO_MANY:
        message = "The provider asks to wait."
        return Throttled(
            "provider_throttled", message, upstream=UPSTREAM, retry_after_s=_retry_after_s(response, failure)
        )
    if failure is None or (response.status, failure.code) not in REFUSALS:
        return _named(Unknown, "answer_unknown", response, failure)
    if (failure.parameter or "").lower() == "idempotence-key":
        # The key was used with another body, so a payment under it may well exist.
        return _named(Unknown, "idempotence_key_in_use", response, failure)
    return _named(Refused, absent_code if failure.code == "not_found" else "provider_refused", response, failure)


def unreadable(cause: str) -> Unknown:
    """A 200 that is not the answer we know: the call may have been done."""
    message = "The provider's answer cannot be read: %(cause)s."
    return Unknown("answer_unreadable", message, upstream=UPSTREAM, cause=cause)


def _failure(body: bytes) -> Failure | None:
    try:
        return Failure.model_validate_json(body)
    except ValidationError:
        return None


def _named(kind: type[BridgeError], code: str, response: Response, failure: Failure | None) -> BridgeError:
    said = failure or Failure(type="error", code="")
    return kind(
        code,
        "The provider answered %(status)s %(reason)s (%(parameter)s): %(description)s",
        upstream=UPSTREAM,
        status=response.status,
        reason=said.code,
        parameter=said.parameter or "",
        description=(said.description or "")[:REASON_CHARS_MAX],
        request_id=said.id or "",
    )


def _retry_after_s(response: Response, failure: Failure | None) -> float:
    """YooKassa says it in milliseconds in the body; a proxy before it, in seconds in the header."""
    header = response.headers.get("retry-after", "")
    if failure is not None and failure.retry_after is not None:
        wait_s = failure.retry_after / 1000
    else:
        wait_s = float(header) if header.isdecimal() else RETRY_AFTER_DEFAULT_S
    return min(wait_s, RETRY_AFTER_MAX_S)
