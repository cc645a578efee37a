"""Pure rules of the catalogue: no I/O, no clock."""
