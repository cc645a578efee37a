"""What payments does, one verb to a file."""
