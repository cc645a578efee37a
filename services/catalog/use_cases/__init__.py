"""What catalog does, one verb per file; each runs in the transaction of its edge."""
