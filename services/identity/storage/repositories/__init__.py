"""Reads and writes of identity's tables, one repository for each aggregate, each on one connection."""
