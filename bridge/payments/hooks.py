"""``POST /hooks/{provider}/{account}``: stored raw, acknowledged in the provider's own words, worked on after."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from bridge.core import inbox, outbox
from bridge.core.db import Database
from bridge.core.errors import Refused
from bridge.core.inbox import Letter
from bridge.payments.accounts import Accounts
from bridge.payments.late import LANE
from bridge.ports.provider import Hint, HintKind, Provider

BODY_BYTES_MAX = 200_000
SETTLED = frozenset({"captured", "canceled", "succeeded"})


class Hooks:
    """Takes webhooks. Nothing is acknowledged before it is stored; nothing is believed before it is asked."""

    def __init__(self, db: Database, accounts: Accounts) -> None:
        self._db = db
        self._accounts = accounts

    def take(self, provider: str, account: str) -> Response:
        """Store one webhook and the work to ask the provider about what it names."""
        connector = self._accounts.providers.get((provider, account))
        if connector is None:
            raise Refused("account_unknown", "There is no such account here.")
        body = request.get_data()
        if len(body) > BODY_BYTES_MAX:
            raise RequestEntityTooLarge
        hint = connector.read_webhook(body, dict(request.headers), request.remote_addr or "")
        if hint.kind is not HintKind.NOTHING:
            self._store(connector, hint, body)
        said = connector.acknowledgement
        return Response(said.body, said.status, content_type=said.content_type)

    def _store(self, connector: Provider, hint: Hint, body: bytes) -> None:
        name, account = connector.name, connector.account
        letter = Letter(name, account, hint.event_key, hint.provider_ref, body)
        with self._db.begin() as tx:
            received = inbox.store(tx, letter)
            if received.deliveries > 1 and received.outcome in SETTLED:
                return
            payload = {"inbox_id": received.id, "provider": name, "account": account, "ref": hint.provider_ref}
            key = f"letter:{name}:{hint.provider_ref}"
            outbox.put(tx, LANE, "letter", key, {**payload, "kind": hint.kind.value})

    def blueprint(self) -> Blueprint:
        """The route."""
        hooks = Blueprint("hooks", __name__)
        hooks.post("/hooks/<provider>/<account>")(self.take)
        return hooks
