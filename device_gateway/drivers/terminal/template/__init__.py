"""A template to copy for a new terminal: see README.md."""
