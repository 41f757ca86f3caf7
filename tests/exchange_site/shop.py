"""A performance with sold seats, straight in the database: how orders come about is proved elsewhere."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

from bridge.channels.service import Scope, add_client
from bridge.exchange.nodes import Dialect, Orders, add_node
from bridge.ports.site_orders import Carrier
from tests.exchange_site.conftest import Place
from tests.exchange_site.goods import offers

BUYER = {"kind": "person", "name": "Анна Ли", "email": "anna@example.org", "phone": "+79990000000", "inn": ""}
SEATS = [f"s{number:02}" for number in range(40)]


class Shop:
    """Orders of one performance, ``perf`` in 1C, whose seats a node has told of as goods."""

    def __init__(self, place: Place, node: str = "ut", dialect: str = "ut11", carrier: Carrier | None = None) -> None:
        self.place = place
        self.performance = uuid4()
        with place.bridge.db.begin() as tx:
            place.nodes[node] = add_node(tx, node, Dialect(dialect), Orders(carrier))
            if not place.rows("SELECT 1 FROM client"):
                add_client(tx, "shop", "web", tuple(Scope))
        event, hall = uuid4(), uuid4()
        place.run("INSERT INTO event (event_id, ref, name, description, age_limit) VALUES (:id, 'e', 'Щелкунчик', '', 6)", id=event)  # fmt: skip
        place.run("INSERT INTO hall (hall_id, ref, name, venue, layout_version, seats) VALUES (:id, 'h', '', '', '1', '[]')", id=hall)  # fmt: skip
        place.run(
            "INSERT INTO performance (performance_id, ref, event_id, hall_id, starts_at, sales_end_at, time_zone, state, zones)"
            " VALUES (:id, 'perf', :event, :hall, now(), now(), 'Europe/Moscow', 'on_sale', '[]')",
            id=self.performance,
            event=event,
            hall=hall,
        )
        self.tell(node)

    def tell(self, node: str) -> None:
        """The node sends its goods: the first 30 seats."""
        wire = self.place.wire(node)
        wire.ask("catalog", "checkauth")
        wire.send("catalog", "offers.xml", offers(*(f"perf#{seat}" for seat in SEATS[:30])))
        with self.place.worker():
            assert wire.ask("catalog", "import", filename="offers.xml").word == "success"

    def order(self, *seats: str, paid: int | None = None, **more: Any) -> str:
        """A paid order of seats for 100 each; return its number. ``paid`` is what came, in kopecks."""
        order, hold = uuid4(), uuid4()
        total = more.pop("total", 10_000 * len(seats))
        row = {"id": order, "buyer": json.dumps({**BUYER, **more.pop("buyer", {})}), "total": total}
        ((client,),) = self.place.rows("SELECT client_id FROM client")
        self.place.run(
            "INSERT INTO customer_order (order_id, client_id, channel, buyer, state, total_minor, currency)"
            " VALUES (:id, :client, 'web', CAST(:buyer AS jsonb), 'paid', :total, 'RUB')",
            client=client,
            **row,
        )
        self.place.run(
            "INSERT INTO hold (hold_id, client_id, channel, performance_id, authority, state, lines, total_minor, currency, "
            "expires_at, cap_at) VALUES (:hold, :client, 'web', :performance, 'erp', 'sold', '[]', 1, 'RUB', now(), now())",
            hold=hold,
            client=client,
            performance=self.performance,
        )
        for seat in seats:
            self.place.run(
                "INSERT INTO order_line (order_line_id, order_id, hold_id, performance_id, seat_ref, price_type, price_minor, "
                "state) VALUES (:id, :order, :hold, :performance, :seat, '', 10000, 'sold')",
                id=uuid4(),
                order=order,
                hold=hold,
                performance=self.performance,
                seat=seat,
            )
        self.pay(order, total if paid is None else paid, "captured")
        ((number,),) = self.place.rows("SELECT number FROM customer_order WHERE order_id = :id", id=order)
        return str(number)

    def pay(self, order: UUID, amount: int, kind: str) -> None:
        """A fact the provider proved."""
        attempt = uuid4()
        self.place.run(
            "INSERT INTO payment_attempt (attempt_id, order_id, provider, account, method, state, amount_minor, currency, return_url)"
            " VALUES (:id, :order, 'yookassa', 'main', 'bank_card', 'captured', :amount, 'RUB', '')",
            id=attempt,
            order=order,
            amount=amount,
        )
        self.place.run(
            "INSERT INTO payment_fact (attempt_id, kind, provider_ref, amount_minor, currency, happened_at)"
            " VALUES (:id, :kind, :ref, :amount, 'RUB', '2026-11-21T21:30:00Z')",
            id=attempt,
            kind=kind,
            ref=str(attempt),  # 36 characters, like those of a provider
            amount=amount,
        )

    def id_of(self, number: str) -> UUID:
        """Our id of an order."""
        ((found,),) = self.place.rows("SELECT order_id FROM customer_order WHERE number = :n", n=int(number))
        return UUID(str(found))

    def change(self, number: str, **buyer: str) -> None:
        """Something about an order becomes different."""
        self.place.run(
            "UPDATE customer_order SET buyer = buyer || CAST(:buyer AS jsonb), changed_at = clock_timestamp() WHERE number = :n",
            buyer=json.dumps(buyer),
            n=int(number),
        )
