"""Logs: one JSON object a line on stderr, with the ids of the request or work they belong to."""

from __future__ import annotations

import logging
import sys

import structlog

PROCESSORS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    # Without locals: they hold keys, passwords and buyers' data.
    structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
]


def configure(level: str, process: str) -> None:
    """Send our own logs and those of libraries to stderr as JSON lines; ``process`` names who writes."""
    structlog.configure(
        processors=[*PROCESSORS, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(level.upper()),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=PROCESSORS, processor=structlog.processors.JSONRenderer(ensure_ascii=False)
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[lines], force=True)
    structlog.contextvars.bind_contextvars(process=process)
