"""Pure rules of payments: no I/O, no clock."""
