"""Scanners on a serial line or a virtual COM port."""
