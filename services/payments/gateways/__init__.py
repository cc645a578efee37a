"""Clients of payments to the outside: acquirers."""
