"""Payments: intents, terminals' outcomes, settlement."""
