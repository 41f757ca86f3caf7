"""Stands in for the ``bridge`` command of the parts: quick to start, and it writes down what it was told."""

from __future__ import annotations

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()


def main(words: list[str]) -> None:
    notes = Path(os.environ["BRIDGE_DATA_DIR"]) / f"told-{words[0]}.json"
    notes.write_text(json.dumps({k: v for k, v in os.environ.items() if k.startswith("BRIDGE_")}))
    if words[0] == "serve":
        signal.signal(signal.SIGHUP, lambda *_: notes.with_name("renewed.json").write_text("yes"))
        HTTPServer(("127.0.0.1", int(words[2])), Answer).serve_forever()
    if words[0] in {"worker", "relay"}:
        signal.pause()


main(sys.argv[1:])
