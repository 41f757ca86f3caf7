"""The only composition root: settings in, a ``Bridge`` out. Nobody else imports an adapter.

Build one per process, after any fork: it opens connections and threads at first use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from flask import Blueprint

from adapters.bitrix.exchange import BitrixStorefront
from adapters.bitrix.pay import PayCall
from adapters.onec import bank, commerceml
from adapters.onec.erp import create as create_onec
from adapters.onec.exchange import SitePages, read_orders
from adapters.onec.odata.goods import OdataGoods
from adapters.payments import registry
from bridge.alerts.service import report_work
from bridge.core.breaker import Limits
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import Misconfigured
from bridge.core.gateway import Gateway
from bridge.core.http import Sender
from bridge.core.retry import Policy
from bridge.core.runner import Lane, Runner
from bridge.exchange import books, doubts
from bridge.exchange.files import FileFormat, goods_format, statement_format
from bridge.exchange.goods_sync import CALL_S as GOODS_CALL_S
from bridge.exchange.goods_sync import LANE as GOODS_SYNC
from bridge.exchange.goods_sync import GoodsSync
from bridge.exchange.guard import GuardedErp, Sessions
from bridge.exchange.postings import Postings
from bridge.exchange.recurring import Step, steps
from bridge.exchange.runs_import import Readers
from bridge.exchange.runs_site import ExchangeSite
from bridge.exchange.runs_site import Rules as SiteRules
from bridge.exchange.seat_commands import SeatCommands
from bridge.exchange.seats_returned import SeatsReturned
from bridge.exchange.storefront_work import Rules as StorefrontRules
from bridge.exchange.storefront_work import StorefrontExchange
from bridge.exchange.sync import LANE as SYNC
from bridge.exchange.sync import Sync
from bridge.fairness.allowances import Allowances, LiveHolds
from bridge.fairness.counters import Counters
from bridge.fairness.guard import FairUse
from bridge.fairness.guesses import Guesses
from bridge.fairness.lobby import Lobby
from bridge.fairness.model import Allowance, PaceRules
from bridge.fairness.pacing import Gate, let_in, open_and_close_by_load
from bridge.fairness.rooms import forget_places
from bridge.fairness.score import compute_scores
from bridge.payments import facts
from bridge.payments.accounts import Accounts
from bridge.payments.checkouts import Checkouts
from bridge.payments.gateway import ProviderGateway
from bridge.payments.jobs import ProviderCalls
from bridge.payments.late import LANE as PROVIDER
from bridge.payments.pages import PaymentPages
from bridge.ports.erp import Erp
from bridge.ports.provider import Provider
from bridge.rest.compartment import Compartment
from bridge.seats import holds
from bridge.seats.asked import Awaited
from config.settings import Settings

PROVIDER_CALL_S = 35.0
PROVIDER_SESSIONS = 8
WARM_CALL_S = 40.0  # a first call after a quiet night takes this long
SEATS_SETTLE_S = 1.0


@dataclass(frozen=True)
class Bridge:
    """Everything a process of the broker works with."""

    settings: Settings
    db: Database
    erp: Erp | None
    accounts: Accounts
    lanes: Mapping[str, Lane]
    runner: Runner
    site: ExchangeSite
    awaited: Awaited
    storefront: StorefrontExchange | None = None
    goods: GoodsSync | None = None

    def inbound(self) -> Sequence[Blueprint]:
        """The addresses at which other systems call us in their own words."""
        checkouts = Checkouts(self.db, self.payment_pages)
        return [SitePages(self.site).blueprint(), PayCall(checkouts, self.settings.bitrix_pay).blueprint()]

    @cached_property
    def seats_gateway(self) -> Gateway:
        """Asks the ERP about seats for requests that wait."""
        erp = self.settings.erp
        return Gateway(
            self.runner,
            holds.LANE,
            sessions=erp.web_sessions,
            batch_max=erp.commands_max,
            warm_s=erp.warm_s if self.erp else None,
            keep_warm=self._ping,
        )

    def wake_erp(self) -> None:
        """Let a process that will be asked for seats open its session before the first buyer comes."""
        if self.erp is not None:
            self.seats_gateway.start()

    def _ping(self) -> None:
        if self.erp is not None:
            self.erp.ping(Deadline.after(WARM_CALL_S))

    @cached_property
    def fair_use(self) -> FairUse:
        """The limits of the clients of this process."""
        fair = self.settings.fair
        counters = Counters(self.settings.redis_url.get_secret_value())
        default = Allowance(fair.rate_per_s, fair.requests_at_once_max)
        guesses = Guesses(counters, fair.failures_max, fair.failures_window_s)
        lobby = Lobby(self.db, self._gate, fair.room_stay_s)
        return FairUse(counters, Allowances(self.db, default), LiveHolds(self.db), guesses, lobby)

    @property
    def _gate(self) -> Gate:
        fair = self.settings.fair
        rules = PaceRules(fair.room_floor_per_s, fair.room_ceiling_per_s, fair.room_oldest_max_s)
        return Gate(rules, self.erp.name if self.erp else "", fair.room_opens_by_itself)

    def _let_in(self) -> str:
        """Look after the waiting rooms where no request does."""
        with self.db.begin() as tx:
            people = let_in(tx, self._gate, 0.0)
            return f"{people} people{open_and_close_by_load(tx, self._gate)}"

    def _score(self) -> str:
        with self.db.begin() as tx:
            done = compute_scores(tx, self.settings.fair.score_days, self.settings.fair.score_holds_min)
            return f"{done}, {forget_places(tx)} places forgotten"

    def _watch_books(self) -> str:
        with self.db.begin() as tx:
            return books.watch(tx, self.erp.name if self.erp else "")

    @cached_property
    def provider_gateway(self) -> ProviderGateway:
        """Calls providers for requests that wait."""
        places = Compartment(self.settings.web.provider_waiters)
        return ProviderGateway(self.runner, PROVIDER, places, sessions=PROVIDER_SESSIONS)

    @cached_property
    def payment_pages(self) -> PaymentPages:
        """Finds or opens the pages at which orders are paid."""
        return PaymentPages(self.db, self.provider_gateway, self.accounts)

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """The recurring work; without an ERP there is nothing to read from it."""
        periods = self.settings.periods
        found = dict(steps(self.db, janitor_quiet_s=periods.janitor_quiet, compare_quiet_s=periods.compare_quiet))
        found |= {"exchange": self.site.tidy, "score": self._score, "waiting_rooms": self._let_in}
        found["books"] = self._watch_books
        if self.storefront is not None:
            found |= self.storefront.steps()
        if self.goods is not None:
            found["goods"] = self.goods.want
        if self.erp is None:
            del found["sync"], found["diff"]
        return found

    @property
    def periods_s(self) -> Mapping[str, float]:
        """How often each recurring step is due."""
        return {name: getattr(self.settings.periods, name) for name in self.steps}

    def close(self) -> None:
        """Let threads end, give sessions and connections back."""
        for name in ("seats_gateway", "provider_gateway", "fair_use"):
            if name in self.__dict__:  # made at first use
                self.__dict__[name].close()
        if self.erp is not None:
            self.erp.close()
        self.db.close()


def build(settings: Settings, *, connections_max: int = 4) -> Bridge:
    """Put a process's broker together."""
    db = Database(settings.database_url.get_secret_value(), connections_max=connections_max)
    erp = _erp(settings, db)
    accounts = Accounts(_providers(settings))
    awaited = Awaited()
    lanes = {lane.name: lane for lane in _lanes(settings, db, erp, accounts, awaited)}
    systems = sorted({provider for provider, _ in accounts.providers})
    rules = SiteRules(**settings.exchange.model_dump())
    site = ExchangeSite(db, settings.data_dir, rules, systems, has_erp=erp is not None)
    files = site.imports(Readers(commerceml.read, read_orders)).lane()
    storefront = _storefront(settings, db)
    goods = _goods(settings, db, erp)
    own = [Lane(GOODS_SYNC, goods.perform, batch_max=1, call_s=GOODS_CALL_S)] if goods else []
    for lane in (files, *own, *(storefront.lanes() if storefront else ())):
        lanes[lane.name] = lane
    runner = Runner(db, lanes, report_work)
    return Bridge(settings, db, erp, accounts, lanes, runner, site, awaited, storefront, goods)


def _goods(settings: Settings, db: Database, erp: GuardedErp | None) -> GoodsSync | None:
    """The reading of the ERP's own catalogue, if it is to be read."""
    if settings.onec is None or erp is None or settings.onec.goods == settings.onec.orders == "none":
        return None
    return GoodsSync(db, OdataGoods(settings.onec), erp.background)


def _storefront(settings: Settings, db: Database) -> StorefrontExchange | None:
    """The exchange with a shop of somebody else's, if one is set up."""
    given = settings.bitrix
    if given is None:
        return None
    rules = StorefrontRules(
        goods_of=given.goods_of,
        client=given.client if given.fetches_orders else None,
        portion_items=given.portion_items,
        ids_of=given.ids_of or given.goods_of,
    )
    return StorefrontExchange(db, BitrixStorefront(given), rules)


def _erp(settings: Settings, db: Database) -> GuardedErp | None:
    """The ERP client behind its guard, if one is set up."""
    if settings.onec is None:
        return None
    given = settings.erp
    client = create_onec(settings.onec)
    sessions = Sessions(given.sessions, given.background_sessions, given.session_wait_s)
    limits = Limits(slow_s=given.seats_call_s, open_s=given.rest_s)
    settle_s = dict.fromkeys((facts.LANE, doubts.LANE, SYNC, GOODS_SYNC), given.settle_s)
    return GuardedErp(client, db, sessions, limits, settle_s | {holds.LANE: SEATS_SETTLE_S})


def file_formats() -> Sequence[FileFormat]:
    """The formats of files that can be imported, in the order in which they are tried."""
    return (
        statement_format("bank statement", bank.recognises, bank.read),
        goods_format("CommerceML", commerceml.recognises, commerceml.read),
    )


def _providers(settings: Settings) -> dict[tuple[str, str], Provider]:
    factories = registry()
    made: dict[tuple[str, str], Provider] = {}
    for name in type(settings.payments).model_fields:
        for account, given in getattr(settings.payments, name).items():
            if name not in factories:
                raise Misconfigured("provider_not_installed", "No connector %(name)s is installed.", name=name)
            made[name, account] = factories[name](given)
    return made


def _lanes(
    settings: Settings, db: Database, erp: GuardedErp | None, accounts: Accounts, awaited: Awaited
) -> list[Lane]:
    # A posting repeated too early could be made twice. Seat commands are the same when repeated (port, 3 and 4), so
    # they are looked up as soon as the ERP may have drawn breath.
    policy = Policy(settle_s=settings.erp.settle_s)
    seats_policy = Policy(settle_s=SEATS_SETTLE_S)
    calls = ProviderCalls(db, Sender(), accounts)
    provider = Lane(PROVIDER, calls.perform, Policy(settle_s=5.0), batch_max=1, call_s=PROVIDER_CALL_S)
    if erp is None:
        return [provider]
    given = settings.erp
    commands = SeatCommands(db, erp, seats_policy, awaited)
    postings = Postings(db, erp, policy)
    returned = SeatsReturned(db, erp)
    of_erp = (
        Lane(holds.LANE, commands.perform, seats_policy, given.commands_max, given.seats_call_s),
        Lane(facts.LANE, postings.perform, policy, given.postings_max, given.postings_call_s),
        Lane(doubts.LANE, returned.perform, policy, given.commands_max),
        Lane(SYNC, Sync(db, erp).perform, policy, batch_max=1, call_s=120.0),
    )
    return [provider, *(replace(lane, is_resting=erp.is_resting) for lane in of_erp)]
