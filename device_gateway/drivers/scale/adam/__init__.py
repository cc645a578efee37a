"""Scales by Adam Equipment."""
