"""Blueprints of the API, and methods as their views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Response
from flask_openapi3 import APIBlueprint, Tag


def api_blueprint(name: str, tag: str) -> APIBlueprint:
    """A part of the API under ``/v1``, which asks for a key; ``tag`` is its heading in the contract."""
    return APIBlueprint(name, __name__, url_prefix="/v1", abp_tags=[Tag(name=tag)], abp_security=[{"key": []}])


def view(method: Callable[..., Response]) -> Callable[..., Response]:
    """A function that does what ``method`` does and shows the same signature.

    flask-openapi3 notes things on the function it routes to, which a bound method does not allow.
    """

    @wraps(method)
    def routed(*args: object, **kwargs: object) -> Response:
        return method(*args, **kwargs)

    return routed
