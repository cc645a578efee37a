"""What the system tells about itself: logs without secrets, traces per service, names of spans and metrics."""

from libs.telemetry.logs import configure_logging
from libs.telemetry.tracing import trace_provider

__all__ = ["configure_logging", "trace_provider"]
