"""Drivers of scanners."""
