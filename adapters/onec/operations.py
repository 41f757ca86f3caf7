"""The operations of the web service, and what the way to call them depends on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the WSDL.

    ``is_background`` gives it the long time limit. ``is_one_shot`` sends it on a fresh connection: a kept one that
    the web server has just closed would look like an unknown outcome, which for money costs a look-up.
    """

    name: str
    is_background: bool = False
    is_one_shot: bool = False


PING = Operation("Ping", is_background=True)
GET_CHANGES = Operation("GetChanges", is_background=True)
GET_SEATS = Operation("GetSeats")
APPLY_SEAT_COMMANDS = Operation("ApplySeatCommands")
FIND_HOLDS = Operation("FindHolds")
FIND_ORDERS = Operation("FindOrders")
POST_PAYMENTS = Operation("PostPayments", is_background=True, is_one_shot=True)
FIND_POSTINGS = Operation("FindPostings", is_background=True)
