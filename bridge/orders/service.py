"""Orders: made of live holds or of goods, paid once, sold with their seats in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.catalogue.goods_performance import sources_of
from bridge.core import ids, outbox
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.orders.model import Basket, Buyer, BuyerKind, Keeper, Order, OrderLine, OrderState, SeatPlace, may_become
from bridge.seats import holds
from bridge.seats.model import Hold, HoldState
from bridge.seats.sale import SaleLine, sell_seats, take_back

_INSERT = text(
    """
    INSERT INTO customer_order (order_id, client_id, channel, external_ref, buyer, state, total_minor, currency,
        erp_number, keeper, pay_until)
    VALUES (:id, :client, :channel, :external_ref, :buyer, 'awaiting_payment', :total, :currency, :erp_number,
        :keeper, clock_timestamp() + make_interval(secs => :pay_s))
    ON CONFLICT (client_id, external_ref) DO NOTHING RETURNING order_id
    """
).bindparams(bindparam("buyer", type_=JSONB))
_TIE = text(
    "INSERT INTO order_hold (hold_id, order_id) VALUES (:hold, :order) ON CONFLICT DO NOTHING RETURNING hold_id"
)
_LINE = text(
    """
    INSERT INTO order_line (order_line_id, order_id, hold_id, performance_id, seat_ref, price_type, price_minor)
    VALUES (:id, :order, :hold, :performance, :seat, :price_type, :price_minor)
    """
)
_GOODS_LINE = text(
    """
    INSERT INTO order_line (order_line_id, order_id, position, name, quantity, unit, price_type, price_minor, vat,
        source, goods_ref)
    VALUES (:id, :order, :position, :name, :quantity, :unit, :price_type, :price_minor, :vat, :source, :goods_ref)
    """
)
_GET = """
    SELECT o.order_id, o.number, o.client_id, o.channel, o.external_ref, o.buyer, o.state, o.total_minor, o.currency,
        o.erp_number, o.exception, o.keeper, o.created_at, o.paid_at, o.pay_until,
        LEAST(h.expires_at, o.pay_until) AS expires_at,
        GREATEST(0, EXTRACT(EPOCH FROM LEAST(h.expires_at, o.pay_until) - clock_timestamp()))::float8 AS expires_in_s
    FROM customer_order o
    LEFT JOIN LATERAL (
        SELECT min(hold.expires_at) AS expires_at FROM order_hold JOIN hold USING (hold_id)
        WHERE order_hold.order_id = o.order_id) h ON true
    WHERE {which}
    """
_READ = text(_GET.format(which="o.order_id = :id"))
_LOCK = text(_GET.format(which="o.order_id = :id") + " FOR UPDATE OF o")
_BY_REF = text("SELECT order_id FROM customer_order WHERE client_id = :client AND external_ref = :ref")
_LINES = text(
    """
    SELECT order_line_id AS id, name, quantity, unit, price_type, price_minor, amount_minor, vat, source, goods_ref,
        state, hold_id, performance_id, seat_ref
    FROM order_line WHERE order_id = :id ORDER BY position, performance_id, seat_ref
    """
)
_CHANGE = text(
    """
    UPDATE customer_order SET state = :state, changed_at = clock_timestamp(),
        exception = COALESCE(:exception, exception),
        paid_at = CASE WHEN :state = 'paid' THEN clock_timestamp() ELSE paid_at END
    WHERE order_id = :id AND state = ANY(:from_states) RETURNING order_id
    """
)
_SELL_LINES = text("UPDATE order_line SET state = 'sold' WHERE order_id = :id AND state = 'open'")
_RETURN_LINES = text(
    """
    UPDATE order_line SET state = 'returned', returned_at = clock_timestamp()
    WHERE order_id = :id AND order_line_id = ANY(:lines) AND state = 'sold' RETURNING order_line_id
    """
)
_TOUCH = text("UPDATE customer_order SET changed_at = clock_timestamp() WHERE order_id = :id")
_LAPSED = text(
    """
    UPDATE customer_order o SET state = 'expired', changed_at = clock_timestamp()
    WHERE o.order_id IN (
        SELECT c.order_id FROM customer_order c
        WHERE c.state = 'awaiting_payment' AND (c.pay_until <= clock_timestamp() OR EXISTS (
            SELECT 1 FROM order_hold JOIN hold USING (hold_id)
            WHERE order_hold.order_id = c.order_id AND hold.state IN ('expired', 'released', 'refused')))
        ORDER BY c.order_id LIMIT :rows_max FOR UPDATE SKIP LOCKED)
    """
)


_EXTEND = text(
    """
    UPDATE customer_order
    SET pay_until = GREATEST(pay_until, clock_timestamp() + make_interval(secs => :seconds))
    WHERE order_id = :id AND pay_until > clock_timestamp() RETURNING order_id
    """
)
_OFFER_AGAIN = text(
    """
    UPDATE customer_order SET state = 'awaiting_payment', total_minor = :total, currency = :currency, buyer = :buyer,
        pay_until = clock_timestamp() + make_interval(secs => :pay_s), changed_at = clock_timestamp()
    WHERE order_id = :id
    """
).bindparams(bindparam("buyer", type_=JSONB))
_FORGET_LINES = text("DELETE FROM order_line WHERE order_id = :id")


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A request to order the seats of ``hold_ids``, or the goods of ``basket``, for ``buyer``.

    ``erp_number`` is the number under which the ERP has the order already; ``pay_s`` is for how long an order of goods
    can be paid, without end if it is not given (seats have their holds).
    """

    order_id: UUID
    client_id: UUID
    channel: str
    buyer: Buyer
    hold_ids: Sequence[UUID] = ()
    basket: Basket | None = None
    external_ref: str | None = None
    erp_number: str | None = None
    keeper: Keeper = Keeper.BROKER
    pay_s: float | None = None


def create_order(tx: Connection, new: NewOrder) -> Order:
    """Make an order of live holds, or of goods.

    Raises ``Refused`` if a hold is foreign, over, or in another order, if its seats are kept in two systems, if the
    goods cost nothing, or if the client has used its number already.
    """
    new.buyer.check()
    if new.basket is not None:
        _write(tx, new, new.basket.total)
        write_goods(tx, new.order_id, new.basket)
        return get(tx, new.order_id)
    found = _live_holds(tx, new)
    currencies = {hold.currency for hold in found}
    if len(currencies) != 1:
        raise Refused("currencies_mixed", "The holds of an order must be in one currency.")
    _check_one_keeper(tx, found)
    _write(tx, new, Money(sum(hold.total_minor for hold in found), currencies.pop()))
    for hold in found:
        _add_hold(tx, new.order_id, hold)
    return get(tx, new.order_id)


def _write(tx: Connection, new: NewOrder, total: Money) -> None:
    values = {
        "id": new.order_id,
        "client": new.client_id,
        "channel": new.channel,
        "external_ref": new.external_ref,
        "buyer": asdict(new.buyer),
        "total": total.minor,
        "currency": total.currency,
        "erp_number": new.erp_number,
        "keeper": new.keeper.value,
        "pay_s": new.pay_s,
    }
    if not tx.execute(_INSERT, values).first():
        raise Refused("external_ref_used", "You have another order under the number %(ref)s.", ref=new.external_ref)


def write_goods(tx: Connection, order_id: UUID, basket: Basket) -> None:
    """Write the lines of an order of goods. Raises ``Refused`` if they cost nothing."""
    if basket.total.minor <= 0:
        raise Refused("order_free", "The order comes to nothing: there is nothing to pay.")
    rows = [
        {"id": ids.derive("order_line", order_id, position), "order": order_id, "position": position, **asdict(line)}
        for position, line in enumerate(basket.lines, start=1)
    ]
    tx.execute(_GOODS_LINE, rows)


def _live_holds(tx: Connection, new: NewOrder) -> list[Hold]:
    found = holds.get_many(tx, new.hold_ids, for_update=True)
    for hold_id in new.hold_ids:
        hold = found.get(hold_id)
        if hold is None or hold.client_id != new.client_id:
            raise Refused("hold_unknown", "There is no such hold.")
        if hold.state in {HoldState.RESERVING, HoldState.UNCERTAIN}:
            raise Refused("hold_not_ready", "The hold is not confirmed yet; ask for it again in a moment.")
        if hold.state is not HoldState.ACTIVE or not hold.is_live:
            raise Refused("hold_over", "The hold is over; hold the seats again.")
    return list(found.values())


def _check_one_keeper(tx: Connection, found: Sequence[Hold]) -> None:
    """An order goes to one accounting system: to the ERP that confirms seats, or to the one whose goods they are."""
    performances = {hold.performance_id for hold in found}
    sources = sources_of(tx, performances)
    if len({sources.get(performance) for performance in performances}) > 1:
        raise Refused("seats_kept_apart", "These seats are kept by different accounting systems: order them apart.")


def _add_hold(tx: Connection, order_id: UUID, hold: Hold) -> None:
    if not tx.execute(_TIE, {"hold": hold.id, "order": order_id}).first():
        raise Refused("hold_ordered", "This hold is already part of an order.")
    rows = [
        {
            "id": ids.derive("order_line", order_id, hold.performance_id, line.seat_ref),
            "order": order_id,
            "hold": hold.id,
            "performance": hold.performance_id,
            "seat": line.seat_ref,
            "price_type": line.price_type,
            "price_minor": line.price_minor,
        }
        for line in hold.lines
    ]
    tx.execute(_LINE, rows)


def find(tx: Connection, client_id: UUID, external_ref: str, *, for_update: bool = False) -> Order | None:
    """The order that a client knows by ``external_ref``."""
    found = tx.execute(_BY_REF, {"client": client_id, "ref": external_ref}).scalar_one_or_none()
    return get(tx, found, for_update=for_update) if found else None


def get(tx: Connection, order_id: UUID, *, for_update: bool = False) -> Order:
    """Read an order with its lines. Raises ``Refused`` if there is none."""
    row = tx.execute(_LOCK if for_update else _READ, {"id": order_id}).first()
    if row is None:
        raise Refused("order_unknown", "There is no such order.")
    return _read(row, [_line(line) for line in tx.execute(_LINES, {"id": order_id})])


def _line(row: Row[Any]) -> OrderLine:
    own = dict(row._mapping)  # noqa: SLF001  public API
    hold_id, performance_id, seat_ref = (own.pop(name) for name in ("hold_id", "performance_id", "seat_ref"))
    return OrderLine(**own, seat=SeatPlace(hold_id, performance_id, seat_ref) if hold_id else None)


def _read(row: Row[Any], lines: Sequence[OrderLine]) -> Order:
    buyer = {**row.buyer, "kind": BuyerKind(row.buyer["kind"])}
    return Order(
        id=row.order_id,
        number=str(row.number),
        client_id=row.client_id,
        channel=row.channel,
        external_ref=row.external_ref,
        buyer=Buyer(**buyer),
        state=OrderState(row.state),
        total=Money(row.total_minor, row.currency),
        erp_number=row.erp_number,
        keeper=Keeper(row.keeper),
        exception=row.exception,
        created_at=row.created_at,
        paid_at=row.paid_at,
        pay_until=row.pay_until,
        expires_at=row.expires_at,
        expires_in_s=row.expires_in_s,
        lines=lines,
    )


def sell(tx: Connection, order: Order) -> bool:
    """The order is paid: sell its seats and let the ERP know, all in the transaction of the money. Goods, and seats
    that are goods, have nothing to be confirmed: the ERP fetches their order, or has it already.

    If somebody else has a seat by now (late money), the order goes to a person, never silently. The caller has locked
    the order. Returns whether the seats were sold.
    """
    if order.seats and not _sell_seats(tx, order):
        return False
    tx.execute(_SELL_LINES, {"id": order.id})
    _change(tx, order.id, OrderState.PAID)
    return True


def _sell_seats(tx: Connection, order: Order) -> bool:
    holds.get_many(tx, order.hold_ids, for_update=True)  # holds before seats, as everybody does
    sale = [SaleLine(seat.performance_id, seat.seat_ref, seat.hold_id, line.id) for line, seat in order.seats]
    try:
        with tx.begin_nested():
            sell_seats(tx, sale)
    except Refused as refusal:
        set_exception(tx, order, f"paid, but {refusal}")
        return False
    holds.mark_sold(tx, order.hold_ids)
    if not sources_of(tx, {seat.performance_id for _, seat in order.seats}):
        outbox.put(tx, holds.LANE, "confirm", order_key(order.id), {"order_id": str(order.id)})
    return True


def take_back_lines(tx: Connection, order: Order, line_ids: Sequence[UUID]) -> list[UUID]:
    """Tickets of an order came back in the ERP: their lines are no part of it any more, and their seats are nobody's.
    Money is not moved. The caller has locked the order. Returns the lines that were sold until now; again: none.
    """
    returned = list(tx.execute(_RETURN_LINES, {"id": order.id, "lines": list(line_ids)}).scalars())
    if returned:
        take_back(tx, returned)
        tx.execute(_TOUCH, {"id": order.id})
    return returned


def extend_for_payment(tx: Connection, order: Order, seconds: int) -> None:
    """A payment of the order begins: it can be paid for ``seconds`` more at least. Raises ``Refused`` if it is over."""
    if order.hold_ids:
        holds.extend_for_payment(tx, order.hold_ids, seconds)
    if order.pay_until and not tx.execute(_EXTEND, {"id": order.id, "seconds": seconds}).first():
        raise Refused("order_over", "This order can no longer be paid.")


def payment_failed(tx: Connection, order: Order) -> None:
    """A payment of the order came to nothing. The caller has locked it."""
    if order.hold_ids:
        holds.payment_failed(tx, order.hold_ids)


def offer_again(
    tx: Connection, order: Order, basket: Basket, pay_s: float | None = None, buyer: Buyer | None = None
) -> Order:
    """Let an unpaid order of goods be paid for ``basket`` from now on, and by ``buyer`` if it is another by now.

    The caller has locked it, and seen that no money of it is under way. Raises ``Refused`` if it is paid or before a
    person.
    """
    if order.state not in {OrderState.AWAITING_PAYMENT, OrderState.EXPIRED} or order.seats:
        raise Refused("order_over", "This order can no longer be paid.")
    (buyer or order.buyer).check()
    values = {"total": basket.total.minor, "currency": basket.currency, "buyer": asdict(buyer or order.buyer)}
    tx.execute(_OFFER_AGAIN, {"id": order.id, "pay_s": pay_s, **values})
    tx.execute(_FORGET_LINES, {"id": order.id})
    write_goods(tx, order.id, basket)
    return get(tx, order.id)


def order_key(order_id: UUID) -> str:
    """The key under which all work of an order runs in order."""
    return f"order:{order_id}"


def set_exception(tx: Connection, order: Order, reason: str) -> None:
    """Hand the order to a person, with the reason."""
    _change(tx, order.id, OrderState.EXCEPTION, reason)
    raise_alert(tx, "order_exception", order_key(order.id), reason, severity=Severity.CRITICAL, number=order.number)


def withdraw(tx: Connection, order: Order) -> None:
    """Let an unpaid order be paid no more. Money that comes all the same is late money."""
    _change(tx, order.id, OrderState.EXPIRED)


def decided(tx: Connection, order: Order, *, is_paid: bool) -> None:
    """A person has decided about all money of an order that waited for that."""
    if order.state is OrderState.EXCEPTION:
        _change(tx, order.id, OrderState.PAID if is_paid else OrderState.EXPIRED)
    resolve_alert(tx, "order_exception", order_key(order.id))


def confirmed(tx: Connection, order_id: UUID, erp_number: str | None) -> None:
    """The ERP has the order, under its own number."""
    statement = text(
        "UPDATE customer_order SET erp_number = :number, changed_at = clock_timestamp() WHERE order_id = :id"
    )
    tx.execute(statement, {"id": order_id, "number": erp_number})


def expire_lapsed(tx: Connection, rows_max: int = 500) -> int:
    """End orders whose holds or whose time to be paid are over."""
    return tx.execute(_LAPSED, {"rows_max": rows_max}).rowcount


def _change(tx: Connection, order_id: UUID, state: OrderState, exception: str | None = None) -> None:
    values = {"id": order_id, "state": state.value, "exception": exception, "from_states": may_become(state)}
    tx.execute(_CHANGE, values)
