"""The operators' web pages: a client of the other services' APIs."""
