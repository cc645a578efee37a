"""Terminals that are driven by starting a program and reading its files: see README.md."""
