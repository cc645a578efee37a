"""A web page on a second screen."""
