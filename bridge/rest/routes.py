"""Methods as views: flask-openapi3 notes things on the function it routes to, which a bound method does not allow."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Response


def view(method: Callable[..., Response]) -> Callable[..., Response]:
    """A function that does what ``method`` does and shows the same signature."""

    @wraps(method)
    def routed(*args: object, **kwargs: object) -> Response:
        return method(*args, **kwargs)

    return routed
