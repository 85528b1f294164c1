"""Structured logs: readable on a terminal, JSON where a machine reads them."""

import logging
import sys

import structlog


def configure(*, as_json: bool) -> None:
    """Send our log to standard error, and silence the chatter of libraries below warnings."""
    as_object = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    as_text = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(as_object if as_json else as_text),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if as_json else logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # looked up each time: it may be redirected
    )
    for name in ("cmdstanpy", "prophet", "pyomo"):
        logging.getLogger(name).setLevel(logging.ERROR)
