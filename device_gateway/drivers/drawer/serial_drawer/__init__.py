"""Cash drawers on a serial line of their own."""
