"""What proves the system: a settable clock, fault points, factories, database fixtures and the history checker."""
