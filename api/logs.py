"""Structured logs: readable on a terminal, JSON where a machine reads them.

Guarantees
----------
* A line that cannot be written (a full disk, a closed pipe) is lost and nothing else: whoever logs goes on.
* Of an error that is logged, what variables held is not: among them are keys, passwords, and what buyers bought.
"""

import logging
import sys
from contextlib import suppress

import structlog


def configure(*, as_json: bool) -> None:
    """Send our log to standard error, and silence the chatter of libraries below warnings."""
    as_object = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback  # the default one prints the variables of each step
    as_text = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(as_object if as_json else as_text),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if as_json else logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(_Patient()),  # type: ignore[arg-type]  # all of a file it uses
    )
    for name in ("cmdstanpy", "prophet", "pyomo"):
        logging.getLogger(name).setLevel(logging.ERROR)


class _Patient:
    """Standard error, looked up each time, as it may be redirected."""

    def write(self, text: str) -> None:
        """Write, if that can be done."""
        with suppress(OSError, ValueError):  # ValueError: it is closed
            sys.stderr.write(text)

    def flush(self) -> None:
        """Have it written, if that can be done."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()
