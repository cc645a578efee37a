"""Every name of a span, span attribute and metric in one place, so that dashboards and alerts can rely on them.

Metrics are Prometheus metrics on each service's /metrics; counters get `_total` appended there.
"""

# Spans. HTTP server spans are named "<method> <route>" as OpenTelemetry's conventions ask.
SPAN_PUBLISH = "publish"
SPAN_PROCESS = "process"
SPAN_JOB = "job"

# Span attributes of our own; the rest follow OpenTelemetry's semantic conventions.
ATTRIBUTE_JOB = "tillstream.job"
ATTRIBUTE_CONSUMER = "tillstream.consumer"
ATTRIBUTE_STORE = "tillstream.store_id"

# HTTP
HTTP_REQUESTS = "http_requests"
HTTP_REQUEST_SECONDS = "http_request_seconds"

# Bus
OUTBOX_PENDING = "outbox_pending_messages"
OUTBOX_LAG = "outbox_lag_seconds"
OUTBOX_PUBLISHED = "outbox_published_messages"
OUTBOX_FAILURES = "outbox_publish_failures"
OUTBOX_UNDELIVERABLE = "outbox_undeliverable_messages"
INBOX_HANDLED = "inbox_handled_messages"
INBOX_REPEATED = "inbox_repeated_deliveries"
INBOX_DEFERRED = "inbox_deferred_messages"
INBOX_DEAD = "inbox_dead_messages"
CONSUMERS_EXPECTED = "bus_consumers_expected"
CONSUMERS_ATTACHED = "bus_consumers_attached"

# Host
JOB_RUNS = "job_runs"
JOB_SECONDS = "job_seconds"
POOL_CONNECTIONS_IN_USE = "database_connections_in_use"
