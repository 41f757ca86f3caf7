"""What 1C's complaints mean, as classes of ``bridge.core.errors``.

By the text first and the status second, because 1C answers 500 to everything from a lock conflict to a lack of
licences, and proxies answer 200 to anything. Texts are those of the platform, in Russian and in English.

What a complaint proves about a call that writes decides the rest. A call that never started changed nothing. A call
whose transaction was rolled back changed nothing if it was the only one; a batch has a transaction for each of its
steps, and those before the failing one are done. In every other case the outcome is unknown. Texts echo what was sent
and may hold personal data: none of it gets into an error but the place in the code where it was raised.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from adapters.onec.answer import Answer
from bridge.core.errors import BridgeError, Misconfigured, NotSent, Throttled, Unknown

UPSTREAM = "onec"
RETRY_AFTER_MAX_S = 600.0
# {WebСервис.TicketBridge.Модуль(25)}: the position that 1C puts before an error raised in its own code.
POSITION = re.compile(r"\{([\w.]{1,80}\(\d{1,6}\))\}")


class Proof(StrEnum):
    """What a complaint proves about the call it answers."""

    NOT_STARTED = "not_started"
    ROLLED_BACK = "rolled_back"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a complaint is turned into. With ``retry_after_s`` it is a ``Throttled``, else a ``kind``."""

    code: str
    message: str
    proof: Proof = Proof.NOT_STARTED
    kind: type[BridgeError] = Misconfigured
    retry_after_s: float | None = None


LICENCE = Meaning("erp_licence_missing", "1C has no free licence.", retry_after_s=10)
MAINTENANCE = Meaning("erp_maintenance", "1C admits no new sessions: maintenance is going on.", retry_after_s=60)
EXCLUSIVE = Meaning("erp_exclusive", "The infobase is in exclusive use.", retry_after_s=30)
NO_SESSION = Meaning("erp_sessions_exhausted", "1C starts no further session.", retry_after_s=5)
LOCKED = Meaning("erp_lock_conflict", "A lock in 1C was held by somebody else.", Proof.ROLLED_BACK, retry_after_s=1)
KILLED = Meaning("erp_session_lost", "The session in 1C was ended during the call.", Proof.NOTHING, Unknown)
UNAUTHORIZED = Meaning("erp_unauthorized", "1C does not accept the login or the password.")
FORBIDDEN = Meaning("erp_forbidden", "The infobase user lacks rights in 1C.", Proof.ROLLED_BACK)
REJECTED = Meaning("erp_forbidden", "The web server of 1C forbids the call.")
NOT_PUBLISHED = Meaning("erp_not_published", "The web service is not published at this address.")
REDIRECTED = Meaning("erp_redirected", "The address of 1C answers with a redirect; only direct calls are made.")
TOO_LARGE = Meaning("erp_request_too_large", "The web server of 1C takes no request of this size.")
BUSY = Meaning("erp_busy", "The web server of 1C asks to wait.", Proof.NOTHING, retry_after_s=5)
FAILED = Meaning(
    "erp_failed", "1C failed with an error (status %(status)s, raised at %(position)s).", Proof.NOTHING, Unknown
)
EMPTY = Meaning("erp_answer_empty", "1C answered with nothing.", Proof.NOTHING, Unknown)
UNREADABLE = Meaning("erp_answer_unreadable", "The answer of 1C cannot be read.", Proof.NOTHING, Unknown)

# What the platform says, in lower-case Russian and English.
PHRASES: tuple[tuple[str, Meaning], ...] = (
    (r"конфликт блокировок|ожидания предоставления блокировки|обнаружена взаимоблокировка", LOCKED),
    (r"lock conflict|deadlock (has been |was |is )?detected|lock (wait|request) time.?out", LOCKED),
    (r"не обнаружено свободной лицензии|не найдена лицензия|лицензия не (найдена|обнаружена)", LICENCE),
    (r"(no|free|available) licen[sc]e.{0,30}(found|available|detected)|licen[sc]e (is )?not found", LICENCE),
    (r"начало сеанса.{0,60}запрещено|блокировка начала сеанс|начал[ао] сеансов.{0,60}запрещен", MAINTENANCE),
    (r"(session start|start(ing)? (of )?(a |new |the )*sessions?).{0,60}(denied|prohibited|forbidden)", MAINTENANCE),
    (r"ошибка разделенного доступа|база данных заблокирована|монопольн\w+ режим", EXCLUSIVE),
    (r"database is locked|exclusive (access|mode|lock)", EXCLUSIVE),
    (r"сеанс отсутствует или удален|сеанс работы завершен", KILLED),
    (r"session (is )?(missing|absent|not found) or (has been |was )?(deleted|removed)", KILLED),
    (r"session (has been |was |is )?(terminated|ended|closed) by (the |an )?administrator", KILLED),
    (r"неправильное имя или пароль|идентификация пользователя не выполнена", UNAUTHORIZED),
    (
        r"(wrong|invalid|incorrect) (user ?name|login|name) or password|user is not (identified|authenticated)",
        UNAUTHORIZED,
    ),
    (r"нарушение прав доступа|недостаточно прав", FORBIDDEN),
    (r"access (rights? )?violation|insufficient (access )?rights", FORBIDDEN),
)
TEXTS = tuple((re.compile(phrase, re.IGNORECASE | re.DOTALL), meaning) for phrase, meaning in PHRASES)

STATUSES: dict[int, Meaning] = {
    401: UNAUTHORIZED,
    402: LICENCE,
    403: REJECTED,
    404: NOT_PUBLISHED,
    405: NOT_PUBLISHED,
    406: NO_SESSION,
    410: NOT_PUBLISHED,
    413: TOO_LARGE,
    429: BUSY,
    503: BUSY,
} | dict.fromkeys((301, 302, 303, 307, 308), REDIRECTED)


def of_answer(answer: Answer, steps: int) -> BridgeError:
    """The error an answer without a result means, for a call of ``steps`` writes (0: it only reads)."""
    text = answer.text
    position = POSITION.search(text)
    meaning = _meaning(answer, text)
    # Words of a call that never started come from the platform; out of running code they are an echo of our input.
    proof = Proof.NOTHING if position and meaning.proof is Proof.NOT_STARTED else meaning.proof
    if not _changed_nothing(proof, steps):
        return _unknown(meaning, answer.status, position)
    if meaning.retry_after_s is not None:
        wait_s = _retry_after_s(answer) or meaning.retry_after_s
        return Throttled(meaning.code, meaning.message, retry_after_s=wait_s, upstream=UPSTREAM)
    if meaning.kind is Unknown:
        return _unknown(meaning, answer.status, position)
    return meaning.kind(meaning.code, meaning.message, upstream=UPSTREAM)


def is_session_gone(answer: Answer, steps: int) -> bool:
    """Whether the call may be made again in a new session, because that in the cookie has ended and nothing was done.

    1C refuses a dead cookie with 400 or 404 before any code runs. A session killed during the call proves less.
    """
    return answer.status in (400, 404) or (steps == 0 and _meaning(answer, answer.text) is KILLED)


def of_exception(error: BaseException, *, is_connected: bool) -> BridgeError:
    """The error a broken call means: before a connection stands nothing can have left this machine, after it all."""
    causes = tuple(_causes(error))
    params = {"upstream": UPSTREAM, "cause": type(causes[-1]).__name__}
    if is_connected:
        return Unknown("erp_answer_lost", "No complete answer came from 1C: %(cause)s.", **params)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Misconfigured("erp_certificate_refused", "The certificate of 1C's web server is not trusted.", **params)
    return NotSent("erp_not_connected", "No connection to 1C could be made: %(cause)s.", **params)


def _meaning(answer: Answer, text: str) -> Meaning:
    spoken = next((meaning for pattern, meaning in TEXTS if pattern.search(text)), None)
    if spoken is not None:
        return spoken
    if 200 <= answer.status < 300 and not POSITION.search(text):
        return UNREADABLE if answer.body else EMPTY
    return STATUSES.get(answer.status, FAILED)


def _changed_nothing(proof: Proof, steps: int) -> bool:
    return steps == 0 or proof is Proof.NOT_STARTED or (proof is Proof.ROLLED_BACK and steps == 1)


def _unknown(meaning: Meaning, status: int, position: re.Match[str] | None) -> Unknown:
    where = position.group(1) if position else "?"
    return Unknown(meaning.code, meaning.message, upstream=UPSTREAM, status=status, position=where)


def _retry_after_s(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "")
    return min(float(text), RETRY_AFTER_MAX_S) if text.isdecimal() and text.isascii() else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Walk from ``error`` down to what first went wrong."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
