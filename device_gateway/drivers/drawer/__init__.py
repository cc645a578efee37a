"""Drivers of drawers with a line of their own."""
