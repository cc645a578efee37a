"""Scanners that type into the till page."""
