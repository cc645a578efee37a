"""Drivers of customer displays."""
