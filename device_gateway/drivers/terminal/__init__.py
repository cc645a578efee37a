"""Drivers of payment terminals: see README.md for what a new one needs."""
