"""The moment by which an answer is due, handed down through every call."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bridge.core.errors import NotSent


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock. Wall clocks may jump; this one may not."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline ``seconds`` from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return self.left_s <= 0.0

    def at_most(self, seconds: float) -> Deadline:
        """The same deadline, or the one ``seconds`` from now if that is sooner."""
        return min(self, Deadline.after(seconds), key=lambda deadline: deadline.at)

    def cap(self, seconds: float) -> float:
        """The time one step may take: ``seconds`` or what is left, whichever is less.

        Raises ``NotSent`` if nothing is left, because the step has then not begun.
        """
        if self.is_over:
            raise NotSent("deadline_over", "No time was left to start the call.")
        return min(seconds, self.left_s)
