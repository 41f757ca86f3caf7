"""An accounting system whose goods we read, step by step, and what it says of our orders.

The contract, which whoever implements ``GoodsSource`` keeps:

1. A step is complete in itself: store its items and its cursor in one transaction, and a crash repeats the step only.
2. Repeating a step changes nothing in the system that is read, and may give newer values.
3. What a step gave is confirmed there, if at all, only by the next step, which is asked for with its cursor.
4. ``has_more`` false ends a reading; the cursor is then where the next one begins. The empty cursor begins anew.
5. ``is_whole_stock`` says that the step holds all stock there is: what it does not mention is zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from bridge.core.deadline import Deadline
from bridge.ports.goods import Item
from bridge.ports.site_orders import InOrder


@dataclass(frozen=True, slots=True)
class ErpOrderNews:
    """What the system says of one order it has; ``ids`` are those the order carries where ours stands. Its number is
    the buyer's own and proves nothing by itself: orders of others may have the same.
    """

    ids: Sequence[UUID]
    said: InOrder


@dataclass(frozen=True, slots=True)
class GoodsStep:
    """One step of a reading; ``name`` says what it is about, the same for the same part."""

    name: str
    items: Sequence[Item]
    cursor: str
    has_more: bool
    is_whole_stock: bool = False
    orders: Sequence[ErpOrderNews] = ()


class GoodsSource(Protocol):
    """The goods of one infobase."""

    @property
    def source(self) -> str:
        """The infobase whose ids the items carry."""

    def read(self, cursor: str, deadline: Deadline) -> GoodsStep:
        """The step behind ``cursor``. Raises ``Misconfigured`` if something is not published."""
