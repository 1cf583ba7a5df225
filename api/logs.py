"""Sets up the API's structured logs: one JSON object a line, on standard error."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog


def configure_logs() -> None:
    """For the process that serves the API, before it starts; ``create_app`` leaves the process as it is.

    A traceback is plain text: never the values of variables, as one of them may be a password.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
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
