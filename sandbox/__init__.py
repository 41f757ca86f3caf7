"""Peers to run the broker against: they share no code with it, else they would prove nothing."""

from __future__ import annotations

from sandbox.peers import parts

__all__ = ["parts"]
