"""``python -m bridge``: the command, also where it is not on the PATH."""

from __future__ import annotations

from bridge.cli import main

main()
