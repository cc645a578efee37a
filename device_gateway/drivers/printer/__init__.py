"""Drivers of printers."""
