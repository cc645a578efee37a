"""The HTTP routes of catalog, one file per resource."""
