"""Answers in 1C's words: a status word alone in the first line, then text for people, LF between, nothing at the end.

1C counts the lines of ``init`` and takes lines 2 and 3 of ``checkauth`` untrimmed; it shows an explanation only if it
is short and no HTML. The status is always 200: 1C reads no body of any other. Seen in УТ 11.5, ERP 2.5 and УНФ 3.0.
"""

from __future__ import annotations

import re
from pathlib import Path

from flask import Response

from bridge.core.errors import BridgeError
from bridge.core.i18n import translate
from bridge.ports.site import Outcome, Stage

CONTENT_TYPE = "text/plain; charset=utf-8"
EXPLANATION_CHARS_MAX = 240
LANGUAGE = "ru"
LOCALE = Path(__file__).parents[1] / "locale"
_SPACES = re.compile(r"\s+")
_STAGES = {Stage.DONE: "success", Stage.UNDER_WAY: "progress", Stage.FAILED: "failure"}


def lines(*given: str) -> Response:
    """An answer of exactly these lines."""
    return Response("\n".join(given), 200, content_type=CONTENT_TYPE)


def xml(document: bytes) -> Response:
    """A document in UTF-8, as it declares itself, from its first byte; never packed."""
    return Response(document, 200, content_type="application/xml; charset=utf-8")


def success(explanation: str = "") -> Response:
    """It is done."""
    return _said("success", explanation)


def failure(explanation: str) -> Response:
    """It is not done, and why."""
    return _said("failure", explanation)


def of_error(error: BridgeError) -> Response:
    """The refusal in words of the people who read 1C's log."""
    return failure(translate(error.message, LANGUAGE, error.params, also=LOCALE))


def of_outcome(outcome: Outcome) -> Response:
    """How far something is."""
    return _said(_STAGES[outcome.stage], outcome.words)


def _said(word: str, explanation: str) -> Response:
    plain = _SPACES.sub(" ", explanation.replace("<", "(").replace(">", ")")).strip()
    return lines(word, plain[:EXPLANATION_CHARS_MAX]) if plain else lines(word)
