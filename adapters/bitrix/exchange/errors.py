"""What the site's answers prove. Every step may be repeated, so whatever is not understood is ``Unknown``; only an
import that failed with a reason of its own is a refusal of what was imported.
"""

from __future__ import annotations

import re

from bridge.core.errors import BridgeError, Misconfigured, Refused, Throttled, Unknown
from bridge.core.http import Response

UPSTREAM = "bitrix"
WORDS_CHARS_MAX = 300
BUSY_S = 60.0
_SPACES = re.compile(r"\s+")
# Beginnings of what the site says after "failure", in lower case; from its language files of 14.5 to 22.8.
_SOURCE = "ошибка проверки источника"
_FILE_GONE = ("ошибка открытия файла", "ошибка базы данных", "error opening file")  # nothing the goods could help
_LOGIN = ("ошибка авторизации", "authorization error", "access denied", "доступ запрещен")


def shown(words: str) -> str:
    """Words of the site for people: one line, not long."""
    return _SPACES.sub(" ", words).strip()[:WORDS_CHARS_MAX]


def of_status(response: Response) -> BridgeError | None:
    """What an HTTP status other than 200 means; the site itself answers nothing else."""
    status = response.status
    if status == 200:
        return None
    if status in (401, 403):
        message = "The site lets nobody in: HTTP %(status)s."
        return Misconfigured("storefront_login_refused", message, upstream=UPSTREAM, status=status)
    if 300 <= status < 500 and status not in (408, 429):
        message = "There is no exchange at this address: HTTP %(status)s."
        return Misconfigured("storefront_address_wrong", message, upstream=UPSTREAM, status=status)
    if status in (429, 503):
        return Throttled(
            "storefront_busy",
            "The site asks to wait: HTTP %(status)s.",
            retry_after_s=BUSY_S,
            upstream=UPSTREAM,
            status=status,
        )
    return Unknown("storefront_failed", "The site failed: HTTP %(status)s.", upstream=UPSTREAM, status=status)


def of_refusal(mode: str, words: str) -> BridgeError:
    """What a ``failure`` means, or whatever else is neither success nor progress."""
    said = words.casefold().strip()
    if said.startswith(_SOURCE):
        message = "The site demands its token of everybody now: set sends_sessid."
        return Misconfigured("storefront_wants_token", message, upstream=UPSTREAM)
    if mode == "checkauth" or said.startswith(_LOGIN):
        message = "The site does not let us in: %(words)s"
        return Misconfigured("storefront_login_refused", message, upstream=UPSTREAM, words=shown(words))
    message = "The site refused %(mode)s: %(words)s"
    if mode == "import" and not said.startswith(_FILE_GONE):
        return Refused("storefront_goods_refused", message, upstream=UPSTREAM, mode=mode, words=shown(words))
    return Unknown("storefront_refused", message, upstream=UPSTREAM, mode=mode, words=shown(words))


def unreadable(mode: str, text: str) -> Unknown:
    """An answer that is none in the site's language: a page, a warning of PHP, nothing at all."""
    message = "The site answered %(mode)s with something else: %(words)s"
    return Unknown(
        "storefront_answer_unreadable", message, upstream=UPSTREAM, mode=mode, words=shown(text) or "nothing"
    )
