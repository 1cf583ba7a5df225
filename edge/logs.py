"""Sets up structured logs: one JSON object a line for machines, plain lines on a terminal."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog


def configure_logs(*, least: str = "debug") -> None:
    """Writes to standard error, so that standard output stays free for results; ``least`` is the lowest level told."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(file=cast(TextIO, _Lenient())),
        cache_logger_on_first_use=False,
    )


class _Lenient:
    """Standard error on a disk that may be full: a line for which there is no room is lost, and nobody dies of it."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()
