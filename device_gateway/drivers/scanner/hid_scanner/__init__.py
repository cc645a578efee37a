"""Scanners that are keyboards to Linux, read without typing into anything."""
