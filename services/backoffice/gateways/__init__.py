"""Clients of the other services, by HTTP, with the token of the person at the page."""
