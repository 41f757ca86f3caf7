"""Refusals in YooKassa's form: ``{type: error, id, code, description, parameter, retry_after}``.

Format: https://yookassa.ru/developers/using-api/response-handling/response-format
"""

from __future__ import annotations

import uuid
from typing import Any

STATUS_BY_CODE = {
    "invalid_request": 400,
    "invalid_credentials": 401,
    "forbidden": 403,
    "not_found": 404,
    "too_many_requests": 429,
    "internal_server_error": 500,
}


class ApiError(Exception):
    """The request is refused; nothing was done. ``parameter`` is the field to blame, in dotted form."""

    def __init__(
        self, code: str, description: str, parameter: str | None = None, retry_after_ms: int | None = None
    ) -> None:
        super().__init__(description)
        self.code = code
        self.status = STATUS_BY_CODE[code]
        self.description = description
        self.parameter = parameter
        self.retry_after_ms = retry_after_ms

    def body(self) -> dict[str, Any]:
        """Return the JSON object the caller receives."""
        optional = {"parameter": self.parameter, "retry_after": self.retry_after_ms}
        return {
            "type": "error",
            "id": str(uuid.uuid4()),
            "code": self.code,
            "description": self.description,
            **{name: value for name, value in optional.items() if value is not None},
        }


def invalid(description: str, parameter: str) -> ApiError:
    """Return the commonest refusal: a field is missing or wrong."""
    return ApiError("invalid_request", description, parameter)
