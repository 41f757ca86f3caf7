"""The waiting room as the buyer sees it: a position, an estimate, a page that moves on by itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, url_for
from werkzeug.wrappers import Response as Redirect

from sandbox.shop import cookie
from sandbox.shop.language import t
from sandbox.shop.showing import broker

waiting = Blueprint("waiting", __name__)
Json = dict[str, Any]
# Why the broker refuses a hold while people wait for the performance.
CODES = frozenset({"admission_missing", "admission_wrong", "admission_over"})
QUEUED = frozenset({"waiting", "presale"})


@waiting.get("/performances/<performance_id>/wait")
def wait(performance_id: str) -> str | Redirect:
    """Show where the buyer stands; the same place however often the page is loaded. Let in, the buyer goes to the map."""
    stand = broker().join(performance_id, cookie.customer_ref())
    if stand["state"] not in QUEUED:
        cookie.remember_admission(performance_id, stand.get("admission") or "")
        return redirect(url_for("showing.performance", performance_id=performance_id), 303)
    return render_template(
        "waiting.html", performance=broker().performance(performance_id), stand=stand, words=_words(stand)
    )


@waiting.get("/performances/<performance_id>/wait/state")
def wait_state(performance_id: str) -> Response:
    """Tell the page whether to show itself anew, and what to say meanwhile."""
    stand = broker().join(performance_id, cookie.customer_ref())
    return jsonify({"stamp": stand["state"], "words": _words(stand)})


def _words(stand: Json) -> str:
    if stand["position"] is None:
        return t("queue_presale", time=str(stand.get("opens_at") or "")[11:16])
    minutes = max(1, round((stand["estimate_s"] or 0) / 60))
    return t("queue_position", position=stand["position"], minutes=minutes)
