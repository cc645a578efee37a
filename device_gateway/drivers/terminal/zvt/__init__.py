"""ZVT: see README.md."""
