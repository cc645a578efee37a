"""HTTP for every service: app factory, problem+json errors, sign-on, transactions, idempotency, paging, health, SSE."""
